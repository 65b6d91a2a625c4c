#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <numeric>
#include <vector>

#include "weft/tests/mpi/job.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing::Each;
using testing::ElementsAre;

template <typename T>
const std::byte* bytes_of(const std::vector<T>& numbers) {
  return reinterpret_cast<const std::byte*>(numbers.data());
}
template <typename T>
std::byte* bytes_of(std::vector<T>& numbers) {
  return reinterpret_cast<std::byte*>(numbers.data());
}

template <typename T>
Exchange exchange_of(ExchangeKind kind, const std::vector<T>& in, std::vector<T>& out, std::int64_t count) {
  return {.kind = kind, .dtype = dtype_of<T>(), .count = count, .in = bytes_of(in), .out = bytes_of(out)};
}

std::int64_t sum_of_ranks() { return job()->size() * (job()->size() - 1) / 2; }

template <typename T>
std::vector<T> reduced(const std::vector<T>& in, RankReduction reduction) {
  std::vector<T> out(in.size());
  Exchange exchange = exchange_of(ExchangeKind::all_reduce, in, out, static_cast<std::int64_t>(in.size()));
  exchange.reduction = reduction;
  job()->run(exchange);
  return out;
}

template <typename T>
class MpiNumbers : public testing::Test {};
using Numbers = testing::Types<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                               std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;
TYPED_TEST_SUITE(MpiNumbers, Numbers);

TYPED_TEST(MpiNumbers, AreReducedOverAllRanks) {
  const auto rank = static_cast<TypeParam>(job()->rank());
  const auto last = static_cast<TypeParam>(job()->size() - 1);
  const std::vector<TypeParam> own{rank, static_cast<TypeParam>(last - rank), TypeParam{5}};
  const auto sum = static_cast<TypeParam>(sum_of_ranks());
  EXPECT_THAT(reduced(own, RankReduction::sum),
              ElementsAre(sum, sum, static_cast<TypeParam>(5 * job()->size())));
  EXPECT_THAT(reduced(own, RankReduction::min), ElementsAre(TypeParam{0}, TypeParam{0}, TypeParam{5}));
  EXPECT_THAT(reduced(own, RankReduction::max), ElementsAre(last, last, TypeParam{5}));
}

TEST(MpiCommunicator, ReducesToMeansOfFloats) {
  const double mean = static_cast<double>(job()->size() - 1) / 2.0;
  EXPECT_THAT(reduced<double>({static_cast<double>(job()->rank())}, RankReduction::mean), ElementsAre(mean));
  EXPECT_THAT(reduced<float>({static_cast<float>(job()->rank())}, RankReduction::mean),
              ElementsAre(static_cast<float>(mean)));
}

TEST(MpiCommunicator, RefusesWhatCannotBeReduced) {
  std::vector<std::uint16_t> data{0};
  Exchange exchange = exchange_of(ExchangeKind::all_reduce, data, data, 1);
  for (const DType dtype : {f16, bf16, boolean}) {
    exchange.dtype = dtype;
    testing_support::expect_error(ErrorCode::unsupported, {name_of(dtype)}, [&] { job()->start(exchange); });
  }
  exchange.dtype = i32;
  exchange.reduction = RankReduction::mean;
  testing_support::expect_error(ErrorCode::unsupported, {"f32 or f64"}, [&] { job()->start(exchange); });
}

TEST(MpiCommunicator, ReducesInPlace) {
  std::vector<float> data(1000, static_cast<float>(job()->rank()));
  job()->run(exchange_of(ExchangeKind::all_reduce, data, data, 1000));
  EXPECT_THAT(data, Each(static_cast<float>(sum_of_ranks())));
}

TEST(MpiCommunicator, ScattersReductions) {
  std::vector<std::int32_t> in(static_cast<std::size_t>(2 * job()->size()));
  std::iota(in.begin(), in.end(), 0);
  std::vector<std::int32_t> out(2);
  job()->run(exchange_of(ExchangeKind::reduce_scatter, in, out, 2));
  const auto ranks = static_cast<std::int32_t>(job()->size());
  const auto first = static_cast<std::int32_t>(2 * job()->rank());
  EXPECT_THAT(out, ElementsAre(ranks * first, ranks * (first + 1)));
}

