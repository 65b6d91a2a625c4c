#pragma once
// What a product's kernel does to its result while the result is in the cache. Internal to runtime/kernels/.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "weft/runtime/ops/fused_ops.h"

namespace weft {

enum class After : std::uint8_t { nothing, relu, tanh, sigmoid };

/// Empty for an op that no kernel computes.
std::optional<After> after_of(const Epilogue& epilogue);

/// Applies it to `count` elements. oneDNN's own tanh is several times slower than a vectorized one right
/// behind the product, and its relu turns a NaN into 0.
void finish(After after, float* c, std::size_t count);
void finish(After after, double* c, std::size_t count);

}  // namespace weft
