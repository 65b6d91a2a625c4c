#include "weft/runtime/kernels/elementwise/expansion.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "weft/graph/evaluate.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;
using Kind = Expansion::Kind;

struct KindCase {
  Sizes operand;
  Sizes output;
  Kind kind;
  std::int64_t period;
};

TEST(Expansion, KnowsHowAnOperandRepeats) {
  const std::vector<KindCase> cases{
      {{}, {}, Kind::same, 1},
      {{4}, {4}, Kind::same, 1},
      {{3, 4}, {3, 4}, Kind::same, 1},
      {{4}, {1, 4}, Kind::same, 1},
      {{1, 4}, {4}, Kind::same, 1},
      {{1, 1}, {1, 1, 1}, Kind::same, 1},
      {{}, {3, 4}, Kind::scalar, 1},
      {{1}, {3}, Kind::scalar, 1},
      {{1, 1}, {3, 4}, Kind::scalar, 1},
      {{4}, {3, 4}, Kind::periodic, 4},
      {{1, 4}, {3, 4}, Kind::periodic, 4},
      {{4, 5}, {3, 4, 5}, Kind::periodic, 20},
      {{4, 1, 5}, {3, 4, 1, 5}, Kind::periodic, 20},
      {{3, 1}, {3, 4}, Kind::blocks, 4},
      {{3, 4, 1, 1}, {3, 4, 5, 6}, Kind::blocks, 30},
      {{3, 1, 5}, {3, 4, 5}, Kind::general, 1},
      {{1, 4, 1}, {3, 4, 5}, Kind::blocks, 5},
      {{4, 5, 1, 1}, {3, 4, 5, 6, 7}, Kind::blocks, 42},
      {{2, 1, 4, 1}, {2, 3, 4, 5}, Kind::general, 1},
  };
  for (const KindCase& known : cases) {
    if (known.operand.size() > known.output.size()) continue;
    const Expansion expansion(Shape::of(known.operand), Shape::of(known.output), 4);
    const std::string text =
        to_string(Shape::of(known.operand)) + " to " + to_string(Shape::of(known.output));
    EXPECT_EQ(expansion.kind(), known.kind) << text;
    const bool has_period = known.kind == Kind::periodic || known.kind == Kind::blocks;
    EXPECT_TRUE(!has_period || expansion.period() == known.period) << text;
  }
}

/// The operand's elements at output positions [start, start + count), one of them guarded on each side.
template <typename T>
void expect_expansion(TensorSource& source, const Tensor& operand, const Sizes& output, int tiles) {
  const Expansion expansion(Shape::of(operand.sizes()), Shape::of(output), sizeof(T));
  const Tensor expected = broadcast_to_sizes(operand, output);
  const auto values = expected.values<T>();
  for (int tile = 0; tile < tiles; ++tile) {
    const std::int64_t start = source.below(expected.elements() + 1);
    const std::int64_t count = source.below(expected.elements() - start + 1);
    std::vector<T> to(static_cast<std::size_t>(count) + 2, T{77});
    if (count > 0 || expansion.kind() == Kind::general) {
      expansion.expand(static_cast<const std::byte*>(operand.data()), start, count,
                       reinterpret_cast<std::byte*>(to.data() + 1));
    }
    ASSERT_EQ(to.front(), T{77});
    ASSERT_EQ(to.back(), T{77});
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      ASSERT_EQ(to[i + 1], values[static_cast<std::size_t>(start) + i])
          << to_string(Shape::of(operand.sizes())) << " to " << to_string(Shape::of(output)) << ", elements "
          << start << " to " << start + count;
    }
  }
}

TEST(Expansion, GivesWhatBroadcastingGivesForTilesAnywhere) {
  TensorSource source("expansion");
  std::array<int, 5> met{};
  for (int round = 0; round < 1500; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const Sizes output = source.sizes(source.below(6), 6);
    const Sizes narrow = source.broadcastable_to(output);
    ++met[static_cast<std::size_t>(Expansion(Shape::of(narrow), Shape::of(output), 4).kind())];
    switch (source.below(3)) {
      case 0:
        expect_expansion<std::uint8_t>(source, source.whole(narrow, 70, u8), output, 6);
        break;
      case 1:
        expect_expansion<float>(source, source.uniform(narrow, -1.0, 1.0, f32), output, 6);
        break;
      default:
        expect_expansion<double>(source, source.uniform(narrow), output, 6);
        break;
    }
    ASSERT_FALSE(HasFailure());
  }
  for (const int rounds : met) EXPECT_GT(rounds, 20) << "every kind was met";
}

TEST(Expansion, ReadsNothingForAnEmptyOutput) {
  for (const auto& [operand, output] : std::vector<std::pair<Sizes, Sizes>>{
           {{0}, {0}}, {{1}, {0}}, {{}, {3, 0}}, {{0}, {3, 0}}, {{3, 1}, {3, 0}}, {{3, 0}, {3, 0}}}) {
    const Expansion expansion(Shape::of(operand), Shape::of(output), 4);
    EXPECT_EQ(expansion.kind(), operand == output ? Kind::same : Kind::general);
    if (operand != output) expansion.expand(nullptr, 0, 0, nullptr);
  }
}

}  // namespace
}  // namespace weft
