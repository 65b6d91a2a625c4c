// What a session that watches itself says of the steps inside of loops and branches.

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/builtin.h"
#include "weft/runtime/machine/machine_peak.h"
#include "weft/runtime/run/profile.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/own_kernel.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::expect_error;
using testing_support::TensorSource;

constexpr std::int64_t kTurns = 50;

/// Products of a state [rows, 32] with a matrix, round after round.
struct Rounds {
  Graph graph;
  Value x = input(graph, "x", f32, {64, 32});
  Value u = parameter(graph, "u", TensorSource("rounds").uniform({32, 32}, -0.2, 0.2, f32));
  Tensor fed = TensorSource("fed rounds").uniform({64, 32}, -1.0, 1.0, f32);

  std::vector<Value> step(std::span<const Value> s) const { return {sort(matmul(s[0], u), -1)}; }
  Value scanned() {
    return scan([&](std::span<const Value> s, std::span<const Value>) { return ScanStep{step(s)}; },
                std::array{x}, {}, {.length = kTurns})
        .states[0];
  }
  Value looped(std::int64_t rounds) {
    return while_loop([](std::span<const Value> s) { return less(mean(s[0]), 1e9); },
                      [&](std::span<const Value> s) { return step(s); }, std::array{x}, {.max_steps = rounds})
        .states[0];
  }
};

const StepProfile* step_of(const std::vector<StepProfile>& steps, std::string_view op) {
  for (const StepProfile& step : steps) {
    if (step.op == op) return &step;
  }
  return nullptr;
}

TEST(ProfileOfLoops, HasTheStepsInsideAndHowOftenTheyRun) {
  for (const int threads : {1, 2}) {
    Rounds job;
    Session session(job.graph, {.threads = threads, .exact_threads = true, .compile = {.profile = true}});
    Function f = session.compile({.inputs = {job.x}, .outputs = {job.scanned()}});
    for (int call = 0; call < 4; ++call) f({job.fed});
    const Profile profile = f.profile(2);
    const StepProfile* loop = step_of(profile.steps, "scan");
    ASSERT_NE(loop, nullptr);
    const StepProfile* sorts = step_of(loop->inside, "sort");
    ASSERT_NE(sorts, nullptr);
    EXPECT_EQ(sorts->times, kTurns);
    EXPECT_EQ(sorts->kernel, "reference");
    EXPECT_GT(sorts->seconds, 0.0);
    double flops = 0.0;
    for (const StepProfile& inside : loop->inside) flops += inside.flops;
    EXPECT_GE(flops, 50.0 * 2 * 64 * 32 * 32);
    const std::vector<KernelSum> sums = sums_by_kernel(profile);
    const auto sum = std::ranges::find(sums, "sort", &KernelSum::op);
    ASSERT_NE(sum, sums.end());
    EXPECT_EQ(sum->times, kTurns);
    EXPECT_EQ(sum->seconds, sorts->seconds);
    EXPECT_GT(reference_share(profile), 0.0) << "the sort's";
    const std::string text = to_text(profile, MachinePeak{});
    EXPECT_NE(text.find("\n  50 x sort"), std::string::npos) << text;
  }
}

TEST(ProfileOfLoops, CountsTheStepsThatAWhileLoopTook) {
  Rounds job;
  Session session(job.graph, {.compile = {.profile = true}});
  Function f = session.compile({.inputs = {job.x}, .outputs = {job.looped(7)}});
  f({job.fed});
  const Profile profile = f.profile();
  const StepProfile* loop = step_of(profile.steps, "while_loop");
  ASSERT_NE(loop, nullptr);
  EXPECT_EQ(step_of(loop->inside, "sort")->times, 7.0);
  EXPECT_EQ(loop->inside[0].times, 8.0) << "the condition";
}

TEST(ProfileOfLoops, DoesNotCountTheTimeInsideTwice) {
  StepProfile inside;
  inside.op = "tanh";
  inside.kernel = "elementwise";
  inside.seconds = 3e-6;
  inside.times = 10.0;
  StepProfile loop;
  loop.op = "scan";
  loop.kernel = "control";
  loop.seconds = 4e-6;
  loop.inside = {inside};
  Profile profile;
  profile.steps = {loop};
  const std::vector<KernelSum> sums = sums_by_kernel(profile);
  ASSERT_EQ(sums.size(), 2U);
  EXPECT_EQ(sums[0].op, "tanh");
  EXPECT_DOUBLE_EQ(sums[1].seconds, 1e-6);
}

