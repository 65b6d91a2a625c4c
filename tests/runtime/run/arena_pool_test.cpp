#include "weft/runtime/run/arena_pool.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <thread>

#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

TEST(ArenaPool, GivesEveryReaderAnArenaOfItsOwn) {
  ArenaPool pool(3);
  const auto first = pool.read();
  const auto second = pool.read();
  const auto third = pool.read();
  const std::set<std::size_t> indices{first.index(), second.index(), third.index()};
  EXPECT_EQ(indices, (std::set<std::size_t>{0, 1, 2}));
}

TEST(ArenaPool, GivesBackWhatIsNoLongerHeld) {
  ArenaPool pool(1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.read().index(), 0U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.write().index(), 0U);
}

TEST(ArenaPool, RefusesAWriterBesideAReader) {
  for (const int most : {1, 4}) {
    ArenaPool pool(most);
    {
      const auto reader = pool.read();
      expect_error(ErrorCode::busy, {"another thread"}, [&] { pool.write(); });
    }
    pool.write();
  }
}

TEST(ArenaPool, RefusesEverybodyBesideAWriter) {
  for (const int most : {1, 4}) {
    ArenaPool pool(most);
    {
      const auto writer = pool.write();
      expect_error(ErrorCode::busy, {"another thread"}, [&] { pool.read(); });
      expect_error(ErrorCode::busy, {"another thread"}, [&] { pool.write(); });
    }
    pool.read();
    pool.write();
  }
}

TEST(ArenaPool, LetsAReaderWaitForAnArena) {
  ArenaPool pool(1);
  std::optional<ArenaPool::Lease> held = pool.read();
  std::atomic<bool> has_one{false};
  const std::jthread waiting([&] {
    pool.read();
    has_one = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(has_one);
  held.reset();
  while (!has_one) std::this_thread::yield();
}

TEST(ArenaPool, KeepsCountersOfManyThreadsRight) {
  // What a lease protects is plain memory: a race shows as a wrong sum.
  constexpr int kThreads = 4;
  constexpr int kCalls = 3'000;
  ArenaPool pool(2);
  std::array<std::int64_t, 2> in_arena{};
  std::int64_t written = 0;
  std::atomic<std::int64_t> writes{0};
  std::atomic<std::int64_t> reads{0};
  std::atomic<int> torn{0};
  const auto work = [&](int thread) {
    for (int i = 0; i < kCalls; ++i) {
      try {
        if ((i + thread) % 16 == 0) {
          const auto lease = pool.write();
          ++written;
          writes.fetch_add(1);
        } else {
          const auto lease = pool.read();
          const std::int64_t before = written;
          ++in_arena[lease.index()];
          if (written != before) torn.fetch_add(1);
          reads.fetch_add(1);
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::busy);
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(work, thread);
  }
  EXPECT_EQ(written, writes.load());
  EXPECT_EQ(in_arena[0] + in_arena[1], reads.load());
  EXPECT_EQ(torn.load(), 0);
  EXPECT_GT(reads.load(), 0);
}

TEST(Arena, GrowsAndTellsThatItMoved) {
  Arena arena;
  arena.reserve(100, 2, 10);
  const auto version = arena.version();
  arena.reserve(50, 1, 5);
  arena.reserve(100, 2, 10);
  EXPECT_EQ(arena.version(), version);
  arena.reserve(101, 1, 0);
  EXPECT_NE(arena.version(), version);
  arena.data()[100] = std::byte{1};
  arena.reserve(0, 3, 20);
  arena.scratch(2)[19] = std::byte{1};
}

}  // namespace
}  // namespace weft
