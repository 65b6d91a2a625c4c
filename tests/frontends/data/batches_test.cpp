#include "weft/frontends/data/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "weft/tests/support/expect_error.h"

namespace weft::data {
namespace {

using testing_support::expect_error;

std::vector<std::int32_t> rows_of(const Tensor& tensor) {
  const auto values = tensor.values<std::int32_t>();
  return {values.begin(), values.end()};
}

TEST(Permutation, HoldsEveryRowOnce) {
  for (const std::int64_t n : {0, 1, 2, 10, 1000}) {
    auto rows = rows_of(permutation(n, 5, 3));
    ASSERT_EQ(static_cast<std::int64_t>(rows.size()), n);
    std::ranges::sort(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i], static_cast<std::int32_t>(i));
  }
}

TEST(Permutation, IsAPureFunctionOfSeedAndEpoch) {
  EXPECT_TRUE(identical(permutation(100, 1, 2), permutation(100, 1, 2)));
  EXPECT_FALSE(identical(permutation(100, 1, 2), permutation(100, 1, 3)));
  EXPECT_FALSE(identical(permutation(100, 1, 2), permutation(100, 2, 2)));
  EXPECT_FALSE(identical(permutation(100, 1, 2), permutation(100, 2, 1)));
}

TEST(Permutation, KeepsItsOrderFromReleaseToRelease) {
  EXPECT_EQ(rows_of(permutation(10, 0, 0)), (std::vector<std::int32_t>{2, 4, 8, 1, 6, 7, 5, 0, 9, 3}));
}

TEST(Permutation, PutsEveryRowEverywhereEquallyOften) {
  constexpr int kRows = 5;
  constexpr int kEpochs = 10000;
  constexpr int kFair = kEpochs / kRows;
  std::array<std::array<int, kRows>, kRows> seen{};
  for (std::uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto rows = rows_of(permutation(kRows, 7, epoch));
    for (std::size_t place = 0; place < rows.size(); ++place) {
      ++seen[place][static_cast<std::size_t>(rows[place])];
    }
  }
  // A fifth each; five standard deviations of the binomial are 200.
  for (const auto& place : seen) {
    for (const int times : place) EXPECT_NEAR(times, kFair, 200);
  }
}

TEST(Permutation, RejectsLengthsThatI32CannotNumber) {
  expect_error(ErrorCode::invalid_argument, {"0 <= n < 2^31", "got -1"}, [] { permutation(-1, 0, 0); });
  expect_error(ErrorCode::invalid_argument, {"got 2147483648"}, [] { permutation(2147483648, 0, 0); });
}

TEST(Batches, VisitEveryRowExactlyOnce) {
  for (const std::int64_t n : {0, 1, 7, 8, 9, 100}) {
    for (const std::int64_t batch_size : {1, 3, 8, 100, 1000}) {
      const Tensor order = permutation(n, 1, 1);
      const Batches batches(order, batch_size);
      std::vector<std::int32_t> visited;
      for (std::int64_t k = 0; k < batches.count(); ++k) {
        const auto rows = rows_of(batches.at(k));
        EXPECT_TRUE(std::ssize(rows) == batch_size || k == batches.count() - 1);
        EXPECT_GT(rows.size(), 0U);
        visited.insert(visited.end(), rows.begin(), rows.end());
      }
      EXPECT_EQ(visited, rows_of(order)) << n << " rows in batches of " << batch_size;
    }
  }
}

TEST(Batches, EndWithAShortOne) {
  const Batches batches(permutation(10, 0, 0), 4);
  EXPECT_EQ(batches.count(), 3);
  EXPECT_EQ(batches.at(2).elements(), 2);
  EXPECT_EQ(Batches(permutation(8, 0, 0), 4).count(), 2);
  EXPECT_EQ(Batches(permutation(0, 0, 0), 4).count(), 0);
}

TEST(Batches, AreViewsOfTheOrder) {
  const Tensor order = permutation(10, 0, 0);
  const Batches batches(order, 4);
  EXPECT_EQ(batches.at(1).data(), order.values<std::int32_t>().data() + 4);
}

TEST(Batches, TakeTheLargestBatchSize) {
  const Batches batches(permutation(3, 0, 0), INT64_MAX);
  EXPECT_EQ(batches.count(), 1);
  EXPECT_EQ(batches.at(0).elements(), 3);
}

TEST(Batches, RejectWhatMakesNoSense) {
  const Tensor order = permutation(10, 0, 0);
  expect_error(ErrorCode::invalid_argument, {"batch size", "got 0"}, [&] { Batches(order, 0); });
  expect_error(ErrorCode::invalid_argument, {"expected i32[n], got f32[2]"},
               [] { Batches(Tensor::zeros(DType::f32, {2}), 1); });
  expect_error(ErrorCode::invalid_argument, {"expected i32[n], got i32[2, 2]"},
               [] { Batches(Tensor::zeros(DType::i32, {2, 2}), 1); });
  const Batches batches(order, 4);
  expect_error(ErrorCode::out_of_range, {"0 <= k < 3", "got 3"}, [&] { batches.at(3); });
  expect_error(ErrorCode::out_of_range, {"got -1"}, [&] { batches.at(-1); });
}

TEST(ByLength, BatchesHoldSimilarLengthsAndEveryRowOnce) {
  constexpr std::int64_t kRows = 5013;
  constexpr std::int64_t kBatch = 32;
  Tensor lengths = Tensor::zeros(DType::i64, {kRows});
  std::int64_t length = 1;
  for (std::int64_t& one : lengths.mutable_values<std::int64_t>())
    one = 1 + (length = length * 2 % 101) % 100;
  const auto padded = [&](const Tensor& order) {
    const Batches batches(order, kBatch);
    std::int64_t places = 0;
    std::int64_t taken = 0;
    for (std::int64_t k = 0; k < batches.count(); ++k) {
      std::int64_t most = 0;
      for (const std::int32_t row : batches.at(k).values<std::int32_t>()) {
        const std::int64_t own = lengths.values<std::int64_t>()[static_cast<std::size_t>(row)];
        most = std::max(most, own);
        taken += own;
      }
      places += most * batches.at(k).elements();
    }
    return static_cast<double>(places) / static_cast<double>(taken);
  };
  const Tensor order = by_length(lengths, kBatch, 3, 1);
  EXPECT_LT(padded(order), 1.03);
  EXPECT_GT(padded(permutation(kRows, 3, 1)), 1.8);
  std::vector<std::int32_t> rows(order.values<std::int32_t>().begin(), order.values<std::int32_t>().end());
  EXPECT_FALSE(std::ranges::is_sorted(rows, {}, [&](std::int32_t row) {
    return lengths.values<std::int64_t>()[static_cast<std::size_t>(row)];
  })) << "short and long batches are mixed";
  std::ranges::sort(rows);
  for (std::int64_t row = 0; row < kRows; ++row) ASSERT_EQ(rows[static_cast<std::size_t>(row)], row);
  EXPECT_TRUE(identical(order, by_length(lengths, kBatch, 3, 1)));
  EXPECT_FALSE(identical(order, by_length(lengths, kBatch, 3, 2)));
  EXPECT_EQ(by_length(Tensor::zeros(DType::i32, {0}), kBatch, 1, 1).elements(), 0);
}

TEST(ByLength, RefusesWhatIsNoListOfLengths) {
  const Tensor lengths = Tensor::zeros(DType::i64, {4});
  for (const auto& refused :
       {std::function<void()>([] { by_length(Tensor::zeros(DType::f32, {4}), 2, 1, 1); }),
        std::function<void()>([&] { by_length(lengths, 2, 1, 1, 0); }),
        std::function<void()>([&] { by_length(lengths, 0, 1, 1); })})
    expect_error(ErrorCode::invalid_argument, {}, refused);
}

}  // namespace
}  // namespace weft::data
