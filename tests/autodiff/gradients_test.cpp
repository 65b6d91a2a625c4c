#include "weft/autodiff/gradients.h"

#include <gtest/gtest.h>

#include "weft/graph/verify.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::Feeds;
using testing_support::numbers;
using Numbers = std::vector<double>;

class GradientsTest : public testing::Test {
 protected:
  Numbers at(const Value& value) { return numbers(evaluate_value(value, feeds_)); }

  Graph graph_;
  Value x_ = input(graph_, "x", f64, {3});
  Value w_ = input(graph_, "w", f64, {3});
  Feeds feeds_{{"x", Tensor::of<double>({1, 2, 3})}, {"w", Tensor::of<double>({4, 5, 6})}};
};

TEST_F(GradientsTest, HaveTheTypeOfTheirValues) {
  const Value scalar = input(graph_, "s", f32, {});
  const Value matrix = input(graph_, "m", f32, {"batch", 4});
  const auto found = gradients(sum(tanh(matrix * scalar)), {scalar, matrix});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].type(), scalar.type());
  EXPECT_EQ(found[1].type(), matrix.type());
  verify_graph(graph_);
}

TEST_F(GradientsTest, OfTheLossWithRespectToItselfIsOne) {
  const Value loss = sum(x_);
  EXPECT_EQ(at(gradient(loss, loss)), Numbers{1});
}

TEST_F(GradientsTest, AddUpOverAllUses) {
  EXPECT_EQ(at(gradient(sum(x_ + x_), x_)), (Numbers{2, 2, 2}));
  EXPECT_EQ(at(gradient(sum(x_ * x_), x_)), (Numbers{2, 4, 6}));
  EXPECT_EQ(at(gradient(sum(x_ * w_ + square(x_) - x_), x_)), (Numbers{5, 8, 11}));
  Value chain = x_;
  for (int i = 0; i < 10; ++i) chain = chain + chain;  // 2^10 paths, one sweep
  const std::size_t before = graph_.size();
  EXPECT_EQ(at(gradient(sum(chain), x_)), (Numbers{1024, 1024, 1024}));
  EXPECT_LT(graph_.size() - before, 60U);
}

TEST_F(GradientsTest, ReachValuesInBetween) {
  const Value between = square(x_);
  const Value loss = sum(between * w_);
  const auto found = gradients(loss, {between, x_, w_});
  EXPECT_EQ(at(found[0]), (Numbers{4, 5, 6}));
  EXPECT_EQ(at(found[1]), (Numbers{8, 20, 36}));
  EXPECT_EQ(at(found[2]), (Numbers{1, 4, 9}));
}

TEST_F(GradientsTest, MayBeAskedForTwiceAndForTheSameValueTwice) {
  const Value loss = sum(square(x_));
  const auto found = gradients(loss, {x_, x_});
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(at(gradient(loss, x_)), at(found[0]));
}

TEST_F(GradientsTest, StopAtStopGradient) {
  EXPECT_EQ(at(gradient(sum(stop_gradient(x_) * x_), x_)), (Numbers{1, 2, 3}));
  EXPECT_EQ(at(gradient(sum(stop_gradient(x_)), x_, Unconnected::zeros)), (Numbers{0, 0, 0}));
  EXPECT_EQ(at(gradient(sum(square(stop_gradient(square(x_)) + x_)), x_)), (Numbers{4, 12, 24}));
}

TEST_F(GradientsTest, PassIntegersAndComparisonsBehindStopGradient) {
  const Value place = cast(stop_gradient(argmax(x_)), f64);
  EXPECT_EQ(at(gradient(sum(x_ * place), x_)), (Numbers{2, 2, 2}));
  const Value largest = cast(equal(stop_gradient(max(x_)), 3.0), f64);
  EXPECT_EQ(at(gradient(sum(x_ * largest), x_)), (Numbers{1, 1, 1}));
}

TEST_F(GradientsTest, AreZerosForUnconnectedValuesIfAsked) {
  const Value later = sum(w_);
  EXPECT_EQ(at(gradient(sum(x_), w_, Unconnected::zeros)), (Numbers{0, 0, 0}));
  EXPECT_EQ(at(gradient(sum(x_), later, Unconnected::zeros)), Numbers{0});
  const Value batch = input(graph_, "b", f32, {"batch", 2});
  const Value zeros = gradient(sum(x_), batch, Unconnected::zeros);
  EXPECT_EQ(zeros.type(), batch.type());
  EXPECT_EQ(numbers(evaluate_value(zeros, {}, {{"batch", 2}})), (Numbers{0, 0, 0, 0}));
}

TEST_F(GradientsTest, PassThroughCastsBetweenFloats) {
  const Value gradient_of_x = gradient(sum(cast(x_, f32) * 2.0), x_);
  EXPECT_EQ(gradient_of_x.dtype(), f64);
  EXPECT_EQ(at(gradient_of_x), (Numbers{2, 2, 2}));
}

TEST_F(GradientsTest, WorkInSinglePrecision) {
  const Value x = input(graph_, "single", f32, {2});
  feeds_.emplace("single", Tensor::of<float>({0.5F, -0.5F}));
  const Value found = gradient(mean(square(x)), x);
  EXPECT_EQ(found.dtype(), f32);
  EXPECT_EQ(at(found), (Numbers{0.5, -0.5}));
}

