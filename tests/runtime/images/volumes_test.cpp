// Volumes whose channels lie side by side between convolutions.

#include <gtest/gtest.h>

#include <map>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/conv.h"
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

/// Two convolutions of volumes [4, 6, 5, 6, 7] with a bias, a picture that meets the volume, and a mean.
struct VolumeNet {
  VolumeNet() {
    TensorSource source("volumes");
    const auto weights = [&](const char* name, std::initializer_list<std::int64_t> sizes) {
      return parameter(graph, name, source.uniform(sizes, -0.5, 0.5, f32));
    };
    const Value x = weights("x", {4, 6, 5, 6, 7});
    const Value first = weights("first", {8, 6, 3, 3, 3});
    const Value bias = weights("bias", {8, 1, 1, 1});
    const Value plane = weights("plane", {8, 1, 6, 7});
    const Value second = weights("second", {5, 8, 2, 2, 2});
    const Value picture = conv2d(plane, weights("flat", {3, 1, 3, 3}), {.padding = 1});
    const Value hidden = relu(conv3d(x, first, {.padding = 1}) + bias + plane);
    const Value y = mean(conv3d(hidden, second), {2, 3, 4});
    outputs =
        gradients(sum(y * y) + sum(picture * picture), std::vector<Value>{x, first, bias, plane, second});
    outputs.insert(outputs.begin(), y);
  }

  std::vector<Tensor> run(const CompileOptions& options, int threads) {
    Session session(graph, {.threads = threads, .exact_threads = true, .compile = options});
    std::vector<Tensor> results;
    const Function function = session.compile({.outputs = outputs});
    for (const Tensor& output : function({})) results.push_back(output.clone());
    return results;
  }

  Graph graph;
  std::vector<Value> outputs;
};

TEST(ChannelsLast, GivesTheSameNumbersForVolumes) {
  VolumeNet net;
  const auto plain = net.run({.without = {"channels_last"}}, 1);
  for (const int threads : {1, 2, 3}) {
    const auto last = net.run({}, threads);
    ASSERT_EQ(last.size(), plain.size());
    for (std::size_t i = 0; i < plain.size(); ++i)
      EXPECT_TRUE(close_to(last[i], plain[i], 2e-5)) << "output " << i << ", threads " << threads;
  }
  CompileOptions checked;
  checked.self_check = true;
  EXPECT_NO_THROW(net.run(checked, 2));
}

TEST(ChannelsLast, ReordersVolumesWhereTheyEnterOnly) {
  VolumeNet net;
  Session session(net.graph, {});
  const Compilation made = session.inspect({.outputs = net.outputs}, {});
  std::map<std::string, int> counts;
  for (const NodeId id : made.lowered.steps)
    ++counts[std::string(made.lowered.program.graph->node(id).op.name())];
  EXPECT_FALSE(counts.contains("conv3d"));
  EXPECT_FALSE(counts.contains("conv3d_weight_gradient"));
  EXPECT_LE(counts["transpose"], 5) << "x, the plane, their gradients, and the sum that one of these is";
}

}  // namespace
}  // namespace weft
