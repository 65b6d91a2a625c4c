#include "weft/runtime/ranks/combine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "weft/runtime/machine/streaming.h"

namespace weft {
namespace {

using testing::Each;
using testing::ElementsAreArray;

/// Numbers of which sums in different orders differ.
std::vector<float> uneven_numbers(std::size_t count, std::size_t rank) {
  std::vector<float> made(count);
  for (std::size_t i = 0; i < count; ++i)
    made[i] = static_cast<float>((i * 37 + rank * 11) % 101) * (rank % 2 == 0 ? 1e6F : 1e-3F);
  return made;
}

struct Terms {
  std::vector<std::vector<float>> numbers;
  std::vector<const std::byte*> pointers;
  std::vector<float> sums;  // in their order
};

Terms uneven_terms(std::size_t count, std::size_t ranks) {
  Terms made;
  made.sums.assign(count, 0.0F);
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    made.numbers.push_back(uneven_numbers(count, rank));
    for (std::size_t i = 0; i < count; ++i)
      made.sums[i] = rank == 0 ? made.numbers[0][i] : made.sums[i] + made.numbers[rank][i];
  }
  for (const auto& one : made.numbers)
    made.pointers.push_back(reinterpret_cast<const std::byte*>(one.data()));
  return made;
}

void combine_sums(const Terms& terms, float* out, std::size_t count, std::byte* streamed = nullptr) {
  combine(DType::f32, RankReduction::sum, terms.pointers, reinterpret_cast<std::byte*>(out),
          static_cast<std::int64_t>(count), streamed);
}

TEST(Combine, AddsInTheOrderOfTerms) {
  for (const std::size_t ranks : {1U, 2U, 3U, 5U}) {
    for (const std::size_t count : {0U, 1U, 15U, 16U, 17U, 1000U}) {
      const Terms terms = uneven_terms(count, ranks);
      std::vector<float> out(count, -1.0F);
      combine_sums(terms, out.data(), count);
      EXPECT_THAT(out, ElementsAreArray(terms.sums)) << ranks << " terms of " << count;
    }
  }
}

TEST(Combine, WritesOverAnyOfItsTerms) {
  for (std::size_t over = 0; over < 3; ++over) {
    Terms terms = uneven_terms(333, 3);
    combine_sums(terms, terms.numbers[over].data(), 333);
    EXPECT_THAT(terms.numbers[over], ElementsAreArray(terms.sums)) << over;
  }
}

TEST(Combine, StreamsTheSameAndNoMore) {
  constexpr std::size_t kRoom = 128;
  for (const std::size_t count : {1U, 16U, 50U, 100U}) {
    const Terms terms = uneven_terms(count, 2);
    std::vector<float> out(count);
    alignas(kStreamedLine) std::array<float, kRoom> streamed{};
    streamed.fill(-1.0F);
    combine_sums(terms, out.data(), count, reinterpret_cast<std::byte*>(streamed.data()));
    EXPECT_THAT(out, ElementsAreArray(terms.sums));
    EXPECT_THAT(std::vector<float>(streamed.begin(), streamed.begin() + static_cast<std::ptrdiff_t>(count)),
                ElementsAreArray(terms.sums));
    EXPECT_THAT(std::vector<float>(streamed.begin() + static_cast<std::ptrdiff_t>(count), streamed.end()),
                Each(-1.0F));
  }
}

}  // namespace
}  // namespace weft
