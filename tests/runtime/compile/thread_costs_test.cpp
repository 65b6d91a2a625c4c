#include "weft/runtime/compile/thread_costs.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/machine/thread_pool.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/own_kernel.h"

namespace weft {
namespace {

/// tanh(x w) for x [rows, 64].
Schedule schedule_of(std::int64_t rows, const CompileTarget& target, const CompileOptions& options = {}) {
  Graph graph;
  const Value x = input(graph, "x", f32, {rows, 64});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {64, 64}));
  const std::vector<Value> roots{tanh(matmul(x, w))};
  const std::vector<std::string> inputs{"x"};
  return compile(graph, roots, 1, inputs, {}, options, target).schedule;
}

constexpr ThreadCosts kCosts{.region = 2e-6, .barrier = 1e-6, .flops = 1e11, .bytes = 1e11};

TEST(ThreadCosts, GiveATinyPlanOneThreadAndALargeOneAll) {
  EXPECT_EQ(schedule_of(1, {.threads = 4, .thread_costs = kCosts}).threads, 1);
  EXPECT_EQ(schedule_of(16, {.threads = 4, .thread_costs = kCosts}).threads, 1);
  EXPECT_EQ(schedule_of(4096, {.threads = 4, .thread_costs = kCosts}).threads, 4);
  EXPECT_EQ(schedule_of(4096, {.threads = 3, .thread_costs = kCosts}).threads, 3);
}

void compute_nothing(std::span<const float> /*x*/, std::span<float> /*y*/) {}

/// A kernel for tanh that reads few bytes, but those often.
std::optional<KernelChoice> busy_tanh(const KernelSite& site) {
  auto choice = testing_support::own_kernel<Tanh, compute_nothing>(site);
  if (choice) choice->cut.extent = row_count(site.outputs[0]);
  if (choice) choice->work = {.flops = 1.0, .bytes = 1.0, .traffic = 1e8};
  return choice;
}

TEST(ThreadCosts, WeighTheTrafficOfAKernelThatReadsItsBytesOften) {
  const CompileTarget target{.threads = 4, .thread_costs = kCosts};
  EXPECT_EQ(schedule_of(16, target, {.fuse_matmul = false}).threads, 1);
  EXPECT_EQ(schedule_of(16, target, {.fuse_matmul = false, .kernels = {{"busy_tanh", busy_tanh}}}).threads,
            4);
}

std::optional<KernelChoice> listing_tanh(const KernelSite& site) {
  auto choice = busy_tanh(site);
  if (choice) choice->work = {.flops = 1.0, .bytes = 1.0, .entries = 1e5};
  return choice;
}

TEST(ThreadCosts, WeighTheEntriesThatAKernelPutsIntoLists) {
  const CompileOptions options{.fuse_matmul = false, .kernels = {{"listing_tanh", listing_tanh}}};
  EXPECT_EQ(schedule_of(16, {.threads = 4, .thread_costs = kCosts}, options).threads, 4);
}

TEST(ThreadCosts, AreNotAskedWhereAllThreadsAreWanted) {
  EXPECT_EQ(schedule_of(1, {.threads = 4}).threads, 4);
}

TEST(ThreadCosts, LeaveTheCutsAsTheyAre) {
  for (const std::int64_t rows : {16, 4096}) {
    EXPECT_EQ(schedule_of(rows, {.threads = 4, .thread_costs = kCosts}).shards, 4);
    EXPECT_EQ(schedule_of(rows, {.threads = 4, .thread_costs = kCosts}, {.cuts = 6}).shards, 6);
  }
}

TEST(ThreadCosts, RiseWithTheCostOfMeeting) {
  constexpr ThreadCosts slow{.region = 1e-2, .barrier = 1e-2, .flops = 1e11, .bytes = 1e11};
  EXPECT_EQ(schedule_of(4096, {.threads = 4, .thread_costs = slow}).threads, 1);
}

/// w -= x^T (x w) for x [rows, 64]: the threads compute rows of x w, and from all of these rows of w.
Schedule schedule_of_update(std::int64_t rows, double exchange) {
  ThreadCosts costs = kCosts;
  costs.exchange = exchange;
  Graph graph;
  const Value x = input(graph, "x", f32, {rows, 64});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {64, 64}));
  const Value y = matmul(x, w);
  const std::vector<Value> roots{mean(y), assign(w, w - matmul(x, y, true, false))};
  const std::vector<std::string> inputs{"x"};
  return compile(graph, roots, 1, inputs, {}, {}, {.threads = 2, .thread_costs = costs}).schedule;
}

