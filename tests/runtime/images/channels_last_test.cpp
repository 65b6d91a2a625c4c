// Pictures whose channels lie side by side between convolutions: fewer reorders and the same numbers.

#include "weft/runtime/images/relayout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/conv.h"
#include "weft/ops/layout.h"
#include "weft/ops/moments.h"
#include "weft/ops/pool.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/trigonometry.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::TensorSource;

/// Pictures [4, 6, 9, 9], filters, and a function of them.
class Pictures {
 public:
  using Build = std::function<Value(Pictures&)>;

  explicit Pictures(const Build& build, std::int64_t groups = 1) : groups_(groups) {
    TensorSource source("pictures");
    x = parameter(graph, "x", source.uniform({4, 6, 9, 9}, -1.0, 1.0, f32));
    y_ = build(*this);
    const Value loss = sum(sin(y_));
    std::vector<Value> wrt{x};
    wrt.insert(wrt.end(), filters_.begin(), filters_.end());
    outputs_ = gradients(loss, wrt);
    outputs_.insert(outputs_.begin(), y_);
  }

  Value conv(const Value& in, std::int64_t filters, std::int64_t kernel = 3, const Padding2d& padding = 1,
             const Size2d& stride = 1) {
    TensorSource source("filters");
    const std::int64_t channels = in.shape()[1].size() / groups_;
    filters_.push_back(parameter(graph, "filters" + std::to_string(filters_.size()),
                                 source.uniform({filters, channels, kernel, kernel}, -0.5, 0.5, f32)));
    return conv2d(in, filters_.back(), {.stride = stride, .padding = padding, .groups = groups_});
  }

  std::vector<Tensor> run(const CompileOptions& options, int threads = 1) {
    Session session(graph, {.threads = threads, .exact_threads = true, .compile = options});
    const Function function = session.compile({.outputs = outputs_});
    std::vector<Tensor> results;
    for (const Tensor& output : function({})) results.push_back(output.clone());
    return results;
  }

  std::map<std::string, int> ops(const CompileOptions& options = {}) {
    Session session(graph, {.compile = options});
    const Compilation made = session.inspect({.outputs = outputs_}, {});
    std::map<std::string, int> counts;
    for (const NodeId id : made.lowered.steps)
      ++counts[std::string(made.lowered.program.graph->node(id).op.name())];
    return counts;
  }

  Graph graph;
  Value x;

 private:
  std::int64_t groups_;
  Value y_;
  std::vector<Value> filters_;
  std::vector<Value> outputs_;
};

void expect_same(Pictures& pictures) {
  const auto plain = pictures.run({.without = {"channels_last"}});
  for (const int threads : {1, 2, 3}) {
    const auto last = pictures.run({}, threads);
    ASSERT_EQ(last.size(), plain.size());
    for (std::size_t i = 0; i < plain.size(); ++i)
      EXPECT_TRUE(close_to(last[i], plain[i], 2e-5)) << "output " << i << ", threads " << threads;
  }
  CompileOptions checked;
  checked.self_check = true;
  EXPECT_NO_THROW(pictures.run(checked, 2));
}

/// (x - mean) / deviation scale for each channel.
Value normalized(const Value& x) {
  const MomentsOf m = moments(x, {0, 2, 3});
  return (x - m.mean) / cast(m.deviation + 1e-3, f32);
}

TEST(ChannelsLast, ReorderNothingBetweenConvolutions) {
  Pictures pictures([](Pictures& p) {
    const Value first = relu(normalized(p.conv(p.x, 8)));
    const Value second = relu(normalized(p.conv(first, 8)) + first);
    return mean(p.conv(second, 5, 1, 0), {2, 3});
  });
  const auto ops = pictures.ops();
  EXPECT_EQ(ops.at("channels_last_convolution"), 9);
  EXPECT_EQ(ops.at("transpose"), 2);  // x, and its gradient
  EXPECT_FALSE(ops.contains("conv2d"));
  EXPECT_FALSE(pictures.ops({.without = {"channels_last"}}).contains("transpose"));
  expect_same(pictures);
}

