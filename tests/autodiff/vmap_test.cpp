#include "weft/autodiff/vmap.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/autodiff/recompute.h"
#include "weft/graph/program.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/conv.h"
#include "weft/ops/einsum.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/ops/unique.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::Feeds;
using testing_support::numbers;
using VmapNumbers = std::vector<double>;

class Vmap : public testing::Test {
 protected:
  Graph graph_;
  Value x_ = input(graph_, "x", f64, {"batch", 3});
  Feeds feeds_{{"x", Tensor::of<double>({1, 2, 3, 4, 5, 6}, {2, 3})}};
  Bindings two_{{"batch", 2}};
};

TEST_F(Vmap, MapsAFunctionOfOneExampleOverABatchOfAnySize) {
  const Value y = vmap([](const Value& x) { return sum(x * x); }, x_);
  EXPECT_EQ(y.type(), (TensorType{f64, {"batch"}}));
  EXPECT_EQ(numbers(evaluate_value(y, feeds_, two_)), (VmapNumbers{14, 77}));
}

TEST_F(Vmap, TakesExamplesAlongAnyAxis) {
  const Value columns = vmap([](const Value& x) { return x * 2.0; }, along(transpose(x_), -1));
  EXPECT_EQ(columns.type(), (TensorType{f64, {"batch", 3}}));
  EXPECT_EQ(numbers(evaluate_value(columns, feeds_, two_)), (VmapNumbers{2, 4, 6, 8, 10, 12}));
}

TEST_F(Vmap, AlignsExamplesOfDifferentRanksAtTheirLastAxis) {
  const Value scale = input(graph_, "scale", f64, {"batch"});
  const Value matrix = constant(graph_, Tensor::of<double>({1, 0, 0, 0, 1, 0}, {2, 3}));
  const Value y = vmap([&](const Value& x, const Value& s) { return x * s + matrix; }, x_, scale);
  EXPECT_EQ(y.type(), (TensorType{f64, {"batch", 2, 3}}));
  Feeds feeds = feeds_;
  feeds["scale"] = Tensor::of<double>({10, 100});
  EXPECT_EQ(numbers(evaluate_value(y, feeds, two_)),
            (VmapNumbers{11, 20, 30, 10, 21, 30, 401, 500, 600, 400, 501, 600}));
}

TEST_F(Vmap, RepeatsWhatIsTheSameForAllExamples) {
  const Value w = constant(graph_, Tensor::of<double>({7, 8}));
  const auto both = vmap([&](const Value& x) { return std::array{sum(x), w}; }, x_);
  EXPECT_EQ(numbers(evaluate_value(both[0], feeds_, two_)), (VmapNumbers{6, 15}));
  EXPECT_EQ(numbers(evaluate_value(both[1], feeds_, two_)), (VmapNumbers{7, 8, 7, 8}));
}

TEST_F(Vmap, OfVmapIsOverTwoAxes) {
  const Value w = constant(graph_, Tensor::of<double>({1, 10}));
  const Value table =
      vmap([&](const Value& x) { return vmap([&](const Value& v) { return sum(x) * v; }, w); }, x_);
  EXPECT_EQ(table.type(), (TensorType{f64, {"batch", 2}}));
  EXPECT_EQ(numbers(evaluate_value(table, feeds_, two_)), (VmapNumbers{6, 60, 15, 150}));
}

TEST_F(Vmap, OfAGradientIsTheGradientOfEachExample) {
  const Value slopes = vmap([](const Value& x) { return gradient(sum(x * x * x), x); }, x_);
  EXPECT_EQ(numbers(evaluate_value(slopes, feeds_, two_)), (VmapNumbers{3, 12, 27, 48, 75, 108}));
}

TEST_F(Vmap, HasAGradient) {
  const Value w = input(graph_, "w", f64, {3});
  const Value y = vmap([&](const Value& x) { return square(sum(x * w)); }, x_);
  const auto found = gradients(sum(y), {w, x_});
  Feeds feeds = feeds_;
  feeds["w"] = Tensor::of<double>({1, 0, -1});
  // 2 (x w) x, summed over examples; 2 (x w) w.
  EXPECT_EQ(numbers(evaluate_value(found[0], feeds, two_)), (VmapNumbers{-20, -28, -36}));
  EXPECT_EQ(numbers(evaluate_value(found[1], feeds, two_)), (VmapNumbers{-4, 0, 4, -4, 0, 4}));
}

