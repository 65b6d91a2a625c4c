#include "weft/runtime/compile/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing_support::replay;
using testing_support::TensorSource;

struct KnownCase {
  std::string name;
  std::vector<Lifetime> lifetimes;
  std::size_t bytes;
  std::size_t peak_live;
  std::vector<std::size_t> offsets;
};

class KnownMemoryPlan : public testing::TestWithParam<KnownCase> {};

TEST_P(KnownMemoryPlan, HasTheExpectedOffsets) {
  const KnownCase& known = GetParam();
  const MemoryPlan plan = plan_memory(known.lifetimes);
  EXPECT_EQ(plan.bytes, known.bytes);
  EXPECT_EQ(plan.peak_live, known.peak_live);
  EXPECT_EQ(plan.offsets, known.offsets);
}

INSTANTIATE_TEST_SUITE_P(
    MemoryPlan, KnownMemoryPlan,
    testing::Values(KnownCase{"Empty", {}, 0, 0, {}}, KnownCase{"OneBuffer", {{100, 0, 0}}, 128, 128, {0}},
                    KnownCase{"OneAfterTheOther", {{64, 0, 1}, {64, 2, 3}}, 64, 64, {0, 0}},
                    KnownCase{"MeetInOnePhase", {{64, 0, 2}, {64, 2, 3}}, 128, 128, {0, 64}},
                    KnownCase{"OneInsideTheOther", {{64, 0, 9}, {128, 4, 5}}, 192, 192, {128, 0}},
                    KnownCase{"GapIsReused", {{256, 0, 0}, {128, 0, 3}, {64, 2, 3}}, 384, 384, {0, 256, 0}},
                    KnownCase{"LowestGapThatFits",
                              {{192, 0, 5}, {128, 0, 1}, {64, 0, 5}, {128, 2, 5}},
                              384,
                              384,
                              {0, 192, 320, 192}},
                    KnownCase{"ChainOfThree", {{64, 0, 1}, {64, 1, 2}, {64, 2, 3}}, 128, 128, {0, 64, 0}},
                    KnownCase{
                        "NegativePhases", {{64, -5, -3}, {64, -3, 0}, {64, 1, 1}}, 128, 128, {0, 64, 0}},
                    KnownCase{"NothingInside", {{0, 0, 3}, {64, 0, 3}}, 64, 64, {0, 0}}),
    [](const auto& test) { return test.param.name; });

TEST(MemoryPlan, KeepsTheAlignmentThatIsAskedFor) {
  const std::vector<Lifetime> lifetimes{{1, 0, 1}, {1, 0, 1}, {1, 0, 1}};
  for (const std::size_t alignment : {1U, 2U, 8U, 64U, 4096U}) {
    const MemoryPlan plan = plan_memory(lifetimes, alignment);
    EXPECT_THAT(plan.offsets, ElementsAre(0, alignment, 2 * alignment));
    EXPECT_EQ(plan.bytes, 3 * alignment);
  }
}

TEST(MemoryPlan, IsTheSameEveryTime) {
  const std::vector<Lifetime> lifetimes{{64, 0, 2}, {64, 1, 3}, {64, 2, 4}, {64, 3, 5}};
  EXPECT_EQ(plan_memory(lifetimes).offsets, plan_memory(lifetimes).offsets);
}

TEST(MemoryPlan, IsSeenToOverlapWhereItDoes) {
  using Pair = std::pair<std::size_t, std::size_t>;
  const std::vector<Lifetime> lifetimes{{64, 0, 2}, {32, 1, 3}, {0, 1, 3}, {64, 3, 4}};
  const auto at = [&](const std::vector<std::size_t>& offsets) { return overlap(lifetimes, offsets); };
  EXPECT_EQ(at({0, 64, 64, 0}), std::nullopt);
  EXPECT_EQ(at({0, 64, 0, 0}), std::nullopt) << "what has no bytes overlaps nothing";
  EXPECT_EQ(at({0, 32, 0, 128}), (Pair{0, 1})) << "inside";
  EXPECT_EQ(at({16, 0, 0, 128}), (Pair{0, 1})) << "from below";
  EXPECT_EQ(at({0, 0, 0, 128}), (Pair{0, 1})) << "at one place";
  EXPECT_EQ(at({0, 64, 0, 64}), (Pair{1, 3}));
}

// Properties, against a model that looks at every pair and every phase.

