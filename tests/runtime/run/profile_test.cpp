#include "weft/runtime/run/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/machine/machine_peak.h"
#include "weft/runtime/run/recorder.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing::HasSubstr;
using testing_support::expect_error;

/// Takes its time: an op whose kernel sleeps.
struct Nap {
  static constexpr std::string_view name = "nap";
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs&) const { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }
  static constexpr NoGradient gradient{"it is a test"};
};

constexpr MachinePeak kNoPeak{};

struct Profiled {
  explicit Profiled(int threads, bool on = true)
      : session(graph, {.threads = threads, .exact_threads = true, .compile = {.profile = on}}) {}
  Graph graph;
  Value x = input(graph, "x", f32, {64, 32});
  Session session;
  Tensor fed = Tensor::zeros(f32, {64, 32});
};

TEST(Profile, TellsEachStepsTimeApartFromTheOthers) {
  Profiled job(1);
  Function function =
      job.session.compile({.inputs = {job.x}, .outputs = {sum(apply(Nap{}, job.x + 1.0))}, .updates = {}});
  for (int i = 0; i < 5; ++i) function({job.fed});
  const Profile profile = function.profile();
  EXPECT_EQ(profile.runs, 5U);
  ASSERT_EQ(profile.steps.size(), 3U);
  EXPECT_EQ(profile.steps[1].op, "nap");
  EXPECT_EQ(profile.steps[1].kernel, "reference");
  EXPECT_GE(profile.steps[1].seconds, 0.002);
  EXPECT_LT(profile.steps[0].seconds, 0.001);
  EXPECT_GE(profile.kernel_seconds, 0.002);
  EXPECT_GE(profile.call_seconds, profile.kernel_seconds);
  EXPECT_GE(profile.overhead_seconds, 0.0);
  EXPECT_LT(profile.overhead_seconds, 0.001);
}

TEST(Profile, CountsOperationsAndBytesOfEachStep) {
  Profiled job(1);
  Function function =
      job.session.compile({.inputs = {job.x}, .outputs = {matmul(job.x, job.x, false, true)}, .updates = {}});
  function({job.fed});
  const Profile profile = function.profile();
  ASSERT_EQ(profile.steps.size(), 1U);
  EXPECT_EQ(profile.steps[0].flops, 2.0 * 64 * 64 * 32);
  EXPECT_EQ(profile.flops(), profile.steps[0].flops);
  EXPECT_EQ(profile.bytes(), 4.0 * (2 * 64 * 32 + 64 * 64));
}

TEST(Profile, SumsUpTheLatestCallsAlone) {
  Profiled job(1);
  Function function = job.session.compile({.inputs = {job.x}, .outputs = {job.x + 1.0}, .updates = {}});
  for (int i = 0; i < 1000; ++i) function({job.fed});
  EXPECT_EQ(function.profile(3).runs, 3U);
  EXPECT_EQ(function.profile().runs, 256U);
}

TEST(Profile, LeavesOutACallThatFailed) {
  Profiled job(1);
  const Value rows = input(job.graph, "rows", i32, {2});
  Function function =
      job.session.compile({.inputs = {job.x, rows}, .outputs = {gather(job.x, rows)}, .updates = {}});
  const Tensor bad = Tensor::of<std::int32_t>({0, 64});
  expect_error(ErrorCode::out_of_range, {"64"}, [&] { function({job.fed, bad}); });
  expect_error(ErrorCode::invalid_argument, {"at least one call"}, [&] { function.profile(); });
  function({job.fed, Tensor::of<std::int32_t>({0, 63})});
  EXPECT_EQ(function.profile().runs, 1U);
}

TEST(Profile, NeedsASessionThatRecords) {
  Profiled job(1, false);
  Function function = job.session.compile({.inputs = {job.x}, .outputs = {job.x + 1.0}, .updates = {}});
  expect_error(ErrorCode::invalid_argument, {"at least one call"}, [&] { function.profile(); });
  function({job.fed});
  expect_error(ErrorCode::invalid_argument, {".profile = true"}, [&] { function.profile(); });
}

TEST(Profile, TextHasALineForEachStepAndTheSums) {
  Profiled job(1);
  Function function = job.session.compile(
      {.inputs = {job.x}, .outputs = {sum((job.x + 1.0).named("shifted"))}, .updates = {}});
  function({job.fed});
  const std::string text = to_text(function.profile(), kNoPeak);
  EXPECT_THAT(text, HasSubstr("add shifted"));
  EXPECT_THAT(text, HasSubstr("f32[64, 32]"));
  EXPECT_THAT(text, HasSubstr("overhead"));
  EXPECT_THAT(text, HasSubstr("one call, median of 1"));
}

