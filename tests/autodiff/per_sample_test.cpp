#include "weft/autodiff/per_sample.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/graph/program.h"
#include "weft/ops/activation.h"
#include "weft/ops/conv.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/tests/support/evaluate_values.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::Feeds;
using testing_support::numbers;

/// A convolutional network and its per-sample gradients for a batch of any size.
class PerSample : public testing::Test {
 protected:
  Value loss_of(const Value& picture, const Value& label) const {
    const Value planes = relu(conv2d(reshape(picture, {1, 1, 4, 4}), kernel_, {.padding = 1}));
    return softmax_cross_entropy(squeeze(matmul(reshape(planes, {1, 32}), w_) + b_, 0), label);
  }

  static Tensor waves(const std::vector<std::int64_t>& sizes, double step) {
    Tensor tensor = Tensor::zeros(f64, sizes);
    double at = 0.0;
    for (double& x : tensor.mutable_values<double>()) x = std::sin(at += step);
    return tensor;
  }

  Graph graph_;
  Value x_ = input(graph_, "x", f64, {"batch", 4, 4});
  Value labels_ = input(graph_, "labels", i64, {"batch"});
  Value kernel_ = parameter(graph_, "kernel", waves({2, 1, 3, 3}, 1.0));
  Value w_ = parameter(graph_, "w", waves({32, 3}, 2.0));
  Value b_ = parameter(graph_, "b", waves({3}, 3.0));
  SampleGradients found_ =
      per_sample_gradients([this](const Value& x, const Value& label) { return loss_of(x, label); },
                           {kernel_, w_, b_}, x_, labels_);
  Feeds feeds_{{"x", waves({3, 4, 4}, 0.7)},
               {"labels", Tensor::of<std::int64_t>({2, 0, 1})},
               {"kernel", waves({2, 1, 3, 3}, 1.0)},
               {"w", waves({32, 3}, 2.0)},
               {"b", waves({3}, 3.0)}};
  Bindings three_{{"batch", 3}};
};

TEST_F(PerSample, GradientsAreThoseOfEachExampleAlone) {
  EXPECT_EQ(found_.losses.type(), (TensorType{f64, {"batch"}}));
  EXPECT_EQ(found_.gradients[0].type(), (TensorType{f64, {"batch", 2, 1, 3, 3}}));
  for (std::int64_t example = 0; example < 3; ++example) {
    const Value picture = squeeze(slice(x_, 0, Dim(example), Dim(example + 1)), 0);
    const Value label = squeeze(slice(labels_, 0, Dim(example), Dim(example + 1)), 0);
    const Value loss = loss_of(picture, label);
    const auto alone = gradients(loss, {kernel_, w_, b_});
    EXPECT_NEAR(numbers(evaluate_value(loss, feeds_, three_))[0],
                numbers(evaluate_value(found_.losses, feeds_, three_))[static_cast<std::size_t>(example)],
                1e-12);
    for (std::size_t i = 0; i < alone.size(); ++i) {
      const auto wanted = numbers(evaluate_value(alone[i], feeds_, three_));
      const auto all = numbers(evaluate_value(found_.gradients[i], feeds_, three_));
      for (std::size_t j = 0; j < wanted.size(); ++j)
        EXPECT_NEAR(all[static_cast<std::size_t>(example) * wanted.size() + j], wanted[j], 1e-12);
    }
  }
}

/// As in differentially private training: no example has a gradient longer than the bound.
TEST_F(PerSample, GradientsAreClippedAndAveraged) {
  constexpr double kBound = 0.5;
  Value squares;
  for (const Value& gradient : found_.gradients) {
    const Value part = vmap([](const Value& one) { return sum(square(one)); }, gradient);
    squares = squares.has_value() ? squares + part : part;
  }
  const Value factors = minimum(kBound / sqrt(squares), 1.0);
  const Value mean_of_clipped = mean(
      vmap([](const Value& one, const Value& factor) { return one * factor; }, found_.gradients[1], factors),
      {0});
  EXPECT_EQ(mean_of_clipped.type(), (TensorType{f64, {32, 3}}));
  const auto scale = numbers(evaluate_value(factors, feeds_, three_));
  const auto all = numbers(evaluate_value(found_.gradients[1], feeds_, three_));
  const auto clipped = numbers(evaluate_value(mean_of_clipped, feeds_, three_));
  EXPECT_LT(*std::ranges::min_element(scale), 1.0);
  for (std::size_t i = 0; i < clipped.size(); ++i) {
    const double wanted = (scale[0] * all[i] + scale[1] * all[96 + i] + scale[2] * all[192 + i]) / 3.0;
    EXPECT_NEAR(clipped[i], wanted, 1e-12);
  }
}

TEST(PerSampleGraph, DoesNotGrowWithTheBatch) {
  const auto nodes_for = [](std::int64_t size) {
    Graph graph;
    const Value x = input(graph, "x", f32, {size, 6});
    const Value w = parameter(graph, "w", Tensor::zeros(f32, {6, 2}));
    const SampleGradients found = per_sample_gradients(
        [&](const Value& one) { return sum(square(matmul(reshape(one, {1, 6}), w))); }, {w}, x);
    return needed_nodes(graph, found.gradients).size();
  };
  EXPECT_EQ(nodes_for(2), nodes_for(500));
}

}  // namespace
}  // namespace weft
