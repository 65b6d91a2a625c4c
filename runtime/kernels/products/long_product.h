#pragma once
// Products of f32 over more terms than f32 can add up one after the other. Internal to runtime/kernels/.

#include <memory>

#include "weft/runtime/kernels/products/product.h"

namespace weft {

/// Up to so many terms the usual kernels add in f32: an error of at most k 2^-24 of the sum of the terms'
/// absolute values.
inline constexpr std::int64_t kLongestInSingle = 2048;

/// More terms than that, or the dot product of two vectors, which costs no more in f64.
inline bool needs_long_sums(const Product& product) {
  const auto [m, n, k] = product.sizes;
  return k > kLongestInSingle || (m == 1 && n == 1);
}

/// For those products. Few rows or columns are added in f64 throughout. Else partial products over
/// 1,024 terms each come from oneDNN, and are added in f64: the error is at most 1024 * 2^-24 of the sum of
/// absolute values, however many terms there are.
std::unique_ptr<Kernel> make_long_product(const Product& product, const Shard& shard);

}  // namespace weft
