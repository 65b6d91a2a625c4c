#pragma once
// The ops that replace products whose left side X is resident and mostly zeros (skip_zeros.h) or sparse
// (sparse_products.h). They are ordinary ops with reference kernels; the compiler makes them. A zero counts
// as absent: 0 times infinity is 0 here, unless FiniteColumns is added. Separate ops check the data, so that
// the products cannot fail and may write over what they update.

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/ops/fused_ops.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

struct CheckedRows {  // integers [m] as i32, each in [0, limit)
  static constexpr std::string_view name = "checked_rows";
  static constexpr Traits traits{.can_fail = true};
  std::int64_t limit = 0;
  static constexpr auto attributes = weft::attributes(&CheckedRows::limit);
  TensorType infer(const TensorType& rows) const;
  void forward(const KernelArgs& args) const { check(args.inputs[0], args.outputs[0], 0); }
  /// Checks some of the rows, starting with number `first`.
  void check(const ConstArg& rows, const Arg& checked, std::int64_t first) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// The rows of a sparse matrix [rows, width], begins and ends, as they are once they and their columns have
/// passed check_sparse_rows.
struct CheckedEntries {
  static constexpr std::string_view name = "checked_entries";
  static constexpr Traits traits{.can_fail = true};
  std::int64_t width = 0;
  static constexpr auto attributes = weft::attributes(&CheckedEntries::width);
  std::array<TensorType, 2> infer(const TensorType& begins, const TensorType& ends,
                                  const TensorType& columns) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// The form in which X comes, and so how many inputs it is.
enum class RowsForm : std::uint8_t {
  store,     // a store of rows, u8 [bytes], see row_store.h
  numbered,  // a store and the numbers of its rows, as CheckedRows gives them
  entries,   // begins and ends, as CheckedEntries gives them, columns i32 and values: a sparse matrix
};
constexpr std::size_t inputs_of(RowsForm form) {
  return form == RowsForm::store ? 1 : form == RowsForm::numbered ? 2 : 4;
}
std::string attribute_text(RowsForm form);

/// Where the rows lie; `at` gives the memory of the inputs. For numbered rows that is all rows of the store.
template <typename At>
StoredRows stored_rows(const RowLayout& layout, RowsForm form, const At& at) {
  if (form != RowsForm::entries) return layout.view(at(0));
  return {.begins = static_cast<const std::int64_t*>(at(0)),
          .ends = static_cast<const std::int64_t*>(at(1)),
          .columns = at(2),
          .values = at(3),
          .wide_columns = true,
          .byte_values = layout.values == DType::u8};
}

/// y = activation(scale * X w + bias), X [m, k]. Inputs: X, w [k, n], bias [n] if it has one.
struct ResidentMatMul {
  static constexpr std::string_view name = "resident_matmul";
  static constexpr Traits traits{.can_fail = false};
  RowLayout layout;
  RowsForm form = RowsForm::store;
  double scale = 1.0;
  bool bias = false;
  Epilogue activation;
  static constexpr auto attributes =
      weft::attributes(&ResidentMatMul::layout, &ResidentMatMul::form, &ResidentMatMul::scale,
                       &ResidentMatMul::bias, &ResidentMatMul::activation);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};
std::string attribute_text(const ResidentMatMul& product);
bool operator==(const ResidentMatMul& a, const ResidentMatMul& b);

/// y[j] = the sum of 0 * w[i, j] over i: 0, or NaN where column j of w [k, n] holds an infinity or a NaN.
/// Added to a product that skips zeros, it gives what the skipped terms would have given.
struct FiniteColumns {
  static constexpr std::string_view name = "finite_columns";
  TensorType infer(const TensorType& w) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// A cut along the columns of X whose shards get about equally many non-zeros.
Cut column_cut(const RowLayout& layout);

/// scale * X w as a sum along k, X [m, k] (split-K): output i is scale * X[:, K] w[K, :] where K is the i-th
/// range of column_cut(layout). The shard that computes it reads only the rows of w that the same shard of a
/// gradient updates. Inputs: X, w [k, n]. The numbers of numbered rows may be any integers; every shard
/// checks those that it reads, so that no barrier is needed behind a check of all.
struct ResidentSplitMatMul {
  static constexpr std::string_view name = "resident_split_matmul";
  static constexpr Traits traits{.can_fail = true};
  RowLayout layout;
  RowsForm form = RowsForm::numbered;
  std::int64_t terms = 1;
  double scale = 1.0;
  static constexpr auto attributes =
      weft::attributes(&ResidentSplitMatMul::layout, &ResidentSplitMatMul::form, &ResidentSplitMatMul::terms,
                       &ResidentSplitMatMul::scale);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// A product [m, n] in column blocks: [column_blocks, m, n / column_blocks]. The shard that computes a column
/// block reads only the columns of w that the same shard of a gradient updates. Inputs are those of the
/// product, but numbered rows are checked here, as ResidentSplitMatMul does.
struct ResidentColumnBlockMatMul {
  static constexpr std::string_view name = "resident_column_block_matmul";
  static constexpr Traits traits{.can_fail = true};
  ResidentMatMul product;
  std::int64_t column_blocks = 2;
  static constexpr auto attributes =
      weft::attributes(&ResidentColumnBlockMatMul::product, &ResidentColumnBlockMatMul::column_blocks);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// y = c + scale * X^T d, with d [m, n]: the gradient of a weight, and its update where c is the weight.
/// Inputs: c [k, n] if it `accumulates`, X, d; in several column blocks, d is [column_blocks, m, n /
/// column_blocks].
struct ResidentGradient {
  static constexpr std::string_view name = "resident_gradient";
  static constexpr Traits traits{.can_fail = false};
  RowLayout layout;
  RowsForm form = RowsForm::store;
  double scale = 1.0;
  bool accumulates = false;
  std::int64_t column_blocks = 1;
  static constexpr auto attributes =
      weft::attributes(&ResidentGradient::layout, &ResidentGradient::form, &ResidentGradient::scale,
                       &ResidentGradient::accumulates, &ResidentGradient::column_blocks);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

}  // namespace weft