TEST(ChannelsLast, ReadChannelsThatAreParametersAsTheyLie) {
  Pictures pictures([](Pictures& p) {
    TensorSource source("bias");
    const Value bias = parameter(p.graph, "bias", source.uniform({8, 1, 1}, -1.0, 1.0, f32));
    const Value row = parameter(p.graph, "row", source.uniform({9}, -1.0, 1.0, f32));
    const Value scalar = parameter(p.graph, "scalar", Tensor::scalar(0.5F));
    return relu(p.conv(p.x, 8) + bias) * row + scalar;
  });
  EXPECT_LE(pictures.ops().at("transpose"), 4);  // x, y, the gradient of x, and that of y
  expect_same(pictures);
}

TEST(ChannelsLast, GiveOtherOpsTheirOrderBack) {
  Pictures pooled([](Pictures& p) {
    const Value pooling = max_pool2d(relu(p.conv(p.x, 7)), {.window = 2});
    return flatten(p.conv(pooling, 3)) * 2.0;
  });
  expect_same(pooled);
  Pictures sliced([](Pictures& p) {
    const Value y = p.conv(p.x, 8);
    return concat({slice(y, 1, 0, 3), slice(relu(y), 1, 3, 8)}, 1) + max(y, {1}, true) + sum(y, {2}, true);
  });
  expect_same(sliced);
  Pictures reduced([](Pictures& p) {
    const Value y = p.conv(p.x, 8);
    return 0.01 * (sum(y, {0, 2, 3}) + sum(max(y, {0}), {1, 2}) + sum(mean(y, {2}), {0, 2}) +
                   sum(sum(y, {1}), {0, 1, 2}));
  });
  expect_same(reduced);
  Pictures chosen([](Pictures& p) {
    const Value y = p.conv(p.x, 8);
    return where(y > 0.25, y, broadcast_to(mean(y, {2, 3}, true), y.shape()));
  });
  expect_same(chosen);
}

TEST(ChannelsLast, LeaveWhatIsNoPictureAlone) {
  Pictures grouped([](Pictures& p) {
    const Value groups = reshape(p.conv(p.x, 8), Shape{4, 2, 4, 9, 9});
    const MomentsOf m = moments(groups, {2, 3, 4});
    const Value y = (groups - m.mean) * sum(groups, {4}, true) + mean(groups, {-1}, true);
    return 0.05 * p.conv(reshape(y, Shape{4, 8, 9, 9}), 3);
  });
  expect_same(grouped);
}

TEST(ChannelsLast, HoldForGroupsStridesAndBorders) {
  for (const std::int64_t groups : {2, 3, 6}) {
    Pictures grouped([](Pictures& p) { return p.conv(relu(p.conv(p.x, 12)), 6); }, groups);
    expect_same(grouped);
  }
  Pictures strided(
      [](Pictures& p) { return p.conv(relu(p.conv(p.x, 20, 3, Padding2d(2, 0, 1, 3), 2)), 17, 2, 0); });
  expect_same(strided);
}

TEST(ChannelsLast, LeaveProgramsWithoutF32ConvolutionsAlone) {
  Graph graph;
  TensorSource source("f64");
  const Value x = parameter(graph, "x", source.uniform({2, 3, 5, 5}, -1.0, 1.0, f64));
  const Value w = parameter(graph, "w", source.uniform({4, 3, 3, 3}, -1.0, 1.0, f64));
  Session session(graph);
  const Compilation made = session.inspect({.outputs = {relu(conv2d(x, w))}}, {});
  for (const NodeId id : made.lowered.steps)
    EXPECT_NE(made.lowered.program.graph->node(id).op.name(), "channels_last_convolution");
}

TEST(ChannelsLast, AddGradientsOfFiltersInTheOrderOfTheCuts) {
  Pictures pictures([](Pictures& p) { return p.conv(relu(p.conv(p.x, 8)), 4); });
  const auto one = pictures.run({.cuts = 2}, 1);
  for (const int threads : {2, 3}) {
    const auto more = pictures.run({.cuts = 2}, threads);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(identical(more[i], one[i])) << i;
  }
  EXPECT_EQ(pictures.ops({.cuts = 2}).at("weight_gradient_terms"), 2);
  EXPECT_FALSE(pictures.ops({.cuts = 5}).contains("weight_gradient_terms"))
      << "four pictures for five shards";
  EXPECT_FALSE(
      pictures.ops({.cuts = 2, .without = {"split_convolutions"}}).contains("weight_gradient_terms"));
}

}  // namespace
}  // namespace weft