TEST_F(Vmap, DoesNotGrowWithTheBatch) {
  const auto nodes_for = [](std::int64_t size) {
    Graph graph;
    const Value x = input(graph, "x", f32, {size, 4});
    const Value w = input(graph, "w", f32, {4, 4});
    const Value y = vmap([&](const Value& one) { return sum(tanh(matmul(reshape(one, {1, 4}), w))); }, x);
    return needed_nodes(graph, std::vector{y}).size();
  };
  EXPECT_EQ(nodes_for(2), nodes_for(1000));
}

TEST_F(Vmap, MakesOneProductOfRowsAgainstOneMatrix) {
  const Value w = input(graph_, "w", f64, {3, 5});
  const Value y = vmap([&](const Value& x) { return matmul(reshape(x, {1, 3}), w); }, x_);
  const Program program = extract(graph_, std::vector{y});
  for (NodeId id = 0; id < program.graph->size(); ++id) {
    const Node& node = program.graph->node(id);
    if (node.op.is<MatMul>()) {
      EXPECT_EQ(node.outputs[0], (TensorType{f64, {"batch", 5}}));
    }
  }
}

TEST_F(Vmap, DrawsRandomNumbersForEachExample) {
  const auto noisy = [&](const Value& x) { return random_uniform(graph_, f64, {3}) + x * 0.0; };
  const VmapNumbers drawn = numbers(evaluate_value(vmap(noisy, x_), feeds_, two_));
  ASSERT_EQ(drawn.size(), 6U);
  EXPECT_NE(drawn[0], drawn[3]);
  const auto pure = [&](const Value&) { return random_normal(graph_, f64, {}); };
  const VmapNumbers alone = numbers(evaluate_value(vmap(pure, x_), feeds_, two_));
  ASSERT_EQ(alone.size(), 2U);
  EXPECT_NE(alone[0], alone[1]);
  const Value shared = random_uniform(graph_, f64, {3});
  const VmapNumbers same =
      numbers(evaluate_value(vmap([&](const Value& x) { return shared + x * 0.0; }, x_), feeds_, two_));
  EXPECT_EQ(same[0], same[3]);
}

TEST_F(Vmap, DropsOtherElementsOfEachExample) {
  const Value ones = constant(graph_, Tensor::of<float>(std::vector<float>(64, 1.0F), {2, 32}));
  const VmapNumbers kept =
      numbers(evaluate_value(vmap([](const Value& x) { return dropout(x, 0.5); }, ones)));
  EXPECT_NE(VmapNumbers(kept.begin(), kept.begin() + 32), VmapNumbers(kept.begin() + 32, kept.end()));
}

TEST_F(Vmap, MapsTheRuleOfACustomGradient) {
  const Value w = input(graph_, "w", f64, {3});
  // The gradient of x is three times that of y, whatever y is; that of w is x times it.
  const auto f = [&](const Value& x) {
    const Value y = x * w;
    return sum(custom_gradient(y, std::vector{x, w}, [](const GradientArgs& args) {
      const Value dy = args.output_gradients[0];
      return std::vector{dy * 3.0, dy * args.inputs[0]};
    }));
  };
  const auto found = gradients(sum(vmap(f, x_) * constant(graph_, Tensor::of<double>({1}))), {x_, w});
  Feeds feeds = feeds_;
  feeds["w"] = Tensor::of<double>({1, 1, 1});
  EXPECT_EQ(numbers(evaluate_value(found[0], feeds, two_)), (VmapNumbers{3, 3, 3, 3, 3, 3}));
  EXPECT_EQ(numbers(evaluate_value(found[1], feeds, two_)), (VmapNumbers{5, 7, 9}));
}

TEST_F(Vmap, GoesThroughACheckpoint) {
  const Value w = input(graph_, "w", f64, {3});
  const auto f = [&](const Value& x) {
    const Value y = sum(exp(x * w * 0.1));
    return checkpoint(y, std::vector{x});
  };
  const auto plain = [&](const Value& x) { return sum(exp(x * w * 0.1)); };
  Feeds feeds = feeds_;
  feeds["w"] = Tensor::of<double>({1, 2, 3});
  const Value kept = gradient(sum(vmap(f, x_)), w);
  const Value wanted = gradient(sum(vmap(plain, x_)), w);
  const VmapNumbers a = numbers(evaluate_value(kept, feeds, two_));
  const VmapNumbers b = numbers(evaluate_value(wanted, feeds, two_));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(a[i], b[i], 1e-12);
}

