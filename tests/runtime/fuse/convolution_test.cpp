// Scales, biases and activations of channels inside convolutions: fewer steps and the same numbers.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/ops/activation.h"
#include "weft/ops/conv.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::TensorSource;

/// A function of pictures [batch, 5, 7, 6], f32, and parameters.
class PicturesFunction {
 public:
  using Build = std::function<std::vector<Value>(PicturesFunction&, const Value& x)>;

  PicturesFunction(std::int64_t batch, const Build& build) {
    TensorSource source("fused convolutions");
    x_ = input(graph_, "x", f32, {batch, 5, 7, 6});
    fed_ = source.uniform({batch, 5, 7, 6}, -1.0, 1.0, f32);
    outputs_ = build(*this, x_);
  }

  Value weights(const std::vector<std::int64_t>& sizes) {
    TensorSource source("weights " + std::to_string(count_));
    return parameter(graph_, "w" + std::to_string(count_++), source.uniform(sizes, 0.25, 1.0, f32));
  }

  std::vector<Tensor> run(const CompileOptions& options, const Tensor& fed) {
    Session session(graph_, {.threads = 1, .compile = options});
    std::vector<Tensor> results;
    for (const Tensor& y : session.compile({.inputs = {x_}, .outputs = outputs_})({fed}))
      results.push_back(y.clone());
    return results;
  }

  std::vector<Tensor> run(const CompileOptions& options = {}) { return run(options, fed_); }

  /// How many steps of each op a call takes.
  std::map<std::string, int> ops() {
    Session session(graph_, {.threads = 1, .compile = {.without = {"pack_filters"}}});
    const Compilation made = session.inspect({.inputs = {x_}, .outputs = outputs_}, {});
    std::map<std::string, int> counts;
    for (const NodeId id : made.lowered.steps)
      ++counts[std::string(made.lowered.program.graph->node(id).op.name())];
    return counts;
  }

  void expect_same() {
    const auto plain = run({.without = {"fuse_convolution"}});
    const auto fused = run();
    for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_TRUE(close_to(fused[i], plain[i], 2e-5)) << i;
    CompileOptions checked;
    checked.self_check = true;
    EXPECT_NO_THROW(run(checked));
  }

  const Tensor& fed() const { return fed_; }

 private:
  Graph graph_;
  int count_ = 0;
  Value x_;
  Tensor fed_;
  std::vector<Value> outputs_;
};

constexpr std::int64_t kBatches[] = {3, 64};  // with channels last, and interleaved

TEST(FuseConvolution, TakesANormalizationAndAnActivation) {
  for (const std::int64_t batch : kBatches) {
    PicturesFunction net(batch, [](PicturesFunction& f, const Value& x) {
      const Value y = conv2d(x, f.weights({6, 5, 3, 3}), {.padding = 1});
      const Value normal = (y - f.weights({1, 6, 1, 1})) / f.weights({6, 1, 1}) * f.weights({6, 1, 1});
      return std::vector{relu(f.weights({6, 1, 1}) + normal)};
    });
    net.expect_same();
    const auto ops = net.ops();
    EXPECT_FALSE(ops.contains("fused_elementwise")) << "batch " << batch;
    EXPECT_EQ(ops.at(batch == 3 ? "channels_last_convolution" : "interleaved_convolution"), 1);
  }
}

TEST(FuseConvolution, TakesBiasesOfGroupsAndVolumes) {
  PicturesFunction grouped(4, [](PicturesFunction& f, const Value& x) {
    const Value y = conv2d(concat({x, x}, 1), f.weights({8, 5, 3, 3}), {.groups = 2});
    return std::vector{relu(y + f.weights({8, 1, 1}))};
  });
  grouped.expect_same();
  PicturesFunction volumes(4, [](PicturesFunction& f, const Value& x) {
    const Value y = conv3d(reshape(x, Shape{4, 1, 5, 7, 6}), f.weights({3, 1, 2, 3, 3}));
    return std::vector{relu(y * f.weights({3, 1, 1, 1}) + f.weights({3, 1, 1, 1}))};
  });
  volumes.expect_same();
}

TEST(FuseConvolution, LeavesWhatOthersRead) {
  PicturesFunction shared(3, [](PicturesFunction& f, const Value& x) {
    const Value y = conv2d(x, f.weights({6, 5, 3, 3}));
    return std::vector{y, relu(y + f.weights({6, 1, 1}))};
  });
  shared.expect_same();
  EXPECT_TRUE(shared.ops().contains("fused_elementwise")) << "the bias and relu, since y is read before them";
}

TEST(FuseConvolution, LeavesWhatIsNoNumberForEachChannel) {
  PicturesFunction others(3, [](PicturesFunction& f, const Value& x) {
    const auto conv = [&] { return conv2d(x, f.weights({6, 5, 3, 2})); };  // [3, 6, 5, 5]
    return std::vector{conv() + f.weights({5}), conv() * f.weights({6, 5, 1}),
                       conv() * f.weights({3, 1, 1, 1}), 2.0 - conv(), f.weights({6, 1, 1}) / conv()};
  });
  others.expect_same();
}

TEST(FuseConvolution, KeepsNaNs) {
  for (const std::int64_t batch : kBatches) {
    PicturesFunction net(batch, [](PicturesFunction& f, const Value& x) {
      return std::vector{relu(conv2d(x, f.weights({6, 5, 1, 1})) + f.weights({6, 1, 1}))};
    });
    Tensor fed = net.fed().clone();
    fed.mutable_values<float>()[3] = std::numeric_limits<float>::quiet_NaN();
    const Tensor y = net.run({}, fed)[0];
    EXPECT_TRUE(std::isnan(y.values<float>()[3]));
    EXPECT_FALSE(std::isnan(y.values<float>()[4]));
  }
}

}  // namespace
}  // namespace weft