TEST(MpiCommunicator, GathersInTheOrderOfRanks) {
  // Elements of 16 bits are moved, though not added.
  const std::vector<std::uint16_t> in(2, static_cast<std::uint16_t>(job()->rank()));
  std::vector<std::uint16_t> out(static_cast<std::size_t>(2 * job()->size()));
  Exchange exchange = exchange_of(ExchangeKind::all_gather, in, out, 2);
  exchange.dtype = bf16;
  job()->run(exchange);
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], i / 2);
}

TEST(MpiCommunicator, SendsEveryRankItsOwnPart) {
  const auto ranks = static_cast<std::size_t>(job()->size());
  std::vector<std::int64_t> in(ranks);
  for (std::size_t to = 0; to < ranks; ++to) in[to] = 100 * job()->rank() + static_cast<std::int64_t>(to);
  std::vector<std::int64_t> out(ranks);
  job()->run(exchange_of(ExchangeKind::all_to_all, in, out, 1));
  for (std::size_t from = 0; from < ranks; ++from)
    EXPECT_EQ(out[from], 100 * static_cast<std::int64_t>(from) + job()->rank());
}

TEST(MpiCommunicator, BroadcastsFromAnyRoot) {
  const std::int64_t root = job()->size() - 1;
  const std::vector<double> in(3, static_cast<double>(job()->rank()));
  std::vector<double> out(3, -1.0);
  Exchange exchange = exchange_of(ExchangeKind::broadcast, in, out, 3);
  exchange.root = root;
  job()->run(exchange);
  EXPECT_THAT(out, Each(static_cast<double>(root)));
  std::vector<double> same = in;
  exchange = exchange_of(ExchangeKind::broadcast, same, same, 3);
  exchange.root = root;
  job()->run(exchange);
  EXPECT_THAT(same, Each(static_cast<double>(root)));
}

TEST(MpiCommunicator, FinishesExchangesInAnyOrder) {
  constexpr std::size_t kCount = 8;
  std::array<std::vector<float>, kCount> data;
  std::array<Ticket, kCount> tickets{};
  for (std::size_t i = 0; i < kCount; ++i) {
    data[i].assign(10'000 * (i + 1), static_cast<float>(i));
    tickets[i] = job()->start(
        exchange_of(ExchangeKind::all_reduce, data[i], data[i], static_cast<std::int64_t>(data[i].size())));
  }
  for (std::size_t i = kCount; i-- > 0;) {
    while (i % 2 == 1 && !job()->test(tickets[i])) {
    }
    job()->finish(tickets[i]);
    EXPECT_THAT(data[i], Each(static_cast<float>(i) * static_cast<float>(job()->size())));
  }
}

/// More than windows hold at a time, and no multiple of anything.
constexpr std::int64_t kLarge = 4'345'677;

/// A whole number, so that sums of it are exact.
float element(std::int64_t i, std::int64_t rank) { return static_cast<float>((i + 7 * rank) % 1000); }

std::vector<float> elements(std::int64_t count, std::int64_t rank) {
  std::vector<float> made(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) made[static_cast<std::size_t>(i)] = element(i, rank);
  return made;
}

float sum_of_elements(std::int64_t i) {
  float sum = 0.0F;
  for (std::int64_t rank = 0; rank < job()->size(); ++rank) sum += element(i, rank);
  return sum;
}

/// Where the first wrong number is, or -1.
template <typename F>
std::int64_t first_wrong(const std::vector<float>& numbers, F expected) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != expected(static_cast<std::int64_t>(i))) return static_cast<std::int64_t>(i);
  }
  return -1;
}

