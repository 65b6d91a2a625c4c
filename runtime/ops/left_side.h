#pragma once
// How the left side of a product comes: as a tensor, as bytes, or as the non-zeros of its rows.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/runtime/ops/stored_rows.h"

namespace weft {

/// What is known of a matrix whose rows are stored as their non-zeros.
struct RowLayout {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t nonzeros = 0;
  std::int64_t fullest_row = 0;  // its non-zeros; 0 where nothing is known of single rows
  DType values = DType::f32;     // u8 or f32
  bool wide_columns = false;     // i32, where u16 does not hold them
  /// For each column the load of the columns before it, and at last the load of all. A cut along the columns
  /// balances it.
  std::shared_ptr<const std::vector<std::int64_t>> column_load{};

  DType column_dtype() const { return wide_columns ? DType::i32 : DType::u16; }
  /// The share of non-zeros; 0 for an empty matrix.
  double density() const;
  friend bool operator==(const RowLayout&, const RowLayout&) = default;
};
std::string attribute_text(const RowLayout& layout);

enum class LeftForm : std::uint8_t {
  dense,     // a tensor [..., m, k]
  bytes,     // u8 [m, k], of which a run skips the zeros
  rows,      // the rows of a sparse matrix: begins, ends, columns and values, as SparseTensor has them
  numbered,  // the same of a larger matrix, and the numbers of the rows to take, as CheckedRows gives them
};

/// Where the numbers of rows lie among the inputs of a left side.
inline constexpr std::size_t kRowNumbers = 4;

struct LeftSide {
  LeftForm form = LeftForm::dense;
  RowLayout rows{};  // where its rows are stored

  /// How many inputs it is.
  std::size_t inputs() const;
  /// Whether its non-zeros are stored. A zero then counts as absent: 0 times infinity is 0.
  bool is_stored() const { return form >= LeftForm::rows; }
  friend bool operator==(const LeftSide&, const LeftSide&) = default;
};

/// Where the rows lie; `at` gives the memory of the inputs. For numbered rows that is the larger matrix.
template <typename At>
StoredRows stored_rows(const LeftSide& left, const At& at) {
  return {.begins = static_cast<const std::int64_t*>(at(0)),
          .ends = static_cast<const std::int64_t*>(at(1)),
          .columns = at(2),
          .values = at(3),
          .wide_columns = left.rows.wide_columns,
          .byte_values = left.rows.values == DType::u8};
}

}  // namespace weft
