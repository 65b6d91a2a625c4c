// N + M steps are N steps, a checkpoint, and M steps, to the last bit.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/files/checkpoint.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::same_bits;
using testing_support::TemporaryFolder;
using testing_support::TensorSource;

constexpr std::int64_t kInputs = 8;

/// Adam's updates (Kingma and Ba, 2015), with its slots.
std::vector<Value> adam(Graph& graph, std::span<const Value> parameters, std::span<const Value> gradients) {
  const Value step = parameter(graph, "step", Tensor::scalar(0.0F));
  const Value t = step + 1.0;
  std::vector<Value> updates{assign(step, t)};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Value& p = parameters[i];
    const Tensor zeros = Tensor::zeros(f32, p.shape().sizes());
    const Value m = parameter(graph, p.name() + "/m", zeros);
    const Value v = parameter(graph, p.name() + "/v", zeros);
    const Value next_m = 0.9 * m + 0.1 * gradients[i];
    const Value next_v = 0.999 * v + 0.001 * square(gradients[i]);
    const Value correction1 = 1.0 - pow(constant(graph, 0.9), t);
    const Value correction2 = 1.0 - pow(constant(graph, 0.999), t);
    updates.push_back(assign(m, next_m));
    updates.push_back(assign(v, next_v));
    updates.push_back(assign(p, p - 0.01 * (next_m / correction1) / (sqrt(next_v / correction2) + 1e-8)));
  }
  return updates;
}

/// A network with dropout, whose weights start at random.
struct ResumedModel {
  ResumedModel() {
    x = input(graph, "x", f32, {"batch", kInputs});
    labels = input(graph, "labels", i64, {"batch"});
    w = parameter(graph, "w", random_normal(graph, f32, {kInputs, 16}, 0.0, 0.3));
    v = parameter(graph, "v", random_uniform(graph, f32, {16, 4}, -0.3, 0.3));
    const Value loss = mean(softmax_cross_entropy(matmul(dropout(relu(matmul(x, w)), 0.4), v), labels));
    const std::vector<Value> parameters{w, v};
    spec = {.inputs = {x, labels},
            .outputs = {loss},
            .updates = adam(graph, parameters, gradients(loss, parameters))};
  }
  Graph graph;
  Value x, labels, w, v;
  FunctionSpec spec;
};

/// Steps [first, last) of a fixed sequence of batches; the losses.
std::vector<Tensor> train(Function& step, int first, int last) {
  std::vector<Tensor> losses;
  for (int i = first; i < last; ++i) {
    TensorSource source("batch " + std::to_string(i));
    const std::int64_t batch = i % 5 == 4 ? 7 : 12;
    losses.push_back(step({source.uniform({batch, kInputs}, -1.0, 1.0, f32), source.whole({batch}, 4)})[0]);
  }
  return losses;
}

class Resume : public testing::TestWithParam<int> {};

TEST_P(Resume, GoesOnToTheSameBits) {
  const TemporaryFolder folder;
  ResumedModel whole;
  Session one(whole.graph, {.threads = GetParam(), .exact_threads = true, .seed = 7});
  Function step = one.compile(whole.spec);
  const auto expected = train(step, 0, 12);

  ResumedModel first;
  Session before(first.graph, {.threads = GetParam(), .exact_threads = true, .seed = 7});
  Function first_step = before.compile(first.spec);
  train(first_step, 0, 5);
  before.save(folder / "checkpoint", {{"note", "after five steps"}});

  ResumedModel second;
  Session after(second.graph, {.threads = GetParam(), .exact_threads = true, .seed = 99});
  Function second_step = after.compile(second.spec);
  EXPECT_EQ(after.load(folder / "checkpoint"), (Metadata{{"note", "after five steps"}}));
  EXPECT_EQ(after.seed(), 7U);
  const auto losses = train(second_step, 5, 12);
  for (std::size_t i = 0; i < losses.size(); ++i)
    EXPECT_TRUE(same_bits(losses[i], expected[i + 5])) << "step " << i;
  for (const auto& [label, state] : whole.graph.states()) {
    EXPECT_TRUE(same_bits(after.value(label), one.value(label))) << label;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, Resume, testing::Values(1, 2), testing::PrintToStringParamName());

TEST(Resume, TheCheckpointHoldsParametersAndSlotsByName) {
  const TemporaryFolder folder;
  ResumedModel model;
  Session session(model.graph, {.seed = 7});
  session.save(folder / "checkpoint");
  const Checkpoint checkpoint = read_checkpoint(folder / "checkpoint");
  std::vector<std::string> names;
  for (const auto& [name, tensor] : checkpoint.tensors) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"step", "v", "v/m", "v/v", "w", "w/m", "w/v"}));
  EXPECT_EQ(checkpoint.metadata.at("weft.seed"), "7");
}

