#pragma once
// What normalization layers are made of. Internal to nn/.

#include <string_view>

#include "weft/graph/graph.h"
#include "weft/ops/reduce.h"

namespace weft::nn::detail {

/// A parameter [size] that starts as `initial`.
Value vector_of(Graph& graph, std::string_view name, std::int64_t size, DType dtype, double initial,
                Where where);

/// sqrt(size^2 + epsilon), also for numbers whose squares overflow.
Value regularized(const Value& size, double epsilon);

/// h = (x - mean) / sqrt(variance + epsilon) with the moments along `axes`. Its gradient takes two passes
/// over dh and x: dx = (dh - mean(dh) - h mean(dh h)) / sqrt(variance + epsilon).
Value standardized(const Value& x, const Axes& axes, double epsilon);

/// The size along `axis`, which a layer normalizes. Throws Error(shape_mismatch) unless x is floating point
/// and has a number there.
std::int64_t size_of_axis(std::string_view layer, std::string_view name, const TensorType& x,
                          std::int64_t axis, Where where);

}  // namespace weft::nn::detail
