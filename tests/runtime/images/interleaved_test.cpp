// Pictures of which many lie side by side, element by element, between convolutions: the same numbers.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/conv.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/moments.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/trigonometry.h"
#include "weft/runtime/kernels/images/lanes/lane_functions.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::TensorSource;

/// A small network over blocks of pictures of few channels, where whole vectors of channels would be wasted.
class Blocks {
 public:
  using Build = std::function<Value(Blocks&, const Value& x)>;

  explicit Blocks(const Build& build, std::vector<std::int64_t> sizes = {3, 7, 6}) {
    TensorSource source("blocks");
    sizes.insert(sizes.begin(), 3 * lane_functions().lanes);
    x_ = input(graph, "x", f32, Shape::of(sizes));
    fed_ = source.uniform(sizes, -1.0, 1.0, f32);
    y_ = build(*this, x_);
    outputs_ = gradients(mean(sin(y_)), parameters_);
    outputs_.insert(outputs_.begin(), y_);
  }

  Value weights(const std::vector<std::int64_t>& sizes) {
    TensorSource source("weights");
    parameters_.push_back(
        parameter(graph, "w" + std::to_string(parameters_.size()), source.uniform(sizes, -0.5, 0.5, f32)));
    return parameters_.back();
  }

  std::vector<Tensor> run(const CompileOptions& options, int threads = 1) {
    Session session(graph, {.threads = threads, .exact_threads = true, .compile = options});
    const Function function = session.compile({.inputs = {x_}, .outputs = outputs_});
    std::vector<Tensor> results;
    for (const Tensor& output : function({fed_})) results.push_back(output.clone());
    return results;
  }

  std::map<std::string, int> ops(const CompileOptions& options = {}, int threads = 1) {
    Session session(graph, {.threads = threads, .exact_threads = true, .compile = options});
    const Compilation made = session.inspect({.inputs = {x_}, .outputs = outputs_}, {});
    std::map<std::string, int> counts;
    for (const NodeId id : made.lowered.steps)
      ++counts[std::string(made.lowered.program.graph->node(id).op.name())];
    return counts;
  }

  void expect_same() {
    EXPECT_TRUE(ops().contains("interleaved_convolution"));
    const auto plain = run({.without = {"interleave_pictures", "channels_last"}});
    for (const int threads : {1, 2}) {
      const auto mixed = run({}, threads);
      ASSERT_EQ(mixed.size(), plain.size());
      for (std::size_t i = 0; i < plain.size(); ++i)
        EXPECT_TRUE(close_to(mixed[i], plain[i], 2e-5)) << "output " << i << ", threads " << threads;
    }
    CompileOptions checked;
    checked.self_check = true;
    EXPECT_NO_THROW(run(checked, 2));
  }

  Graph graph;

 private:
  std::vector<Value> parameters_;
  Value x_;
  Tensor fed_;
  Value y_;
  std::vector<Value> outputs_;
};

TEST(Interleaved, HoldForANetworkOfPoolingsAndBiases) {
  Blocks net([](Blocks& b, const Value& x) {
    const Value first = conv2d(x, b.weights({7, 3, 3, 3}), {.padding = 1}) + b.weights({7, 1, 1});
    const Value pooled = max_pool2d(relu(first), {.window = 3, .stride = 2, .padding = 1});
    const Value second = conv2d(pooled, b.weights({5, 7, 2, 2})) + b.weights({5, 1, 1});
    return matmul(flatten(avg_pool2d(second, {.window = 2})), b.weights({5, 4}));
  });
  net.expect_same();
  const auto ops = net.ops();
  EXPECT_EQ(ops.at("channels_last_pooling"), 2 + 1);  // the gradient of the mean is one
  EXPECT_EQ(ops.at("channels_last_max_pool_gradient"), 1);
  EXPECT_EQ(ops.at("transpose"), 3) << "x, what is flattened, and its gradient";
  EXPECT_FALSE(ops.contains("conv2d"));
}

TEST(Interleaved, HoldForNormalizationAndReductions) {
  Blocks net([](Blocks& b, const Value& x) {
    const Value y = conv2d(x, b.weights({6, 3, 3, 3}), {.padding = 1});
    const MomentsOf m = moments(y, {0, 2, 3});
    const Value normal = (y - m.mean) / cast(m.deviation + 1e-3, f32) * b.weights({6, 1, 1});
    const Value gate = sigmoid(mean(normal, {2, 3}, true));
    return mean(conv2d(normal * gate + y, b.weights({4, 6, 1, 1})), {2, 3}) +
           0.01 * mean(sum(normal, {1, 2, 3}));
  });
  net.expect_same();
}

TEST(Interleaved, HoldForGroupsStridesBordersAndDilation) {
  Blocks strided([](Blocks& b, const Value& x) {
    const Value y =
        relu(conv2d(x, b.weights({8, 3, 3, 2}), {.stride = Size2d(2, 1), .padding = Padding2d(2, 0, 1, 3)}));
    return conv2d(y, b.weights({9, 8, 3, 3}), {.stride = 2, .padding = 2, .dilation = 2});
  });
  strided.expect_same();
  Blocks grouped([](Blocks& b, const Value& x) {
    const Value y = relu(conv2d(x, b.weights({10, 3, 3, 3})));
    return conv2d(y, b.weights({12, 5, 3, 3}), {.groups = 2});
  });
  grouped.expect_same();
}

TEST(Interleaved, HoldForVolumes) {
  Blocks volumes(
      [](Blocks& b, const Value& x) {
        const Value y = relu(conv3d(x, b.weights({5, 2, 2, 3, 3}), {.padding = 1}));
        return conv3d(y, b.weights({6, 5, 3, 2, 2}), {.stride = 2});
      },
      {2, 3, 4, 3});
  volumes.expect_same();
}

TEST(Interleaved, AreChosenWhereTheyPay) {
  const Blocks::Build few = [](Blocks& b, const Value& x) { return conv2d(x, b.weights({5, 3, 3, 3})); };
  EXPECT_TRUE(Blocks(few).ops().contains("interleaved_convolution"));
  EXPECT_FALSE(Blocks(few).ops({}, 4).contains("interleaved_convolution")) << "three blocks for four threads";
  const Blocks::Build alone = [](Blocks& b, const Value& x) {
    return conv2d(x, b.weights({3, 1, 3, 3}), {.groups = 3});
  };
  EXPECT_FALSE(Blocks(alone).ops().contains("interleaved_convolution"))
      << "each channel in a group of its own";
  const Blocks::Build many = [](Blocks& b, const Value& x) {
    return conv2d(conv2d(x, b.weights({64, 3, 1, 1})), b.weights({64, 64, 1, 1}));
  };
  EXPECT_FALSE(Blocks(many).ops().contains("interleaved_convolution")) << "whole vectors of channels";
}

TEST(Interleaved, GiveTheBitsOfAnyCut) {
  Blocks net([](Blocks& b, const Value& x) {
    return conv2d(relu(conv2d(x, b.weights({6, 3, 3, 3}))), b.weights({5, 6, 3, 3}));
  });
  const auto one = net.run({.cuts = 3}, 1);
  for (const int threads : {2, 3}) {
    const auto more = net.run({.cuts = 3}, threads);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(identical(more[i], one[i])) << i;
  }
}

}  // namespace
}  // namespace weft
