#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <cstdlib>
#include <memory>
#include <thread>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/frontends/optim/optim.h"
#include "weft/frontends/train.h"
#include "weft/ops/activation.h"
#include "weft/ops/branch.h"
#include "weft/ops/compare.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/linalg.h"
#include "weft/ops/loop.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/pool.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/series.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/allocation/counting_allocator.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::AllocationCount;
using testing_support::Allocations;
using testing_support::TensorSource;

constexpr std::int64_t kSamples = 100;
constexpr std::int64_t kPixels = 144;
constexpr std::int64_t kClasses = 10;

/// A layered network over resident u8 images, with all that a step of training has.
using Network = Value (*)(const Value& pixels);
using Optimizer = std::vector<Value> (*)(std::span<const Value> parameters, std::span<const Value> gradients);

Value dense_network(const Value& pixels) {
  const Value hidden = dropout(relu(nn::dense(pixels, "hidden", 32)), 0.25);
  return nn::dense(tanh(nn::dense(hidden, "second", 20)), "logits", kClasses);
}

Value conv_network(const Value& pixels) {
  const Value pictures = reshape(pixels, {-1, 1, 12, 12});
  const nn::Conv2dLayer conv = nn::conv2d(pixels.graph(), "conv", 1, 4, 3);
  const Value features = max_pool2d(relu(conv(pictures)), {.window = 2});
  return nn::dense(flatten(features), "logits", kClasses);
}

Value normalized_network(const Value& pixels) {
  const nn::LayerNorm norm = nn::layer_norm(pixels.graph(), "norm", 32);
  return nn::dense(gelu(norm(nn::dense(pixels, "hidden", 32))), "logits", kClasses);
}

std::vector<Value> by_sgd(std::span<const Value> parameters, std::span<const Value> gradients) {
  return optim::sgd(parameters, gradients, 0.1);
}
std::vector<Value> by_momentum(std::span<const Value> parameters, std::span<const Value> gradients) {
  return optim::sgd(parameters, gradients, 0.1, {.momentum = 0.9});
}
std::vector<Value> by_adam(std::span<const Value> parameters, std::span<const Value> gradients) {
  return optim::adam(parameters, gradients, 0.001);
}

/// Rows of pixels as steps of a recurrence, behind a branch.
Value recurrent_network(const Value& pixels) {
  Graph& graph = pixels.graph();
  const nn::Dense fresh = nn::dense(graph, "fresh", 12, 16);
  const nn::Dense known = nn::dense(graph, "known", 16, 16);
  const Value rows = transpose(reshape(pixels, {-1, 12, 12}), {1, 0, 2});
  const Value first = broadcast_to(constant(graph, 0.0), {pixels.shape()[0], 16});
  const ScanResult made = scan(
      [&](std::span<const Value> h, std::span<const Value> row) {
        return ScanStep{.states = {tanh(fresh(row[0]) + known(h[0]))}, .outputs = {}};
      },
      std::array{first}, std::array{rows});
  const Value h = cond(
      greater(mean(pixels), 0.1), [&] { return std::vector<Value>{made.states[0]}; },
      [&] { return std::vector<Value>{made.states[0] * 2.0}; })[0];
  const Value small = while_loop([](std::span<const Value> s) { return greater(mean(square(s[0])), 0.01); },
                                 [](std::span<const Value> s) { return std::vector{s[0] * 0.5}; },
                                 std::array{h}, {.max_steps = 4})
                          .states[0];
  return nn::dense(small, "logits", kClasses);
}

struct Job {
  const char* name;
  Network network;
  Optimizer optimizer;
  int threads;
  SkipZeros skip_zeros = SkipZeros::automatic;
};

class AllocatesNothing : public testing::TestWithParam<Job> {};

TEST_P(AllocatesNothing, AfterTheFirstCallOfEachBatchSize) {
  const Job& job = GetParam();
  Graph graph;
  TensorSource source("allocation");
  const Value images = constant(graph, source.whole({kSamples, kPixels}, 255, u8));
  const Value labels = constant(graph, source.whole({kSamples}, kClasses - 1, u8));
  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value logits = job.network(cast(gather(images, rows), f32) * (1.0 / 255.0));
  const Value loss = mean(softmax_cross_entropy(logits, gather(labels, rows)));
  std::vector<Value> parameters;
  for (const auto& [label, declared] : graph.states()) parameters.push_back(declared.value);
  Session session(graph, {.threads = job.threads, .compile = {.skip_zeros = job.skip_zeros}});
  Function step = session.compile({.inputs = {rows},
                                   .outputs = {loss},
                                   .updates = job.optimizer(parameters, gradients(loss, parameters))});
  const Tensor batch = source.whole({32}, kSamples - 1, i32);
  const Tensor last_batch = source.whole({5}, kSamples - 1, i32);
  Outputs outputs = step.outputs_for({batch});
  step.run_into({batch}, outputs);
  step.run_into({last_batch}, outputs);
  AllocationCount count;
  for (int i = 0; i < 3; ++i) {
    step.run_into({batch}, outputs);
    step.run_into({last_batch}, outputs);
  }
  const Allocations allocations = count.stop();
  EXPECT_EQ(allocations.own, 0U) << allocations.first_own;
  EXPECT_EQ(allocations.freed, allocations.foreign) << "oneDNN keeps nothing";
}