TEST(Resume, ABadCheckpointLeavesTheSessionAsItWas) {
  const TemporaryFolder folder;
  ResumedModel model;
  Session session(model.graph, {.seed = 7});
  session.save(folder / "good");
  Checkpoint checkpoint = read_checkpoint(folder / "good");
  const auto refuse = [&](std::initializer_list<std::string_view> parts, const Checkpoint& bad) {
    write_checkpoint(folder / "bad", bad);
    const Tensor before = session.value("w");
    expect_error(ErrorCode::bad_file, parts, [&] { session.load(folder / "bad"); });
    EXPECT_TRUE(same_bits(session.value("w"), before));
    EXPECT_EQ(session.seed(), 7U);
  };
  Checkpoint other = checkpoint;
  for (auto& [name, tensor] : other.tensors) tensor = Tensor::zeros(tensor.dtype(), tensor.sizes());
  Checkpoint bad = other;
  bad.tensors.erase("v/v");
  refuse({"v/v", "none"}, bad);
  bad = other;
  bad.tensors["v"] = Tensor::zeros(f32, {4, 16});
  refuse({"'v'", "f32[16, 4]", "f32[4, 16]"}, bad);
  bad = other;
  bad.tensors["w"] = Tensor::zeros(f64, {kInputs, 16});
  refuse({"'w'", "f64"}, bad);
  for (const char* key : {"weft.seed", "weft.run"}) {
    bad = other;
    bad.metadata.erase(key);
    refuse({key}, bad);
    for (const char* text : {"", "x", "1x", "1.5", " 1", "99999999999999999999999"}) {
      bad.metadata[key] = text;
      refuse({key}, bad);
    }
  }
  session.load(folder / "good");
}

TEST(Resume, AllocatesNoParameterBeforeTheFileHasIt) {
  const TemporaryFolder folder;
  Graph graph;
  constexpr std::int64_t kTera = std::int64_t{1} << 40;
  parameter(graph, "huge", random_uniform(graph, f32, {kTera}));
  write_checkpoint(folder / "lie", {.tensors = {}, .metadata = {{"weft.seed", "1"}, {"weft.run", "1"}}});
  Session session(graph);
  expect_error(ErrorCode::bad_file, {"'huge'", "none"}, [&] { session.load(folder / "lie"); });
}

TEST(Resume, ParametersAreLoadedBeforeAndAfterCompilingAlike) {
  const TemporaryFolder folder;
  ResumedModel model;
  Session source(model.graph, {.seed = 7});
  Function source_step = source.compile(model.spec);
  train(source_step, 0, 3);
  source.save(folder / "checkpoint");
  Session early(model.graph, {.seed = 1});
  early.load(folder / "checkpoint");
  Function early_step = early.compile(model.spec);
  Session late(model.graph, {.seed = 2});
  Function late_step = late.compile(model.spec);
  train(late_step, 0, 2);
  late.load(folder / "checkpoint");
  const auto expected = train(source_step, 3, 6);
  const auto from_early = train(early_step, 3, 6);
  const auto from_late = train(late_step, 3, 6);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(same_bits(from_early[i], expected[i])) << i;
    EXPECT_TRUE(same_bits(from_late[i], expected[i])) << i;
  }
}

}  // namespace
}  // namespace weft
