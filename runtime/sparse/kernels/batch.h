#pragma once
// what the kernels of stored rows share. Internal to sparse/kernels/.

#include <algorithm>
#include <optional>

#include "weft/runtime/ops/gemm.h"
#include "weft/runtime/sparse/kernels/batch_rows.h"
#include "weft/runtime/sparse/kernels/packed_rows.h"
#include "weft/runtime/sparse/kernels/row_products.h"

namespace weft {

inline const float* floats(const std::byte* bytes) { return reinterpret_cast<const float*>(bytes); }
inline const std::int32_t* integers(const std::byte* bytes) {
  return reinterpret_cast<const std::int32_t*>(bytes);
}

// The cost of a non-zero beside its products, where putting it into a list by column costs 1: to look it up
// in a product (an estimate); to copy it as well, which costs half as much as the list on a Zen 5; to look it
// up and to list it.
inline constexpr double kLook = 0.3;
inline constexpr double kLookAndCopy = 0.8;
inline constexpr double kLookAndList = 1.3;

/// The rows X that a product takes.
struct Batch {
  LeftSide left;
  std::size_t first = 0;  // where they begin among the inputs
  std::int64_t rows = 0;
  std::int64_t n = 0;
  std::int64_t column_blocks = 1;  // of the n columns: [column_blocks, rows, n / column_blocks]

  const RowLayout& layout() const { return left.rows; }
  bool is_numbered() const { return left.form == LeftForm::numbered; }
  std::int64_t width() const { return n / column_blocks; }
  std::size_t after() const { return first + left.inputs(); }  // the input that follows them
  StoredRows view(const KernelBuffers& buffers) const {
    return stored_rows(left,
                       [&](std::size_t i) { return static_cast<const void*>(buffers.inputs[first + i]); });
  }
  const std::int32_t* numbers(const KernelBuffers& buffers) const {
    return is_numbered() ? integers(buffers.inputs[first + kRowNumbers]) : nullptr;
  }
  /// Every non-zero is multiplied with a row of n floats; their number in a batch is known on average. The
  /// weights are read `passes` times, the non-zeros alone `looks` times.
  Work work(double passes, double looks) const;
};

/// A cut along the columns of X whose shards get about equally many non-zeros.
Cut column_cut(const RowLayout& layout);

/// Products of a batch's rows with rows of w, some at a time.
class BatchProducts {
 public:
  /// For `rows` of the batch, with `columns` of X and the same rows of w.
  BatchProducts(const Batch& batch, Range rows, Range columns);
  /// For the whole batch, with these column blocks of w.
  BatchProducts(const Batch& batch, Range column_blocks);

  std::size_t scratch_bytes() const;
  /// y[i, :] = scale * X[i, columns] w[columns, :] + bias for the rows; `x` and `numbers` are those of the
  /// whole batch; `w`, `bias` and `y` point to the starts, and `bias` may be null. Calls finished(y,
  /// elements) for each group of rows while its results lie in the cache.
  template <typename F>
  void multiply(const StoredRows& x, const std::int32_t* numbers, const float* w, float scale,
                const float* bias, float* y, std::byte* scratch, F finished) const {
    for (std::int64_t row = rows_.begin; row < rows_.end; row += kGroup) {
      const Range group{row, std::min(row + kGroup, rows_.end)};
      const std::int64_t count = group.end - group.begin;
      const StoredRows taken = rows_of(x, numbers, group, scratch + products_.scratch_bytes());
      for (std::int64_t block = column_blocks_.begin; block < column_blocks_.end; ++block) {
        const std::int64_t at = block * width_;
        float* const to = y + at * height_ + group.begin * width_;
        products_.multiply(taken, count, w + at, stride_, scale, bias != nullptr ? bias + at : nullptr, to,
                           scratch);
        finished(to, static_cast<std::size_t>(count * width_));
      }
    }
  }

 private:
  static constexpr std::int64_t kGroup = 128;  // rows whose copy stays in a core's cache

  BatchProducts(const Batch& batch, Range rows, Range columns, Range column_blocks);

  /// The rows of `group` as rows 0, 1, ...
  StoredRows rows_of(const StoredRows& x, const std::int32_t* numbers, Range group, std::byte* scratch) const;

  Range rows_;
  Range column_blocks_;
  std::int64_t height_ = 0;  // of the whole batch
  std::int64_t width_ = 0;
  std::int64_t stride_ = 0;  // of w
  RowProducts products_;
  BatchRows taken_;
  std::optional<PackedRows> packed_;
};

}  // namespace weft
