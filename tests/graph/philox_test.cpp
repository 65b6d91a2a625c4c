#include "weft/graph/philox.h"

#include <gtest/gtest.h>

#include <set>

namespace weft {
namespace {

// The known answers that the authors publish with Random123 (kat_vectors, philox4x32-10).
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, IsAConstantExpression) {
  static_assert(philox({0, 0, 0, 0}, {0, 0})[0] == 0x6627e8d5);
  static_assert(philox_key(1, 2) == philox_key(1, 2));
}

TEST(Philox, KeysDifferInSeedAndStream) {
  std::set<PhiloxKey> keys;
  for (std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32}) {
    for (std::uint64_t stream : {0ULL, 1ULL, 1ULL << 32}) keys.insert(philox_key(seed, stream));
  }
  EXPECT_EQ(keys.size(), 9U);
}

TEST(PhiloxSequence, RepeatsItselfForOneSeedAndStream) {
  PhiloxSequence first(7, 3);
  PhiloxSequence second(7, 3);
  PhiloxSequence other_stream(7, 4);
  int equal_to_other = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t number = first.next();
    EXPECT_EQ(number, second.next());
    if (number == other_stream.next()) ++equal_to_other;
  }
  EXPECT_LT(equal_to_other, 3);
}

TEST(PhiloxSequence, TakesBlocksInOrder) {
  PhiloxSequence sequence(7, 3);
  for (std::uint32_t block = 0; block < 3; ++block) {
    for (const std::uint32_t number : philox({block, 0, 0, 0}, philox_key(7, 3))) {
      EXPECT_EQ(sequence.next(), number);
    }
  }
}

TEST(PhiloxSequence, StaysInItsRanges) {
  PhiloxSequence sequence(1, 1);
  double total = 0.0;
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 10000; ++i) {
    const float unit = sequence.uniform();
    ASSERT_GE(unit, 0.0F);
    ASSERT_LT(unit, 1.0F);
    total += static_cast<double>(unit);
    const std::uint32_t face = sequence.below(6);
    ASSERT_LT(face, 6U);
    seen.insert(face);
  }
  EXPECT_NEAR(total / 10000.0, 0.5, 0.015);  // five standard deviations
  EXPECT_EQ(seen.size(), 6U);
}

}  // namespace
}  // namespace weft
