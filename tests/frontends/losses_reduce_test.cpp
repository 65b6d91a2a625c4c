#include <gtest/gtest.h>

#include "weft/frontends/losses.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

/// What reduce makes of {1, 2, 4} with labels {0, 1, 1}.
double reduced(losses::Reduction reduction, bool sample_weights, bool class_weights, bool soft = false) {
  Graph graph;
  losses::ReduceOptions options{.reduction = reduction};
  if (sample_weights) options.sample_weights = constant(graph, Tensor::of({1.0, 0.5, 2.0}));
  if (class_weights) options.class_weights = constant(graph, Tensor::of({3.0, 0.25}));
  options.targets = soft ? constant(graph, Tensor::of({1.0, 0.0, 0.0, 1.0, 0.0, 1.0}, {3, 2}))
                         : constant(graph, Tensor::of({std::int64_t{0}, std::int64_t{1}, std::int64_t{1}}));
  const Value loss = losses::reduce(constant(graph, Tensor::of({1.0, 2.0, 4.0})), options);
  Session session(graph);
  Function function = session.compile({.inputs = {}, .outputs = {loss}, .updates = {}});
  return function()[0].item<double>();
}

TEST(Reduce, DividesByTheSumOfTheWeights) {
  using losses::Reduction;
  EXPECT_DOUBLE_EQ(reduced(Reduction::mean, false, false), 7.0 / 3.0);
  EXPECT_DOUBLE_EQ(reduced(Reduction::sum, false, false), 7.0);
  EXPECT_DOUBLE_EQ(reduced(Reduction::mean, true, false), (1.0 + 1.0 + 8.0) / 3.5);
  EXPECT_DOUBLE_EQ(reduced(Reduction::sum, true, false), 10.0);
  EXPECT_DOUBLE_EQ(reduced(Reduction::mean, false, true), (3.0 + 0.5 + 1.0) / 3.5);
  EXPECT_DOUBLE_EQ(reduced(Reduction::mean, false, true, true), (3.0 + 0.5 + 1.0) / 3.5);
  EXPECT_DOUBLE_EQ(reduced(Reduction::mean, true, true), (3.0 + 0.25 + 2.0) / (3.0 + 0.125 + 0.5));
}

TEST(Reduce, RejectsWeightsThatDoNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch"});
  const Value column = input(graph, "column", f32, {"batch", 1});
  expect_error(ErrorCode::invalid_argument, {"class weights"},
               [&] { losses::reduce(x, {.class_weights = constant(graph, 1.0)}); });
  expect_error(ErrorCode::shape_mismatch, {"weight for each sample"},
               [&] { losses::reduce(x, {.sample_weights = column}); });
}

}  // namespace
}  // namespace weft
