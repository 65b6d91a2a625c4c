#pragma once
// A matrix product in blocks, after Goto and van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (ACM TOMS 2008): blocks of rows of a and panels of columns of b are copied to where the
// loops of panel_functions.h find them in the caches. A panel of b is copied right before all rows of a use
// it, so that b is read from memory once however few rows there are. Internal to runtime/kernels/.

#include <cstddef>
#include <cstdint>

#include "weft/runtime/kernels/products/epilogue.h"
#include "weft/runtime/kernels/products/panels/panel_functions.h"

namespace weft {

/// The sizes of c[m, n] = the product of a[m, k] and b[k, n].
struct BlockedSizes {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
};

/// c = after(start + alpha * a b), where start is the bias, c itself, or 0. The rows of c are contiguous,
/// `c_row` apart.
template <typename T>
struct BlockedProduct {
  BlockedSizes sizes;
  Strided<const T> a;
  Strided<const T> b;
  T* c = nullptr;
  std::int64_t c_row = 0;
  const T* bias = nullptr;
  bool accumulate = false;
  T alpha = 1;
  After after = After::nothing;
};

/// The most terms that f32 sums with the error that matmul promises: terms are added up in blocks, and the
/// sums of the blocks one after the other.
inline constexpr std::int64_t kMostBlockedTerms = std::int64_t{1} << 18;

/// How many bytes of scratch memory multiply_in_blocks needs for products that are at most so large.
template <typename T>
std::size_t blocked_scratch_bytes(const BlockedSizes& most, const PanelFunctions<T>& functions);

/// An element's bits depend on its row of a, its column of b and k alone. `scratch` is aligned to cache
/// lines.
template <typename T>
void multiply_in_blocks(const BlockedProduct<T>& product, std::byte* scratch,
                        const PanelFunctions<T>& functions);

/// y = x b for one row, at the speed of memory, where the rows or the columns of b are contiguous: y[n],
/// x[k]. The bits are others than those of multiply_in_blocks, and depend on x, a column of b and k alone.
template <typename T>
void multiply_row(const T* x, const BlockedSizes& sizes, Strided<const T> b, T* y,
                  const PanelFunctions<T>& functions);

}  // namespace weft
