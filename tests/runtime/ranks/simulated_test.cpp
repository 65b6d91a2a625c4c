#include "weft/runtime/ranks/simulated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <thread>

#include "weft/runtime/ranks/combine.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing_support::expect_error;

using Ranks = std::shared_ptr<Communicator>;

template <typename T>
Exchange exchange_of(ExchangeKind kind, const std::vector<T>& in, std::vector<T>& out, std::int64_t count,
                     RankReduction reduction = RankReduction::sum) {
  return {.kind = kind,
          .reduction = reduction,
          .dtype = dtype_of<T>(),
          .count = count,
          .in = reinterpret_cast<const std::byte*>(in.data()),
          .out = reinterpret_cast<std::byte*>(out.data())};
}

class SimulatedRanks : public testing::TestWithParam<int> {};

TEST_P(SimulatedRanks, EachRunsInItsOwnThreadAndKnowsItsNumber) {
  std::mutex mutex;
  std::vector<std::int64_t> seen;
  simulate(GetParam(), [&](const Ranks& ranks) {
    EXPECT_EQ(ranks->size(), GetParam());
    const std::scoped_lock lock(mutex);
    seen.push_back(ranks->rank());
  });
  std::ranges::sort(seen);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<std::int64_t>(i));
}

TEST_P(SimulatedRanks, ReduceWhatAllGive) {
  const auto size = static_cast<double>(GetParam());
  simulate(GetParam(), [&](const Ranks& ranks) {
    const auto mine = static_cast<double>(ranks->rank());
    const std::vector<double> in{mine, 1.0};
    std::vector<double> out(2);
    ranks->run(exchange_of(ExchangeKind::all_reduce, in, out, 2));
    EXPECT_THAT(out, ElementsAre(size * (size - 1.0) / 2.0, size));
    ranks->run(exchange_of(ExchangeKind::all_reduce, in, out, 2, RankReduction::mean));
    EXPECT_THAT(out, ElementsAre((size - 1.0) / 2.0, 1.0));
    ranks->run(exchange_of(ExchangeKind::all_reduce, in, out, 2, RankReduction::max));
    EXPECT_THAT(out, ElementsAre(size - 1.0, 1.0));
    ranks->run(exchange_of(ExchangeKind::all_reduce, in, out, 2, RankReduction::min));
    EXPECT_THAT(out, ElementsAre(0.0, 1.0));
  });
}

TEST_P(SimulatedRanks, ReduceInPlace) {
  simulate(GetParam(), [&](const Ranks& ranks) {
    std::vector<std::int64_t> values{1, ranks->rank()};
    ranks->run(exchange_of(ExchangeKind::all_reduce, values, values, 2));
    EXPECT_THAT(values, ElementsAre(GetParam(), GetParam() * (GetParam() - 1) / 2));
  });
}

TEST_P(SimulatedRanks, MoveElementsBetweenEachOther) {
  const std::int64_t size = GetParam();
  simulate(GetParam(), [&](const Ranks& ranks) {
    const std::int64_t mine = ranks->rank();
    std::vector<std::int64_t> pieces;  // for each rank: 100 * from + to
    for (std::int64_t to = 0; to < size; ++to) pieces.push_back(100 * mine + to);
    std::vector<std::int64_t> got(static_cast<std::size_t>(size));
    ranks->run(exchange_of(ExchangeKind::all_to_all, pieces, got, 1));
    for (std::int64_t from = 0; from < size; ++from)
      EXPECT_EQ(got[static_cast<std::size_t>(from)], 100 * from + mine);
    const std::vector<std::int64_t> number{mine};
    ranks->run(exchange_of(ExchangeKind::all_gather, number, got, 1));
    for (std::int64_t from = 0; from < size; ++from) EXPECT_EQ(got[static_cast<std::size_t>(from)], from);
    std::vector<std::int64_t> own(1);
    ranks->run(exchange_of(ExchangeKind::reduce_scatter, pieces, own, 1));
    EXPECT_EQ(own[0], 100 * size * (size - 1) / 2 + size * mine);
    const std::vector<std::int64_t> given{mine + 7};
    Exchange sent = exchange_of(ExchangeKind::broadcast, given, own, 1);
    sent.root = size - 1;
    ranks->run(sent);
    EXPECT_EQ(own[0], size + 6);
    ranks->run({.kind = ExchangeKind::barrier});
  });
}