INSTANTIATE_TEST_SUITE_P(
    Training, AllocatesNothing,
    testing::Values(Job{"Sgd", dense_network, by_sgd, 1}, Job{"SgdByTwoThreads", dense_network, by_sgd, 2},
                    Job{"Momentum", dense_network, by_momentum, 1},
                    Job{"MomentumByTwoThreads", dense_network, by_momentum, 2},
                    Job{"Adam", dense_network, by_adam, 1},
                    Job{"AdamByTwoThreads", dense_network, by_adam, 2},
                    Job{"SgdSkippingZeros", dense_network, by_sgd, 1, SkipZeros::always},
                    Job{"AdamSkippingZerosByTwoThreads", dense_network, by_adam, 2, SkipZeros::always},
                    Job{"Normalization", normalized_network, by_adam, 2},
                    Job{"Recurrence", recurrent_network, by_adam, 1},
                    Job{"RecurrenceByTwoThreads", recurrent_network, by_adam, 2},
                    Job{"Convolution", conv_network, by_sgd, 1},
                    Job{"ConvolutionByTwoThreads", conv_network, by_sgd, 2}),
    [](const auto& job) { return std::string(job.param.name); });

TEST(FedBytes, AllocateNothing) {
  for (const int threads : {1, 2}) {
    Graph graph;
    TensorSource source("fed bytes allocation");
    const Value x = input(graph, "x", u8, {"batch", kPixels});
    const Value classes = argmax(dense_network(cast(x, f32) * (1.0 / 255.0)));
    Session session(graph, {.threads = threads});
    Function predict = session.compile({.inputs = {x}, .outputs = {classes}, .updates = {}});
    const Tensor dense = source.whole({100, kPixels}, 255, u8);
    const Tensor sparse = Tensor::zeros(u8, {100, kPixels});
    Outputs outputs = predict.outputs_for({dense});
    predict.run_into({dense}, outputs);
    predict.run_into({sparse}, outputs);
    AllocationCount count;
    predict.run_into({dense}, outputs);
    predict.run_into({sparse}, outputs);
    const Allocations allocations = count.stop();
    EXPECT_EQ(allocations.own, 0U) << allocations.first_own;
  }
}

TEST(SparseBatches, OfOneCapacityAllocateNothing) {
  for (const int threads : {1, 2}) {
    Graph graph;
    TensorSource source("sparse allocation");
    const SparseValue x = sparse_input(graph, "x", f32, {"batch", kPixels}, "room");
    const nn::Dense hidden = nn::dense(graph, "hidden", kPixels, 32);
    const Value loss = mean(square(tanh(hidden(x))));
    const auto slopes = gradients(loss, hidden.parameters());
    const auto parts = x.parts();
    Session session(graph, {.threads = threads});
    Function step = session.compile({.inputs = {parts.begin(), parts.end()},
                                     .outputs = {loss},
                                     .updates = by_sgd(hidden.parameters(), slopes)});
    const SparseTensor data = SparseTensor::from_dense(source.whole({kSamples, kPixels}, 2, f32));
    std::vector<std::array<Tensor, 4>> batches;
    for (const std::int64_t begin : {0, 32, 64}) batches.push_back(data.rows(begin, 32).parts());
    Outputs outputs = step.outputs_for(batches[0]);
    step.run_into(batches[0], outputs);
    AllocationCount count;
    for (const auto& batch : batches) step.run_into(batch, outputs);
    const Allocations allocations = count.stop();
    EXPECT_EQ(allocations.own, 0U) << allocations.first_own;
  }
}

TEST(LinearAlgebra, AllocatesNothing) {
  for (const DType dtype : {f32, f64}) {
    for (const int threads : {1, 2}) {
      Graph graph;
      TensorSource source("linear algebra allocation");
      const Value x = input(graph, "x", dtype, {70, 2100});  // more terms than f32 adds up one by one
      const Value rows = matmul(x, x, false, true);
      const Value root = cholesky(rows + 10.0 * eye(graph, 70, {}, 0, dtype));
      const Value solved = triangular_solve(root, rows, true, true);
      Session session(graph, {.threads = threads});
      Function solve = session.compile({.inputs = {x}, .outputs = {solved}});
      const Tensor fed = source.uniform({70, 2100}, -0.1, 0.1, dtype);
      Outputs outputs = solve.outputs_for({fed});
      solve.run_into({fed}, outputs);
      AllocationCount count;
      solve.run_into({fed}, outputs);
      const Allocations seen = count.stop();
      EXPECT_EQ(seen.own, 0U) << name_of(dtype) << ", " << threads << " threads: " << seen.first_own;
      EXPECT_EQ(seen.foreign, 0U);
    }
  }
}