TEST(ThreadCosts, RiseWithTheWayFromCacheToCache) {
  EXPECT_EQ(schedule_of_update(1024, 0.0).threads, 2);
  EXPECT_EQ(schedule_of_update(1024, 1e-9).threads, 1);
  // Nobody writes what the threads share.
  ThreadCosts costs = kCosts;
  costs.exchange = 1e-9;
  EXPECT_EQ(schedule_of(4096, {.threads = 2, .thread_costs = costs}).threads, 2);
}

TEST(ThreadCosts, OfABusyMomentDoNotCount) {
  const auto threads_after = [](double region, double barrier) {
    ThreadCosts costs = kCosts;
    costs.region = region;
    costs.barrier = barrier;
    // 40 us of products: worth a second thread, were it not for a processor that is away for a millisecond.
    return schedule_of(512, {.threads = 2, .thread_costs = believable(costs)}).threads;
  };
  EXPECT_EQ(threads_after(1e-6, 0.5e-6), 2);
  EXPECT_EQ(threads_after(100e-6, 1.5e-3), 2);
  EXPECT_EQ(threads_after(1e-6, 1.5e-3), 2);
  EXPECT_EQ(threads_after(100e-6, 0.5e-6), 2);
  EXPECT_EQ(threads_after(19e-6, 4e-6), 1);
  const auto exchange = [](double seconds) { return believable({.exchange = seconds}).exchange; };
  EXPECT_EQ(exchange(0.4e-9), 0.4e-9);
  EXPECT_LT(exchange(1e-6), 0.4e-9);
  EXPECT_EQ(exchange(0.0), exchange(1e-6));
}

TEST(ThreadCosts, AreMeasuredAsPositiveNumbersAndBoundedWaits) {
  ThreadPool pool(2);
  const ThreadCosts costs = measure_thread_costs(pool);
  EXPECT_GT(costs.region, 0.0);
  EXPECT_LE(costs.region, 20e-6);
  EXPECT_GE(costs.barrier, 0.0);
  EXPECT_LE(costs.barrier, 5e-6);
  EXPECT_GT(costs.exchange, 0.0);
  EXPECT_LE(costs.exchange, 1e-9);
  EXPECT_GT(costs.flops, 0.0);
  EXPECT_GT(costs.bytes, 0.0);
  EXPECT_TRUE(std::isfinite(costs.flops) && std::isfinite(costs.bytes));
}

TEST(ThreadCosts, AreMeasuredAgainWhenTheyAreNotFresh) {
  FreshThreadCosts fresh;
  double measured = 0.0;
  const auto at = [&](FreshThreadCosts::Clock::duration after, int threads) {
    const FreshThreadCosts::Clock::time_point start{};
    return fresh.at(start + after, threads, [&] { return ThreadCosts{.exchange = ++measured}; }).exchange;
  };
  using std::chrono::milliseconds;
  EXPECT_EQ(at(milliseconds(0), 2), 1.0);
  EXPECT_EQ(at(milliseconds(900), 2), 1.0);
  EXPECT_EQ(at(milliseconds(900), 4), 2.0);
  EXPECT_EQ(at(milliseconds(1000), 2), 3.0);
  EXPECT_EQ(at(milliseconds(1800), 2), 3.0);
  EXPECT_EQ(at(milliseconds(1800), 4), 2.0);
}

TEST(ThreadCosts, AreSharedBySessionsThatFollowEachOther) {
  ThreadPool two(2);
  ThreadPool also_two(2);
  const auto numbers = [](const ThreadCosts& costs) {
    return std::array{costs.region, costs.barrier, costs.flops, costs.bytes, costs.exchange};
  };
  // A busy machine may take a second between the two; not time after time.
  const auto same = [&] { return numbers(thread_costs_of(two)) == numbers(thread_costs_of(also_two)); };
  EXPECT_TRUE(same() || same() || same());
}

}  // namespace
}  // namespace weft