TEST(NanGuardInLoops, NamesTheOpTheStepAndTheUsersLine) {
  for (const bool fuses : {true, false}) {
    Graph graph;
    const Value x = input(graph, "x", f32, {4});
    const auto line = at_line(__LINE__ + 2);
    const ScanFunction f = [](std::span<const Value> s, std::span<const Value>) {
      const Value root = sqrt(s[0]);
      return ScanStep{.states = {s[0] - 1.0}, .outputs = {root * 2.0}};
    };
    const Value y = scan(f, std::array{x}, {}, {.length = 6}).outputs[0];
    Session session(graph, {.threads = 2,
                            .compile = {.fuse_elementwise = fuses,
                                        .without = {"before_scans", "behind_scans"},
                                        .nan_guard = true}});
    Function g = session.compile({.inputs = {x}, .outputs = {y}});
    expect_error(ErrorCode::numeric, {line + ": sqrt: a NaN came out", "in [-1, 5]", "(in step 3 of a loop)"},
                 [&] { g({Tensor::of<float>({2, 7, 8, 7})}); });
    EXPECT_NO_THROW(g({Tensor::of<float>({6, 7, 8, 9})}));
  }
}

TEST(NanGuardInLoops, LooksIntoWhileLoopsAndBranches) {
  Graph graph;
  const Value x = input(graph, "x", f64, {2});
  const auto line = at_line(__LINE__ + 3);
  const WhileResult made =
      while_loop([](std::span<const Value> s) { return greater(s[1], 0.0); },
                 [&](std::span<const Value> s) { return std::vector<Value>{log(s[0] - s[1]), s[1] - 1.0}; },
                 std::array{x, constant(graph, 3.0, f64)});
  const Value y = cond(
      greater(sum(x), 0.0), [&] { return std::vector<Value>{x * 2.0}; },
      [&] { return std::vector<Value>{log(x)}; })[0];
  Session session(graph, {.compile = {.nan_guard = true}});
  Function loop = session.compile({.inputs = {x}, .outputs = {made.states[0]}});
  expect_error(ErrorCode::numeric, {line + ": log: a NaN came out", "(in step 1 of a loop)"},
               [&] { loop({Tensor::of<double>({4.5, 5.5})}); });
  Function branch = session.compile({.inputs = {x}, .outputs = {y}});
  EXPECT_NO_THROW(branch({Tensor::of<double>({2.0, -1.0})}));
  expect_error(ErrorCode::numeric, {"log: a NaN came out"},
               [&] { branch({Tensor::of<double>({-2.0, 1.0})}); });
}

void forget_the_third(std::span<const float> x, std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = i == 2 ? 0.0F : std::tanh(x[i]);
}

TEST(SelfCheckInLoops, AllowsWhatStepsMagnify) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4096});
  // A unit in the last place of tanh is 6e-4 of the output, most of whose elements are near 0.
  const std::vector<Value> y =
      map([](std::span<const Value> e) { return std::vector{(tanh(e[0]) - 0.5) * 1e4}; },
          std::array{reshape(x, {1, 4096})});
  Tensor fed = testing_support::TensorSource("magnified").uniform({4096}, 0.5492, 0.5494, f32);
  fed.mutable_values<float>()[0] = 4.0F;
  Session session(graph, {.compile = {.without = {"fuse_elementwise"}, .self_check = true}});
  EXPECT_NO_THROW(session.compile({.inputs = {x}, .outputs = y})({fed}));
}

TEST(SelfCheckInLoops, NamesTheKernelAndTheStep) {
  Graph graph;
  const Value x = input(graph, "x", f32, {3, 4});
  const Value zero = constant(graph, Tensor::zeros(f32, {4}));
  const Value y = scan(
                      [](std::span<const Value> s, std::span<const Value> e) {
                        const Value next = tanh(s[0] + e[0]);
                        return ScanStep{.states = {next}, .outputs = {next}};
                      },
                      std::array{zero}, std::array{x})
                      .outputs[0];
  const KernelOffer wrong = testing_support::own_kernel<Tanh, forget_the_third>;
  Session session(
      graph, {.compile = {.fuse_elementwise = false, .kernels = {{"forgetful", wrong}}, .self_check = true}});
  Function f = session.compile({.inputs = {x}, .outputs = {y}});
  Tensor fed = Tensor::zeros(f32, {3, 4});
  fed.mutable_values<float>()[6] = 1.0F;
  expect_error(ErrorCode::internal,
               {"the kernel 'forgetful' changes element 2", "(in step 1 of a loop)", "loops_watch_test.cpp"},
               [&] { f({fed}); });
}

}  // namespace
}  // namespace weft
