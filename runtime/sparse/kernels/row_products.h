#pragma once
// Products of stored rows with a dense matrix, which is copied into packed panels where that pays. Internal
// to sparse/kernels/.

#include <cstddef>
#include <cstdint>

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/sparse/vector/sparse_functions.h"

namespace weft {

class RowProducts {
 public:
  /// For at most `rows` rows at a time, whose non-zeros lie in `columns`, at most `fullest_row` in a row, and
  /// a matrix of rows of n. A packed panel has `panel_bytes`, a whole number of cache lines.
  RowProducts(std::int64_t rows, Range columns, std::int64_t n, std::int64_t fullest_row,
              std::size_t panel_bytes = nearest_cache());

  /// A whole number of cache lines; 0 where packed panels cannot pay.
  std::size_t scratch_bytes() const;
  /// y[i, :] = scale * x[i, :] w + bias for the first `count` rows; the rows of w lie `stride` elements
  /// apart, and `bias` may be null. `scratch` is aligned to 64 bytes. The bits do not depend on whether
  /// panels are packed.
  void multiply(const StoredRows& x, std::int64_t count, const float* w, std::int64_t stride, float scale,
                const float* bias, float* y, std::byte* scratch,
                const SparseFunctions& functions = sparse_functions()) const;

 private:
  std::size_t panel_bytes() const { return static_cast<std::size_t>(panel_) * sizeof(float); }
  bool pays(std::int64_t count, std::int64_t nonzeros) const;

  std::int64_t rows_ = 0;
  Range columns_;
  std::int64_t n_ = 0;
  std::int64_t panel_ = 0;   // floats
  std::int64_t panels_ = 0;  // that hold the whole matrix
  bool may_pay_ = false;
};

}  // namespace weft
