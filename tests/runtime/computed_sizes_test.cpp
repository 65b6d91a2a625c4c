// Functions over shapes that are computed from symbols, run with several sizes.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/conv.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::replay;
using testing_support::TensorSource;

/// What a function gives for fed tensors is what the reference interpreter gives for the same sizes.
void expect_as_reference(Graph& graph, const std::vector<Value>& inputs, const std::vector<Value>& outputs,
                         const Bindings& sizes, TensorSource& source) {
  Session session(graph);
  Function function = session.compile({.inputs = inputs, .outputs = outputs, .updates = {}});
  std::vector<Tensor> fed;
  testing_support::Feeds feeds;
  for (const Value& input : inputs) {
    fed.push_back(source.uniform(input.shape().bind(sizes).sizes(), -1.0, 1.0, input.dtype()));
    feeds[input.name()] = fed.back();
  }
  const auto found = function(fed);
  const auto wanted = evaluate_values(outputs, feeds, sizes);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_EQ(found[i].type(), wanted[i].type());
    const auto a = numbers(found[i]);
    const auto b = numbers(wanted[i]);
    for (std::size_t j = 0; j < a.size(); ++j) ASSERT_NEAR(a[j], b[j], 1e-10) << i << " at " << j;
  }
}

TEST(ComputedSizes, JoinTimeAndBatchForOneProduct) {
  TensorSource source("one product");
  SCOPED_TRACE(replay());
  Graph graph;
  const Value x = input(graph, "x", f64, {"b", "t", 3});
  const Value w = input(graph, "w", f64, {3, 5});
  const Value y = reshape(matmul(reshape(x, {-1, 3}), w), {"b", "t", 5});
  const auto slopes = gradients(sum(square(y)), {x, w});
  EXPECT_EQ(slopes[0].type(), x.type());
  for (const Bindings& sizes :
       {Bindings{{"b", 2}, {"t", 4}}, Bindings{{"b", 1}, {"t", 1}}, Bindings{{"b", 0}, {"t", 3}}}) {
    expect_as_reference(graph, {x, w}, {y, slopes[0], slopes[1]}, sizes, source);
  }
}

TEST(ComputedSizes, JoinAndCutAxes) {
  TensorSource source("axes");
  SCOPED_TRACE(replay());
  Graph graph;
  const Value a = input(graph, "a", f64, {"c", 3});
  const Value b = input(graph, "b", f64, {"d", 3});
  const Value joined = concat({a, b, a}, 0);
  const Value cut = slice(joined, 0, 1, -2);
  const auto slopes = gradients(sum(square(cut)) + sum(mean(joined, {0})), {a, b});
  for (const Bindings& sizes : {Bindings{{"c", 2}, {"d", 1}}, Bindings{{"c", 4}, {"d", 3}}}) {
    expect_as_reference(graph, {a, b}, {joined, cut, slopes[0], slopes[1]}, sizes, source);
  }
}

TEST(ComputedSizes, RunANetworkOverPicturesOfAnySize) {
  TensorSource source("pictures");
  SCOPED_TRACE(replay());
  Graph graph;
  const Value image = input(graph, "image", f64, {"n", 3, "h", "w"});
  const Value w = input(graph, "weights", f64, {4, 3, 3, 3});
  const Value features = max_pool2d(conv2d(image, w, {.stride = 1, .padding = 1}), {.window = 2});
  const Value smooth = avg_pool2d(features, {.window = 2, .stride = 1});
  const Value flat = flatten(smooth);
  EXPECT_EQ(to_string(flat.shape()), "[n, (h//2)*(w//2)*4 + 4 - (h//2)*4 - (w//2)*4]");
  const Value pooled = mean(features, {2, 3});
  const auto slopes = gradients(sum(square(flat)) + sum(pooled), {image, w});
  for (const Bindings& sizes :
       {Bindings{{"n", 2}, {"h", 6}, {"w", 5}}, Bindings{{"n", 1}, {"h", 4}, {"w", 9}}}) {
    expect_as_reference(graph, {image, w}, {flat, pooled, slopes[0], slopes[1]}, sizes, source);
  }
}

TEST(ComputedSizes, TellWhatWasWrittenWhereTheyDoNotFit) {
  Graph graph;
  const Value image = input(graph, "image", f32, {"n", 1, "h", "w"});
  const int line = __LINE__ + 1;
  const Value y = max_pool2d(image, {.window = 3});
  Session session(graph);
  Function function = session.compile({.inputs = {image}, .outputs = {y}, .updates = {}});
  function({Tensor::zeros(f32, {2, 1, 3, 3})});
  expect_error(
      ErrorCode::shape_mismatch,
      {at_line(line), "max_pool2d", "does not fit into the height", "f32[n, 1, h, w]", "h = 2, n = 2, w = 3"},
      [&] { function({Tensor::zeros(f32, {2, 1, 2, 3})}); });
  EXPECT_EQ(function({Tensor::zeros(f32, {1, 1, 6, 3})})[0].type(), (TensorType{f32, {1, 1, 2, 1}}));
}

}  // namespace
}  // namespace weft
