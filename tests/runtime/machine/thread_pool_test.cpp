#include "weft/runtime/machine/thread_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

class ThreadPoolOf : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolOf, CallsEachThreadOnce) {
  const int threads = GetParam();
  ThreadPool pool(threads);
  EXPECT_EQ(pool.threads(), threads);
  std::vector<std::atomic<int>> calls(static_cast<std::size_t>(threads));
  for (int round = 1; round <= 500; ++round) {
    pool.run([&](int thread) { calls[static_cast<std::size_t>(thread)].fetch_add(1); });
    for (const auto& count : calls) ASSERT_EQ(count.load(), round);
  }
}

TEST_P(ThreadPoolOf, RunsThreadZeroInTheCallerAndOthersElsewhere) {
  ThreadPool pool(GetParam());
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::thread::id first;
  pool.run([&](int thread) {
    const std::scoped_lock lock(mutex);
    ids.insert(std::this_thread::get_id());
    if (thread == 0) first = std::this_thread::get_id();
  });
  EXPECT_EQ(first, std::this_thread::get_id());
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(GetParam()));
}

TEST_P(ThreadPoolOf, MakesWritesOfARegionVisibleToTheCaller) {
  ThreadPool pool(GetParam());
  std::vector<int> written(static_cast<std::size_t>(GetParam()), 0);  // plain memory: a race shows in TSan
  for (int round = 0; round < 300; ++round) {
    pool.run([&](int thread) { written[static_cast<std::size_t>(thread)] = round; });
    ASSERT_TRUE(std::ranges::all_of(written, [&](int value) { return value == round; }));
  }
}

TEST_P(ThreadPoolOf, WakesWorkersThatFellAsleep) {
  ThreadPool pool(GetParam());
  std::atomic<int> calls{0};
  pool.run([&](int) { calls.fetch_add(1); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  pool.run([&](int) { calls.fetch_add(1); });
  EXPECT_EQ(calls.load(), 2 * GetParam());
}

TEST_P(ThreadPoolOf, BarrierOrdersWritesOfOneSideBeforeReadsOfTheOther) {
  const int threads = GetParam();
  ThreadPool pool(threads);
  Barrier barrier(threads);
  std::vector<std::int64_t> values(static_cast<std::size_t>(threads), 0);
  std::atomic<int> wrong{0};
  constexpr int kRounds = 300;
  pool.run([&](int thread) {
    for (int round = 1; round <= kRounds; ++round) {
      values[static_cast<std::size_t>(thread)] = round;
      barrier.wait();
      for (const std::int64_t value : values) wrong.fetch_add(value == round ? 0 : 1);
      barrier.wait();
    }
  });
  EXPECT_EQ(wrong.load(), 0);
}

TEST_P(ThreadPoolOf, EndsWithoutEverHavingRun) { const ThreadPool pool(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolOf, testing::Values(1, 2, 3, 4, 7),
                         testing::PrintToStringParamName());

TEST(ThreadPool, NeedsAtLeastOneThread) {
  for (const int threads : {0, -1, -100}) {
    expect_error(ErrorCode::invalid_argument, {"at least one thread", std::to_string(threads)},
                 [&] { const ThreadPool pool(threads); });
  }
}

TEST(ThreadPool, TwoPoolsWorkSideBySide) {
  constexpr int kRounds = 300;
  std::array<std::atomic<int>, 2> sums{};
  const auto drive = [&](std::size_t which) {
    ThreadPool pool(2);
    Barrier barrier(2);
    for (int round = 0; round < kRounds; ++round) {
      pool.run([&](int thread) {
        sums[which].fetch_add(thread + 1);
        barrier.wait();
      });
    }
  };
  {
    const std::jthread first(drive, 0);
    const std::jthread second(drive, 1);
  }
  EXPECT_EQ(sums[0].load(), 3 * kRounds);
  EXPECT_EQ(sums[1].load(), 3 * kRounds);
}

TEST(Barrier, ForOneThreadDoesNotWait) {
  Barrier barrier(1);
  for (int i = 0; i < 100; ++i) barrier.wait();
}

/// Lets the calling thread use this processor alone, or all of `set`.
void use_only(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  sched_setaffinity(0, sizeof(set), &set);
}

TEST(ThreadPool, PartsAWorkerFromItsCaller) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "this process has one processor";
  ThreadPool pool(2);
  const int caller = sched_getcpu();
  use_only(caller);
  constexpr int kTries = 20;
  int apart = 0;
  for (int i = 0; i < kTries; ++i) {
    // Without help they would stay together until the system looks after them.
    pool.run([&](int thread) {
      if (thread == 0) return;
      use_only(caller);
      sched_setaffinity(0, sizeof(all), &all);
    });
    int worker = caller;
    pool.run([&](int thread) {
      if (thread == 1) worker = sched_getcpu();
    });
    apart += worker != caller ? 1 : 0;
  }
  sched_setaffinity(0, sizeof(all), &all);
  EXPECT_GE(apart, kTries * 3 / 4);
}

}  // namespace
}  // namespace weft