TEST(Profile, SumsUpByOpAndKernelAndEndsWithTheReferenceKernels) {
  Profile profile;
  const auto add = [&](const char* op, const char* kernel, double seconds) {
    StepProfile step;
    step.op = op;
    step.kernel = kernel;
    step.seconds = seconds;
    profile.steps.push_back(step);
  };
  add("matmul", "onednn_matmul", 2e-6);
  add("sort", "reference", 1e-6);
  add("matmul", "onednn_matmul", 4e-6);
  add("matmul", "blocked_matmul", 1e-6);
  const std::vector<KernelSum> sums = sums_by_kernel(profile);
  ASSERT_EQ(sums.size(), 3U);
  EXPECT_EQ(sums[0].op, "matmul");
  EXPECT_EQ(sums[0].kernel, "onednn_matmul");
  EXPECT_EQ(sums[0].steps, 2U);
  EXPECT_DOUBLE_EQ(sums[0].seconds, 6e-6);
  EXPECT_DOUBLE_EQ(reference_share(profile), 0.125);
  EXPECT_TRUE(to_text(profile, kNoPeak).ends_with("\nby reference kernels: 12.5% of the time: sort\n"));
  std::erase_if(profile.steps, [](const StepProfile& step) { return step.kernel == "reference"; });
  EXPECT_TRUE(to_text(profile, kNoPeak).ends_with("\nby reference kernels: 0.0% of the time\n"));
  EXPECT_EQ(reference_share(Profile{}), 0.0);
}

TEST(Profile, TraceShowsThreadsStepsAndBarriersThatDoNotOverlap) {
  Profiled job(2);
  // The sum needs the rows of both threads.
  Function function =
      job.session.compile({.inputs = {job.x}, .outputs = {sum(apply(Nap{}, exp(job.x)))}, .updates = {}});
  for (int i = 0; i < 15; ++i) function({job.fed});
  const auto trace = nlohmann::json::parse(to_chrome_trace(function.profile()));
  std::set<std::string> names;
  std::set<int> threads;
  std::size_t calls = 0;
  std::vector<double> free_from(2, 0.0);
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("ph") == "M") continue;
    names.insert(event.at("name"));
    threads.insert(event.at("tid").get<int>());
    EXPECT_GE(event.at("dur").get<double>(), 0.0);
    if (event.at("name") == "call") {
      ++calls;
      continue;
    }
    const auto at = static_cast<std::size_t>(event.at("tid").get<int>());
    constexpr double kRounding = 0.01;  // microseconds
    EXPECT_GE(event.at("ts").get<double>(), free_from[at] - kRounding);
    free_from[at] = event.at("ts").get<double>() + event.at("dur").get<double>();
  }
  EXPECT_EQ(calls, 10U);
  EXPECT_EQ(threads, (std::set<int>{0, 1}));
  EXPECT_THAT(names, testing::IsSupersetOf({"call", "barrier", "nap", "exp"}));
}

TEST(Recorder, KeepsAsManyRunsAsFitAndTheLatest) {
  constexpr std::size_t kManySteps = std::size_t{1} << 18;
  Recorder recorder(kManySteps, 1);
  for (std::int64_t run = 0; run < 7; ++run) {
    recorder.begin_run();
    recorder.row(0)[0].end = run;
    recorder.end_run();
  }
  ASSERT_EQ(recorder.runs(), 4U);
  for (std::size_t run = 0; run < 4; ++run)
    EXPECT_EQ(recorder.row(run, 0)[0].end, static_cast<std::int64_t>(run + 3));
}

TEST(MachinePeak, GivesTheBandwidthOfTheSmallestBlockThatHoldsTheBytes) {
  const MachinePeak peak{.threads = 1, .flops_per_second = 10.0, .bandwidths = {{100.0, 8.0}, {1000.0, 2.0}}};
  EXPECT_EQ(peak.bandwidth_for(100.0), 8.0);
  EXPECT_EQ(peak.bandwidth_for(101.0), 2.0);
  EXPECT_EQ(peak.bandwidth_for(5000.0), 2.0);
  StepProfile step;
  step.seconds = 10.0;
  step.flops = 50.0;  // 5 s
  step.bytes = 16.0;  // 2 s
  EXPECT_DOUBLE_EQ(roofline_share(step, peak), 0.5);
  step.bytes = 64.0;  // 8 s
  EXPECT_DOUBLE_EQ(roofline_share(step, peak), 0.8);
}

TEST(MachinePeak, MeasuresWhatIsPlausible) {
  const MachinePeak peak = measure_peak(1);
  EXPECT_GT(peak.flops_per_second, 1e8);
  EXPECT_LT(peak.flops_per_second, 1e12);
  ASSERT_FALSE(peak.bandwidths.empty());
  for (const auto& bandwidth : peak.bandwidths) EXPECT_GT(bandwidth.bytes_per_second, 1e7);
}

}  // namespace
}  // namespace weft
