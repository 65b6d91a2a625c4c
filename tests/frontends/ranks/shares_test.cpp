#include "weft/frontends/ranks/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/frontends/metrics.h"
#include "weft/frontends/predict.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft::ranks {
namespace {

using testing::ElementsAre;
using testing_support::expect_error;

/// What each rank takes of the rows.
std::vector<std::int64_t> counts(std::int64_t rows, std::int64_t ranks, std::int64_t shards = 0) {
  std::vector<std::int64_t> all;
  std::int64_t next = 0;
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    const Share share = rows_of_rank(rows, rank, ranks, shards);
    EXPECT_EQ(share.first, next) << rows << " rows, rank " << rank << " of " << ranks;
    next += share.count;
    all.push_back(share.count);
  }
  EXPECT_EQ(next, rows);
  return all;
}

TEST(Shares, CoverEveryRowOnce) {
  for (std::int64_t rows = 0; rows < 30; ++rows) {
    for (std::int64_t ranks = 1; ranks < 8; ++ranks) {
      for (const std::int64_t shards : {0, 1, 4, 12}) counts(rows, ranks, shards);
    }
  }
  EXPECT_THAT(counts(10, 4), ElementsAre(3, 3, 2, 2));
  EXPECT_THAT(counts(2, 4), ElementsAre(1, 1, 0, 0));
}

TEST(Shares, OfShardsBeginWhereShardsDo) {
  // Shards of 14 rows: 3, 3, 2, 2, 2, 2.
  EXPECT_THAT(counts(14, 2, 6), ElementsAre(8, 6));
  EXPECT_THAT(counts(14, 3, 6), ElementsAre(6, 4, 4));
  EXPECT_THAT(counts(14, 4, 6), ElementsAre(6, 4, 2, 2));
}

TEST(Shares, RefuseWhatIsNoRank) {
  expect_error(ErrorCode::invalid_argument, {"rank 3 of 3"}, [] { rows_of_rank(5, 3, 3); });
  expect_error(ErrorCode::invalid_argument, {"-1 rows"}, [] { rows_of_rank(-1, 0, 3); });
}

TEST(Shares, GatherRowsOfAllRanksInTheirOrder) {
  for (const int size : {1, 2, 3, 4}) {
    simulate(size, [](const std::shared_ptr<Communicator>& ranks) {
      // Rank r has r rows of two numbers, so that rank 0 has none.
      const std::int64_t own = ranks->rank();
      Tensor rows = Tensor::zeros(i32, {own, 2});
      for (std::int32_t& number : rows.mutable_values<std::int32_t>())
        number = static_cast<std::int32_t>(own);
      const Tensor all = gather_rows(ranks.get(), rows);
      EXPECT_EQ(all.sizes()[0], ranks->size() * (ranks->size() - 1) / 2);
      EXPECT_EQ(all.sizes()[1], 2);
      std::vector<std::int32_t> expected;
      for (std::int32_t rank = 0; rank < ranks->size(); ++rank)
        expected.insert(expected.end(), static_cast<std::size_t>(2 * rank), rank);
      EXPECT_THAT(all.values<std::int32_t>(), testing::ElementsAreArray(expected));
    });
  }
  expect_error(ErrorCode::invalid_argument, {"scalar"}, [] { gather_rows(nullptr, Tensor::scalar(1.0F)); });
}

TEST(Shares, PredictAsOneRankDoes) {
  std::vector<float> numbers(23);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  const Tensor rows = Tensor::of(numbers, {23, 1});
  for (const int size : {1, 2, 3}) {
    simulate(size, [&](const std::shared_ptr<Communicator>& ranks) {
      Graph graph;
      const Value x = input(graph, "x", f32, {"batch", 1});
      Session session(graph);
      const Function square = session.compile({.inputs = {x}, .outputs = {x * x}});
      const Tensor squares = predict(ranks.get(), square, rows, 4);
      ASSERT_EQ(squares.sizes()[0], 23);
      for (std::size_t i = 0; i < numbers.size(); ++i)
        EXPECT_EQ(squares.values<float>()[i], numbers[i] * numbers[i]);
      EXPECT_EQ(sum(ranks.get(), 0.5), 0.5 * static_cast<double>(ranks->size()));
    });
  }
}

}  // namespace
}  // namespace weft::ranks