TEST_F(GradientsTest, BindSymbolsLikeAnyGraph) {
  const Value x = input(graph_, "batch_of_x", f64, {"batch", 2});
  const Value w = input(graph_, "weights", f64, {2, 1});
  const Value b = input(graph_, "bias", f64, {1});
  const Value loss = mean(square(matmul(x, w) + b));
  const auto found = gradients(loss, {w, b});
  EXPECT_EQ(found[0].shape(), (Shape{2, 1}));
  EXPECT_EQ(found[1].shape(), (Shape{1}));
  for (const std::int64_t batch : {1, 3}) {
    Tensor ones = Tensor::zeros(f64, {batch, 2});
    std::ranges::fill(ones.mutable_values<double>(), 1.0);
    const Feeds feeds{{"batch_of_x", ones},
                      {"weights", Tensor::of<double>({1, 2}, {2, 1})},
                      {"bias", Tensor::of<double>({3})}};
    const auto results = evaluate_values(found, feeds, {{"batch", batch}});
    EXPECT_EQ(numbers(results[0]), (Numbers{12, 12})) << batch;
    EXPECT_EQ(numbers(results[1]), Numbers{12}) << batch;
  }
}

TEST_F(GradientsTest, CarryTheNameAndTheLineOfWhatTheyDifferentiate) {
  const Value y = exp(x_).named("growth");
  const std::string line = "gradients_test.cpp:" + std::to_string(__LINE__ - 1);
  const Value found = gradient(sum(y), x_);
  const Node& node = graph_.node(found.node());
  EXPECT_EQ(node.op.name(), "mul");
  EXPECT_EQ(node.name, "gradient/growth");
  EXPECT_EQ(to_string(node.where), line);
}

TEST_F(GradientsTest, BuildNothingForWhatDoesNotMatter) {
  const Value big = exp(w_) * w_;
  const Value loss = sum(x_ * big);
  const std::size_t before = graph_.size();
  gradient(loss, x_);
  for (auto id = static_cast<NodeId>(before); id < graph_.size(); ++id) {
    EXPECT_EQ(graph_.node(id).name.find("exp"), std::string::npos) << graph_.node(id).name;
  }
}

TEST_F(GradientsTest, ReadTheOutputOnlyWhereTheOpPromisesIt) {
  for (const auto activation : {relu, tanh, sigmoid}) {
    const Value y = activation(x_);
    const Value found = gradient(sum(y), x_);
    const Value stand_in = input(graph_, "y" + std::to_string(y.node()), f64, {3});
    static_cast<void>(stand_in);
    for (auto id = y.node() + 1; id <= found.node(); ++id) {
      for (const ValueId& in : graph_.node(id).inputs)
        EXPECT_NE(in.node, x_.node()) << graph_.node(id).op.name();
    }
  }
}

TEST_F(GradientsTest, FlowThroughEveryOutputOfAnOp) {
  const Value labels = constant(graph_, Tensor::of<std::int64_t>({1}));
  const Value logits = input(graph_, "logits", f64, {1, 2});
  feeds_.emplace("logits", Tensor::of<double>({0, 0}, {1, 2}));
  const auto outputs = apply_all(SoftmaxCrossEntropy{}, {logits, labels});
  EXPECT_EQ(at(gradient(sum(outputs[0]), logits)), (Numbers{0.5, -0.5}));
  const Value first = slice(outputs[1], 1, 0, 1);
  EXPECT_EQ(at(gradient(sum(first), logits)), (Numbers{0.25, -0.25}));
  EXPECT_EQ(at(gradient(sum(outputs[0]) + sum(first), logits)), (Numbers{0.75, -0.75}));
  EXPECT_EQ(at(gradient(sum(first), outputs[1])), (Numbers{1, 0}));
  EXPECT_EQ(at(gradient(sum(first), outputs[0], Unconnected::zeros)), Numbers{0});
}

TEST_F(GradientsTest, GoToTheFirstOfEqualsOrAreSharedAsDocumented) {
  feeds_["x"] = Tensor::of<double>({2, 2, 1});
  feeds_["w"] = Tensor::of<double>({2, 3, 0});
  EXPECT_EQ(at(gradient(sum(maximum(x_, w_)), x_)), (Numbers{1, 0, 1}));
  EXPECT_EQ(at(gradient(sum(maximum(x_, w_)), w_)), (Numbers{0, 1, 0}));
  EXPECT_EQ(at(gradient(sum(minimum(x_, w_)), x_)), (Numbers{1, 1, 0}));
  EXPECT_EQ(at(gradient(max(x_), x_)), (Numbers{0.5, 0.5, 0}));
  feeds_["x"] = Tensor::of<double>({0, -1, 1});
  EXPECT_EQ(at(gradient(sum(abs(x_)), x_)), (Numbers{0, -1, 1}));
  EXPECT_EQ(at(gradient(sum(relu(x_)), x_)), (Numbers{0, 0, 1}));
  EXPECT_EQ(at(gradient(sum(clip(x_, 0, 0.5)), x_)), (Numbers{1, 0, 0}));
}

TEST_F(GradientsTest, OfPowersAreFiniteAtZero) {
  feeds_["x"] = Tensor::of<double>({0, 0, 0});
  feeds_["w"] = Tensor::of<double>({0, 1, 2});
  const auto found = gradients(sum(pow(x_, w_)), {x_, w_});
  EXPECT_EQ(at(found[0]), (Numbers{0, 1, 0}));
  EXPECT_EQ(at(found[1]), (Numbers{0, 0, 0}));
  EXPECT_EQ(at(gradient(sum(gradient(sum(pow(x_, 1.0)), x_)), x_)), (Numbers{0, 0, 0}));
}

}  // namespace
}  // namespace weft
