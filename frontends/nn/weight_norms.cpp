#include "weft/frontends/nn/weight_norms.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/norm.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::nn::detail {
namespace {

constexpr int kFirstIterations = 15;  // as many as PyTorch makes before the first step

/// [units, others]
Value as_matrix(const Value& weight, std::int64_t axis) {
  const Value first = move_axis(weight, axis, 0);
  const Dim units = first.shape()[0];
  return reshape(first, Shape{units, floor_div(first.shape().count(), units)});
}

Value unit_vector(const Value& x, double epsilon) { return x / maximum(norm(x), epsilon); }

/// W^T u / |W^T u| and W v / |W v|, as vectors.
Value right_vector(const Value& matrix, const Value& u, double epsilon) {
  const Value row = matmul(reshape(u, Shape{1, matrix.shape()[0]}), matrix);
  return unit_vector(reshape(row, Shape{matrix.shape()[1]}), epsilon);
}
Value left_product(const Value& matrix, const Value& v) {
  return reshape(matmul(matrix, reshape(v, Shape{matrix.shape()[1], 1})), Shape{matrix.shape()[0]});
}

/// All axes but one.
Axes other_axes(const Value& weight, std::int64_t axis) {
  const std::size_t unit = normalize_axis(axis, weight.shape().rank());
  Axes axes;
  for (std::size_t i = 0; i < weight.shape().rank(); ++i) {
    if (i != unit) axes.push_back(static_cast<std::int64_t>(i));
  }
  return axes;
}

/// The prefix of the names of a layer's state, and what its weight must be.
std::string expect_weight(std::string_view what, const Value& weight, std::int64_t axis, const Where& where) {
  expect_value(weight, what, "the weight of the layer", where);
  const std::string name = layer_name(weight);
  if (!weight.graph().node(weight.node()).op.is<Parameter>() || weight.shape().rank() < 2) {
    throw Error(ErrorCode::invalid_argument,
                "the weight that is normalized is a parameter with two axes or more",
                {.op = std::string(what),
                 .node = weight.name(),
                 .actual = to_string(weight.type()),
                 .where = to_string(where)});
  }
  located(what, where, [&] { normalize_axis(axis, weight.shape().rank()); });
  return name.empty() ? "" : name + "/";
}

}  // namespace

SpectralWeight spectral_weight(const Value& weight, const Value& u, std::int64_t axis,
                               std::int64_t iterations, double epsilon) {
  const Value matrix = as_matrix(weight, axis);
  const Value fixed = stop_gradient(matrix);
  Value left = u;
  Value right = right_vector(fixed, left, epsilon);
  for (std::int64_t i = 0; i < iterations; ++i) {
    if (i > 0) right = right_vector(fixed, left, epsilon);
    left = unit_vector(left_product(fixed, right), epsilon);
  }
  const Value sigma = sum(left * left_product(matrix, right));
  return {.weight = weight / sigma, .u = left};
}

Value spectral_state(const Value& weight, std::int64_t axis, const SpectralNormOptions& options,
                     const Where& where) {
  const std::string prefix = expect_weight("spectral_norm", weight, axis, where);
  if (options.iterations < 1) {
    throw Error(ErrorCode::invalid_argument, "the power method takes at least one step",
                {.op = "spectral_norm",
                 .expected = "iterations >= 1",
                 .actual = std::to_string(options.iterations),
                 .where = to_string(where)});
  }
  Graph& graph = weight.graph();
  const Transaction whole(graph);
  const Scope origin(graph, "", where);
  const Value matrix = as_matrix(weight, axis);
  Value u = unit_vector(random_normal(graph, weight.dtype(), Shape{matrix.shape()[0]}), options.epsilon);
  for (int i = 0; i < kFirstIterations; ++i)
    u = unit_vector(left_product(matrix, right_vector(matrix, u, options.epsilon)), options.epsilon);
  return parameter(graph, prefix + "spectral_u", u, where);
}

Value normalized_weight(const Value& weight, const Value& gain, std::int64_t axis) {
  const Value lengths = norm(weight, other_axes(weight, axis), true);
  return weight * (reshape(gain, lengths.shape()) / lengths);
}

Value gain_parameter(const Value& weight, std::int64_t axis, const Where& where) {
  const std::string prefix = expect_weight("weight_norm", weight, axis, where);
  Graph& graph = weight.graph();
  const Transaction whole(graph);
  const Scope origin(graph, "", where);
  return parameter(graph, prefix + "gain", norm(weight, other_axes(weight, axis)), where);
}

}  // namespace weft::nn::detail
