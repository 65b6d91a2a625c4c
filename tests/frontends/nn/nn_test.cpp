#include "weft/frontends/nn.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

TEST(Dense, AppliesWeightAndBias) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2});
  const nn::Dense layer = nn::dense(graph, "layer", 2, 1);
  Session session(graph);
  session.set("layer/weight", Tensor::of({2.0F, 3.0F}, {2, 1}));
  session.set("layer/bias", Tensor::of({0.5F}));
  Function function = session.compile({.inputs = {x}, .outputs = {layer(x)}, .updates = {}});
  EXPECT_EQ(function({Tensor::of({1.0F, 10.0F}, {1, 2})})[0].item<float>(), 32.5F);
}

TEST(Dense, CanDoWithoutBias) {
  Graph graph;
  const nn::Dense layer = nn::dense(graph, "layer", 2, 3, f64, {.bias = false});
  EXPECT_EQ(layer.parameters().size(), 1U);
  EXPECT_EQ(layer.weight.type(), (TensorType{f64, {2, 3}}));
}

TEST(Dense, BlamesTheLineThatAppliedIt) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 5});
  const nn::Dense layer = nn::dense(graph, "layer", 4, 3);
  const auto line = std::to_string(__LINE__ + 1);
  const auto apply_layer = [&] { layer(x); };
  expect_error(ErrorCode::shape_mismatch,
               {"nn_test.cpp:" + line, "dense 'layer'", "f32[..., 4]", "f32[batch, 5]"}, apply_layer);
  expect_error(ErrorCode::dtype_mismatch, {"dense 'layer'", "f32[..., 4]", "f64[batch, 4]"},
               [&] { layer(input(graph, "wide", f64, {"batch", 4})); });
  expect_error(ErrorCode::shape_mismatch, {"two axes"},
               [&] { nn::dense(input(graph, "v", f32, {5}), "d", 3); });
}

TEST(Dense, TakesASparseMatrix) {
  Graph graph;
  const nn::Dense layer = nn::dense(graph, "layer", 3, 1);
  const SparseValue x = sparse_constant(
      graph, SparseTensor::from_dense(Tensor::of({0.0F, 1.0F, 0.0F, 2.0F, 0.0F, 0.0F}, {2, 3})));
  Session session(graph);
  session.set("layer/weight", Tensor::of({2.0F, 3.0F, 4.0F}, {3, 1}));
  session.set("layer/bias", Tensor::of({0.5F}));
  Function function = session.compile({.inputs = {}, .outputs = {layer(x)}, .updates = {}});
  const Tensor output = function()[0];
  const auto y = output.values<float>();
  EXPECT_EQ(y[0], 3.5F);
  EXPECT_EQ(y[1], 4.5F);
  const nn::Dense other = nn::dense(graph, "other", 4, 3);
  const auto line = std::to_string(__LINE__ + 1);
  const auto apply_other = [&] { other(x); };
  expect_error(ErrorCode::shape_mismatch, {"nn_test.cpp:" + line, "dense 'other'", "[..., 4]", "[2, 3]"},
               apply_other);
}

TEST(Dense, NamesAreUniqueInAGraph) {
  Graph graph;
  nn::dense(graph, "layer", 4, 3);
  expect_error(ErrorCode::invalid_argument, {"layer/weight"}, [&] { nn::dense(graph, "layer", 4, 3); });
}

}  // namespace
}  // namespace weft