TEST(Fit, AllocatesNothingForABatch) {
  Graph graph;
  TensorSource source("fit allocation");
  const Value x = input(graph, "x", f32, {"batch", 20});
  const Value labels = input(graph, "labels", u8, {"batch"});
  const Value rows = input(graph, "rows", i32, {"batch"});
  const Tensor images = source.uniform({500, 20}, -1.0, 1.0, f32);
  const Tensor classes = source.whole({500}, 2, u8);
  const nn::Dense layer = nn::dense(graph, "layer", 20, 3);
  const Value loss = mean(softmax_cross_entropy(layer(x), labels));
  const Value resident = mean(softmax_cross_entropy(layer(gather(constant(graph, images), rows)),
                                                    gather(constant(graph, classes), rows)));
  const auto weights = layer.parameters();
  Session session(graph);
  Function fed = session.compile(
      {.inputs = {x, labels}, .outputs = {loss}, .updates = by_sgd(weights, gradients(loss, weights))});
  Function gathered = session.compile(
      {.inputs = {rows}, .outputs = {resident}, .updates = by_sgd(weights, gradients(resident, weights))});
  const auto allocations_of = [&](std::int64_t samples, auto train) {
    train(samples);  // makes the plans
    AllocationCount count;
    train(samples);
    return count.stop().own;
  };
  const auto by_tensors = [&](std::int64_t samples) {
    fit(fed, {images.rows(0, samples), classes.rows(0, samples)}, {.batch_size = 8});
  };
  const auto by_rows = [&](std::int64_t samples) { fit(gathered, {.samples = samples, .batch_size = 8}); };
  // 2 and 62 whole batches, and a last one of 4.
  EXPECT_EQ(allocations_of(500, by_tensors), allocations_of(20, by_tensors));
  EXPECT_EQ(allocations_of(500, by_rows), allocations_of(20, by_rows));
}

TEST(AllocationCount, CountsWhatAnyAllocatorGives) {
  AllocationCount count;
  const auto by_new = std::make_unique<int>(1);
  // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): what is counted
  const std::unique_ptr<void, void (*)(void*)> by_malloc(std::malloc(8), std::free);
  const std::unique_ptr<void, void (*)(void*)> aligned(std::aligned_alloc(64, 64), std::free);
  EXPECT_EQ(count.stop().own, 3U);
}

TEST(AllocationCount, CountsTheFreshOutputsOfACall) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  Session session(graph);
  Function twice = session.compile({.inputs = {x}, .outputs = {x + x}});
  const Tensor fed = Tensor::of({1.0F, 2.0F, 3.0F, 4.0F});
  twice({fed});
  AllocationCount count;
  twice({fed});
  EXPECT_GT(count.stop().own, 0U);
}

/// Where the calls of two threads meet, so that each surely has an arena of its own.
std::barrier<>* meeting = nullptr;

struct Meet {  // y = x, once two threads have come so far
  static constexpr std::string_view name = "meet";
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    meeting->arrive_and_wait();
    std::ranges::copy(x, y.begin());
  }
  static constexpr NoGradient gradient{"the test needs none"};
};

TEST(ServingThreads, AllocateNothing) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 32});
  const Value y = apply(Meet{}, nn::dense(relu(nn::dense(x, "hidden", 16)), "last", 4));
  Session session(graph, {.callers = 2});
  const Function predict = session.compile({.inputs = {x}, .outputs = {y}});
  const Tensor fed = Tensor::zeros(f32, {3, 32});
  std::barrier calls(2);
  meeting = &calls;
  std::barrier counting(3);
  const auto serve = [&] {
    Outputs outputs = predict.outputs_for({fed});
    for (int i = 0; i < 3; ++i) predict.run_into({fed}, outputs);
    counting.arrive_and_wait();
    counting.arrive_and_wait();
    for (int i = 0; i < 3; ++i) predict.run_into({fed}, outputs);
    counting.arrive_and_wait();
  };
  const std::jthread first(serve);
  const std::jthread second(serve);
  counting.arrive_and_wait();
  AllocationCount count;
  counting.arrive_and_wait();
  counting.arrive_and_wait();
  const Allocations allocations = count.stop();
  EXPECT_EQ(allocations.own, 0U) << allocations.first_own;
}

}  // namespace
}  // namespace weft