TEST(MpiCommunicator, ReducesTensorsOfAllSizes) {
  for (const std::int64_t count :
       {1L, 15L, 17L, 1000L, 2048L, 2049L, 2100L, 65535L, 65536L, 65553L, 262'145L, kLarge}) {
    const std::vector<float> in = elements(count, job()->rank());
    std::vector<float> apart(in.size());
    job()->run(exchange_of(ExchangeKind::all_reduce, in, apart, count));
    EXPECT_EQ(first_wrong(apart, sum_of_elements), -1) << count;
    std::vector<float> in_place = in;
    job()->run(exchange_of(ExchangeKind::all_reduce, in_place, in_place, count));
    EXPECT_EQ(first_wrong(in_place, sum_of_elements), -1) << count << " in place";
  }
}

TEST(MpiCommunicator, ScattersLargeReductions) {
  const std::vector<float> in = elements(kLarge * job()->size(), job()->rank());
  std::vector<float> out(kLarge);
  job()->run(exchange_of(ExchangeKind::reduce_scatter, in, out, kLarge));
  EXPECT_EQ(first_wrong(out, [](std::int64_t i) { return sum_of_elements(job()->rank() * kLarge + i); }), -1);
}

TEST(MpiCommunicator, GathersAndSendsLargeTensors) {
  const std::vector<float> own = elements(kLarge, job()->rank());
  std::vector<float> out(own.size() * static_cast<std::size_t>(job()->size()));
  job()->run(exchange_of(ExchangeKind::all_gather, own, out, kLarge));
  EXPECT_EQ(first_wrong(out, [](std::int64_t i) { return element(i % kLarge, i / kLarge); }), -1);
  const std::vector<float> for_all = elements(kLarge * job()->size(), job()->rank());
  job()->run(exchange_of(ExchangeKind::all_to_all, for_all, out, kLarge));
  EXPECT_EQ(first_wrong(
                out, [](std::int64_t i) { return element(job()->rank() * kLarge + i % kLarge, i / kLarge); }),
            -1);
}

TEST(MpiCommunicator, BroadcastsLargeTensors) {
  const std::int64_t root = job()->size() / 2;
  const std::vector<float> in = elements(kLarge, job()->rank());
  std::vector<float> out(in.size());
  Exchange exchange = exchange_of(ExchangeKind::broadcast, in, out, kLarge);
  exchange.root = root;
  job()->run(exchange);
  EXPECT_EQ(first_wrong(out, [&](std::int64_t i) { return element(i, root); }), -1);
}

TEST(MpiCommunicator, KeepsExchangesOfAllKindsApart) {
  const auto ranks = static_cast<std::size_t>(job()->size());
  for (int round = 0; round < 20; ++round) {
    std::vector<float> sum = elements(50'000, job()->rank());
    std::vector<float> small = elements(3, job()->rank());
    const std::vector<float> own = elements(40'000, job()->rank());
    std::vector<float> all(own.size() * ranks);
    const std::array<Ticket, 4> tickets{job()->start(exchange_of(ExchangeKind::all_reduce, sum, sum, 50'000)),
                                        job()->start({.kind = ExchangeKind::barrier}),
                                        job()->start(exchange_of(ExchangeKind::all_gather, own, all, 40'000)),
                                        job()->start(exchange_of(ExchangeKind::all_reduce, small, small, 3))};
    // Each rank in an order of its own.
    for (std::size_t i = 0; i < tickets.size(); ++i)
      job()->finish(tickets[(i + static_cast<std::size_t>(job()->rank() + round)) % tickets.size()]);
    ASSERT_EQ(first_wrong(sum, sum_of_elements), -1);
    ASSERT_EQ(first_wrong(small, sum_of_elements), -1);
    ASSERT_EQ(first_wrong(all, [](std::int64_t i) { return element(i % 40'000, i / 40'000); }), -1);
  }
}

TEST(MpiCommunicator, AddsInTheOrderOfRanksThatShareMemory) {
  if (!adds_in_order_of_ranks()) GTEST_SKIP() << "MPI adds in an order of its own";
  constexpr std::array<float, 4> kTerms{1e8F, 3.0F, -1e8F, 5.0F};
  const auto term = [&](std::int64_t rank) { return kTerms[static_cast<std::size_t>(rank) % 4]; };
  float expected = term(0);
  for (std::int64_t rank = 1; rank < job()->size(); ++rank) expected += term(rank);
  for (const std::size_t count : {10U, 100'000U}) {
    const std::vector<float> own(count, term(job()->rank()));
    EXPECT_THAT(reduced(own, RankReduction::sum), Each(expected));
  }
}

TEST(MpiCommunicator, ExpectsARootThatIsThere) {
  std::vector<float> data(1);
  Exchange exchange = exchange_of(ExchangeKind::broadcast, data, data, 1);
  exchange.root = job()->size();
  testing_support::expect_error(ErrorCode::invalid_argument, {"does not have this rank"},
                                [&] { job()->start(exchange); });
}

TEST(MpiCommunicator, UsesTheSlotsOfFinishedExchangesAgain) {
  const Ticket first = job()->start({.kind = ExchangeKind::barrier});
  job()->finish(first);
  const Ticket second = job()->start({.kind = ExchangeKind::barrier});
  job()->finish(second);
  EXPECT_EQ(first, second);
}

TEST(MpiCommunicator, MovesNothingForACountOfZero) {
  EXPECT_THAT(reduced<float>({}, RankReduction::sum), testing::IsEmpty());
}

}  // namespace
}  // namespace weft