TEST_F(Vmap, MapsWeightsOfConvolutions) {
  const Value pictures = input(graph_, "pictures", f64, {2, 1, 2, 5, 4});
  const Value weights = input(graph_, "weights", f64, {2, 4, 1, 3, 2});
  const Conv2dOptions options{.stride = {2, 1}, .padding = {1, 1, 0, 1}, .dilation = {1, 2}, .groups = 2};
  const auto f = [&](const Value& x, const Value& w) { return conv2d(x, w, options); };
  const auto slopes = [&](const Value& x, const Value& w) { return gradients(sum(square(f(x, w))), {x, w}); };
  const auto all = vmap(slopes, pictures, weights);
  std::vector<Value> expected;
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto one =
        slopes(squeeze(slice(pictures, 0, i, i + 1), 0), squeeze(slice(weights, 0, i, i + 1), 0));
    expected.insert(expected.end(), one.begin(), one.end());
  }
  std::vector<double> a(80);
  std::vector<double> b(48);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = std::sin(static_cast<double>(i));
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = std::cos(static_cast<double>(2 * i));
  const Feeds feeds{{"pictures", Tensor::of<double>(a, {2, 1, 2, 5, 4})},
                    {"weights", Tensor::of<double>(b, {2, 4, 1, 3, 2})}};
  for (const std::size_t which : {0U, 1U}) {
    const VmapNumbers found = numbers(evaluate_value(all[which], feeds));
    const VmapNumbers first = numbers(evaluate_value(expected[which], feeds));
    const VmapNumbers second = numbers(evaluate_value(expected[2 + which], feeds));
    ASSERT_EQ(found.size(), first.size() + second.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      EXPECT_NEAR(found[i], first[i], 1e-11);
      EXPECT_NEAR(found[first.size() + i], second[i], 1e-11);
    }
  }
}

TEST_F(Vmap, TakesExamplesOneByOneWhereAnOpHasNoRule) {
  const Value flags = constant(graph_, Tensor::of<bool>({true, false, true, false, true, true}, {2, 3}));
  const auto places = [](const Value& x) { return nonzero(x, 3).count; };
  EXPECT_EQ(numbers(evaluate_value(vmap(places, flags))), (VmapNumbers{2, 2}));
  const Value many = input(graph_, "many", boolean, {"n", 3});
  expect_error(ErrorCode::unsupported, {"nonzero", "one by one", "'n'"}, [&] { vmap(places, many); });
}

TEST_F(Vmap, MapsNoExamples) {
  const Value none = constant(graph_, Tensor::zeros(f64, {0, 3}));
  EXPECT_EQ(evaluate_value(vmap([](const Value& x) { return sum(x); }, none)).elements(), 0);
}

TEST_F(Vmap, RefusesBatchesOfDifferentSizes) {
  const Value other = input(graph_, "other", f64, {4, 3});
  const auto f = [](const Value& x, const Value& y) { return x + y; };
  const int line = __LINE__ + 2;
  expect_error(ErrorCode::shape_mismatch, {"vmap", "batch along axis 0", "f64[4, 3]", at_line(line)},
               [&] { vmap(f, x_, other); });
  expect_error(ErrorCode::invalid_argument, {"vmap", "axis"},
               [&] { vmap([](const Value& x) { return x; }, along(x_, 2)); });
  expect_error(ErrorCode::invalid_argument, {"vmap", "no axis of examples"},
               [&] { vmap([](const Value& x) { return x; }, constant(graph_, 1.0)); });
}

TEST_F(Vmap, RefusesUpdates) {
  const Value state = parameter(graph_, "state", Tensor::zeros(f64, {3}));
  expect_error(ErrorCode::unsupported, {"assign", "an update has no meaning for one example"},
               [&] { vmap([&](const Value& x) { return assign(state, x); }, x_); });
}

TEST_F(Vmap, LeavesTheGraphAsItWasAfterAnError) {
  const std::size_t before = graph_.size();
  expect_error(ErrorCode::shape_mismatch, {"matmul"},
               [&] { vmap([](const Value& x) { return matmul(x, x); }, x_); });
  EXPECT_EQ(graph_.size(), before);
}

TEST_F(Vmap, AnExampleHasNoNumbersOutsideOfTheFunction) {
  Value kept;
  vmap([&](const Value& x) { return kept = x; }, x_);
  expect_error(ErrorCode::unsupported, {"outside of its function"},
               [&] { evaluate_value(kept, feeds_, two_); });
}

}  // namespace
}  // namespace weft
