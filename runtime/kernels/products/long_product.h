#pragma once
// Products of f32 over more terms than f32 can add up one after the other. Internal to runtime/kernels/.

#include <memory>

#include "weft/runtime/kernels/products/product.h"

namespace weft {

/// The usual kernels add up to this many terms in f32, with an error of at most k 2^-24 of the sum of the
/// terms' absolute values.
inline constexpr std::int64_t kLongestInSingle = 2048;

/// Where there are at most so many rows or columns, longer sums are made in f64.
inline constexpr std::int64_t kFewLongSums = 4;

/// Whether there are more terms than that, or it is the dot product of two vectors, which costs no more in
/// f64.
inline bool needs_long_sums(const Product& product) {
  const auto [m, n, k] = product.sizes;
  return k > kLongestInSingle || (m == 1 && n == 1);
}

/// The kernel of those products. Where there are few rows or columns, all is added in f64. Otherwise oneDNN
/// makes partial products over 1,024 terms each, and those are added in f64: the error is at most 1024 *
/// 2^-24 of the sum of absolute values, however many terms there are.
std::unique_ptr<Kernel> make_long_product(const Product& product, const Shard& shard);

}  // namespace weft