std::vector<Lifetime> random_lifetimes(TensorSource& source) {
  const std::int64_t phases = 1 + source.below(20);
  const std::int64_t largest = source.coin() ? 300 : 100'000;
  std::vector<Lifetime> lifetimes(static_cast<std::size_t>(source.below(40)));
  for (Lifetime& lifetime : lifetimes) {
    lifetime.first = source.below(phases);
    lifetime.last = lifetime.first + source.below(phases - lifetime.first);
    lifetime.bytes = source.below(8) == 0 ? 0 : static_cast<std::size_t>(source.below(largest));
  }
  return lifetimes;
}

void expect_disjoint(const std::vector<Lifetime>& lifetimes, const MemoryPlan& plan) {
  EXPECT_EQ(overlap(lifetimes, plan.offsets), std::nullopt);
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool meet = lifetimes[i].first <= lifetimes[j].last && lifetimes[j].first <= lifetimes[i].last;
      const bool overlap = plan.offsets[i] < plan.offsets[j] + lifetimes[j].bytes &&
                           plan.offsets[j] < plan.offsets[i] + lifetimes[i].bytes;
      if (!meet || lifetimes[i].bytes == 0 || lifetimes[j].bytes == 0) continue;
      ASSERT_FALSE(overlap) << "buffers " << j << " and " << i;
    }
  }
}

std::size_t most_alive(const std::vector<Lifetime>& lifetimes, std::size_t alignment) {
  std::size_t most = 0;
  for (std::int64_t phase = 0; phase < 40; ++phase) {
    std::size_t alive = 0;
    for (const Lifetime& lifetime : lifetimes) {
      if (lifetime.first > phase || lifetime.last < phase) continue;
      alive += (lifetime.bytes + alignment - 1) / alignment * alignment;
    }
    most = std::max(most, alive);
  }
  return most;
}

TEST(MemoryPlan, NeverLetsLiveBuffersOverlap) {
  TensorSource source("NeverLetsLiveBuffersOverlap");
  for (int round = 0; round < 3000; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const auto lifetimes = random_lifetimes(source);
    const std::size_t alignment = std::size_t{1} << source.below(8);
    const MemoryPlan plan = plan_memory(lifetimes, alignment);
    ASSERT_EQ(plan.offsets.size(), lifetimes.size());
    ASSERT_NO_FATAL_FAILURE(expect_disjoint(lifetimes, plan));
    std::size_t sum = 0;
    for (std::size_t i = 0; i < lifetimes.size(); ++i) {
      ASSERT_EQ(plan.offsets[i] % alignment, 0U);
      ASSERT_LE(plan.offsets[i] + lifetimes[i].bytes, plan.bytes);
      sum += lifetimes[i].bytes + alignment;
    }
    ASSERT_EQ(plan.peak_live, most_alive(lifetimes, alignment));
    ASSERT_GE(plan.bytes, plan.peak_live);
    ASSERT_LE(plan.bytes, sum);
  }
}

TEST(MemoryPlan, NeverLetsManyLiveBuffersOverlap) {
  TensorSource source("NeverLetsManyLiveBuffersOverlap");
  std::vector<Lifetime> lifetimes(4000);
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    const auto first = static_cast<std::int64_t>(i);
    lifetimes[i] = {.bytes = static_cast<std::size_t>(source.below(500)),
                    .first = first,
                    .last = first + (source.below(10) == 0 ? source.below(2000) : source.below(4))};
  }
  const MemoryPlan plan = plan_memory(lifetimes);
  ASSERT_NO_FATAL_FAILURE(expect_disjoint(lifetimes, plan));
  EXPECT_LE(static_cast<double>(plan.bytes), 1.1 * static_cast<double>(plan.peak_live));
}

TEST(MemoryPlan, NeedsTheLowerBoundOnlyForStacks) {
  // Buffers that come and go like nested calls never need more than what is alive.
  for (std::int64_t depth = 1; depth < 20; ++depth) {
    std::vector<Lifetime> lifetimes;
    for (std::int64_t i = 0; i < depth; ++i) {
      lifetimes.push_back(
          {.bytes = static_cast<std::size_t>(64 * (depth - i)), .first = i, .last = 2 * depth - i});
    }
    const MemoryPlan plan = plan_memory(lifetimes);
    EXPECT_EQ(plan.bytes, plan.peak_live) << depth;
  }
}

}  // namespace
}  // namespace weft
