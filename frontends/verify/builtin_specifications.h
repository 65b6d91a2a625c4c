#pragma once
// The groups of builtin_specifications(), one for each file of specifications. Internal to verify/.

#include <vector>

#include "weft/frontends/verify/specification.h"

namespace weft::verify::builtin {

using List = std::vector<Specification>;

List sources_and_control();
List arithmetic();
List activations_and_comparisons();
List functions();
List rounding_and_bits();
List numbers_and_tails();
List folds_and_scans();
List structures();
List indices_and_orders();
List linear_algebra();
List products_and_reductions();
List sparse_products();
List convolutions();
List poolings();
List resizings();
List fourier_transforms();
List layouts_and_indices();
List normalizations_and_random();
List loops_and_branches();
List communication();

inline Tensor nothing(DType dtype, const Sizes& sizes) { return Tensor::zeros(dtype, sizes); }

/// Some axes of a shape; an empty list, which stands for all, is possible.
inline std::vector<std::int64_t> some_axes(SampleSource& source, const Sizes& sizes) {
  std::vector<std::int64_t> axes;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (source.coin()) axes.push_back(static_cast<std::int64_t>(axis));
  }
  return axes;
}

/// Factors, some of which are 0.
inline Tensor factors(SampleSource& source, const Sizes& sizes) {
  Tensor x = source.away_from_zero(sizes, 0.5, 1.5);
  for (double& factor : x.mutable_values<double>()) {
    if (source.below(5) == 0) factor = 0.0;
  }
  return x;
}

/// Two shapes, in random order, one of which broadcasts to the other.
struct ShapePair {
  Sizes a;
  Sizes b;
};
inline ShapePair broadcasting(SampleSource& source) {
  Sizes wide = source.shape();
  Sizes narrow = source.broadcastable_to(wide);
  if (source.coin()) return {.a = std::move(wide), .b = std::move(narrow)};
  return {.a = std::move(narrow), .b = std::move(wide)};
}

/// Refusals of an op that takes any types: other numbers of inputs.
inline std::vector<Refusal> not_so_many(const Op& op, std::size_t arity) {
  const std::vector<Tensor> none(arity == 0 ? 1 : arity - 1, nothing(f64, {2}));
  return {{op, none, ErrorCode::invalid_argument},
          {op, std::vector(arity + 1, nothing(f64, {2})), ErrorCode::invalid_argument}};
}

/// Refusals of a one-input op that wants floats.
inline std::vector<Refusal> not_floats(const Op& op) {
  return {{op, {nothing(i32, {2})}, ErrorCode::dtype_mismatch},
          {op, {nothing(boolean, {2, 3})}, ErrorCode::dtype_mismatch}};
}

/// Refusals of a two-input op that broadcasts tensors of one dtype.
inline std::vector<Refusal> no_pair(const Op& op) {
  return {{op, {nothing(f64, {2}), nothing(f64, {3})}, ErrorCode::shape_mismatch},
          {op, {nothing(f64, {2, 3}), nothing(f64, {2, 1, 2})}, ErrorCode::shape_mismatch},
          {op, {nothing(f32, {2}), nothing(f64, {2})}, ErrorCode::dtype_mismatch}};
}

}  // namespace weft::verify::builtin