TEST_P(SimulatedRanks, FinishManyExchangesInAnyOrder) {
  simulate(GetParam(), [&](const Ranks& ranks) {
    for (int round = 0; round < 3; ++round) {
      std::vector<std::vector<float>> values(9, std::vector<float>(1));
      std::vector<Ticket> tickets;
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i][0] = static_cast<float>(i);
        tickets.push_back(ranks->start(exchange_of(ExchangeKind::all_reduce, values[i], values[i], 1)));
      }
      const bool backwards = ranks->rank() % 2 == 1;
      for (std::size_t i = 0; i < tickets.size(); ++i)
        ranks->finish(tickets[backwards ? tickets.size() - 1 - i : i]);
      for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(values[i][0], static_cast<float>(i) * static_cast<float>(GetParam()));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Ranks, SimulatedRanks, testing::Values(1, 2, 3, 4));

TEST(Simulate, AddsInTheOrderOfRanks) {
  const float terms[] = {1e8F, 1.0F, -1e8F, 1.0F};
  for (int repeat = 0; repeat < 20; ++repeat) {
    simulate(4, [&](const Ranks& ranks) {
      std::vector<float> value{terms[ranks->rank()]};
      ranks->run(exchange_of(ExchangeKind::all_reduce, value, value, 1));
      EXPECT_EQ(value[0], ((1e8F + 1.0F) + -1e8F) + 1.0F);
    });
  }
}

TEST(Simulate, EndsTheJobWhereARankThrows) {
  expect_error(ErrorCode::numeric, {"rank 2: the loss is nan"}, [] {
    simulate(4, [](const Ranks& ranks) {
      if (ranks->rank() == 2) throw Error(ErrorCode::numeric, "the loss is nan");
      try {
        ranks->run({.kind = ExchangeKind::barrier});
        ADD_FAILURE() << "a barrier without rank 2";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::interrupted);
        EXPECT_THAT(error.what(), testing::HasSubstr("rank 2 ended the job: the loss is nan"));
        throw;
      }
    });
  });
}

TEST(Simulate, SaysWhichRankWaitsForOneThatEnded) {
  expect_error(ErrorCode::interrupted, {"rank 1 ended the job", "barrier", "rank 0 has ended without it"},
               [] {
                 simulate(2, [](const Ranks& ranks) {
                   if (ranks->rank() == 1) ranks->run({.kind = ExchangeKind::barrier});
                 });
               });
}

TEST(Simulate, SaysWhichRanksDoNotCome) {
  expect_error(ErrorCode::interrupted, {"waited 0.0 s", "barrier", "rank 1 did not come"}, [] {
    std::atomic<bool> ended{false};
    simulate(3,
             [&](const Ranks& ranks) {
               while (ranks->rank() == 1 && !ended.load()) std::this_thread::yield();
               if (ranks->rank() == 1) return;
               try {
                 ranks->run({.kind = ExchangeKind::barrier});
               } catch (const Error&) {
                 ended.store(true);
                 throw;
               }
             },
             {.wait_limit = std::chrono::milliseconds(20)});
  });
}

TEST(Simulate, RefusesExchangesThatDiffer) {
  expect_error(ErrorCode::interrupted,
               {"all_reduce sum of 2 f32", "all_reduce sum of 1 f32", "the same order"}, [] {
                 simulate(2, [](const Ranks& ranks) {
                   std::vector<float> values(2);
                   ranks->run(exchange_of(ExchangeKind::all_reduce, values, values, 1 + ranks->rank()));
                 });
               });
}

TEST(Simulate, RefusesWhatRanksCannotReduce) {
  expect_error(ErrorCode::unsupported, {"rank", "mean of 1 i64"}, [] {
    simulate(1, [](const Ranks& ranks) {
      std::vector<std::int64_t> values(1);
      ranks->run(exchange_of(ExchangeKind::all_reduce, values, values, 1, RankReduction::mean));
    });
  });
  expect_error(ErrorCode::invalid_argument, {"at least one rank"}, [] { simulate(0, [](const Ranks&) {}); });
}

TEST(Simulate, ImitatesANetwork) {
  simulate(2,
           [](const Ranks& ranks) {
             std::vector<float> values(1);
             const auto before = std::chrono::steady_clock::now();
             const Ticket ticket = ranks->start(exchange_of(ExchangeKind::all_reduce, values, values, 1));
             EXPECT_FALSE(ranks->test(ticket));
             ranks->finish(ticket);
             EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(30));
           },
           {.latency = 0.03});
}

TEST(Combine, KeepsNaNsOfMinimaAndMaxima) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& order : {std::array{nan, 1.0}, std::array{1.0, nan}}) {
    const std::byte* terms[] = {reinterpret_cast<const std::byte*>(order.data()),
                                reinterpret_cast<const std::byte*>(order.data() + 1)};
    for (const RankReduction reduction : {RankReduction::min, RankReduction::max}) {
      double out = 0.0;
      combine(f64, reduction, terms, reinterpret_cast<std::byte*>(&out), 1);
      EXPECT_TRUE(std::isnan(out)) << name_of(reduction);
    }
  }
}

}  // namespace
}  // namespace weft
