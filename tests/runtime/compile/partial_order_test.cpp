#include "weft/runtime/compile/partial_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "weft/graph/error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

bool leads(PartialOrder& order, std::size_t start, std::size_t target) {
  return order.leads(start, std::array{target});
}

TEST(PartialOrder, FollowsOrdersOverSeveralElements) {
  PartialOrder order(4);
  order.order(0, 1);
  order.order(1, 2);
  EXPECT_TRUE(leads(order, 0, 2));
  EXPECT_FALSE(leads(order, 2, 0));
  EXPECT_FALSE(leads(order, 0, 3));
  EXPECT_FALSE(leads(order, 1, 1));
}

TEST(PartialOrder, TakesOrdersAgainstTheNumbers) {
  PartialOrder order(4);
  order.order(3, 0);
  order.order(2, 3);
  EXPECT_TRUE(leads(order, 2, 0));
  EXPECT_FALSE(leads(order, 0, 2));
  const std::size_t last = order.add_element();
  order.order(last, 2);
  EXPECT_TRUE(leads(order, last, 0));
}

TEST(PartialOrder, ListsWhatComesDirectlyBeforeOnce) {
  PartialOrder order(3);
  order.order(2, 0);
  order.order(1, 0);
  order.order(2, 0);
  EXPECT_THAT(order.before(), ElementsAre(ElementsAre(1, 2), IsEmpty(), IsEmpty()));
}

TEST(PartialOrder, RefusesACircle) {
  PartialOrder order(3);
  order.order(0, 1);
  order.order(1, 2);
  EXPECT_THROW(order.order(2, 0), Error);
  EXPECT_THROW(order.order(1, 1), Error);
}

TEST(PartialOrder, AgreesWithASearchThroughAllOrders) {
  constexpr std::size_t kElements = 24;
  constexpr std::size_t kOrders = 60;
  testing_support::TensorSource source("orders");
  std::vector<std::size_t> shuffled(kElements);
  std::iota(shuffled.begin(), shuffled.end(), 0);
  const Tensor swaps = source.whole({kElements}, kElements, i32);
  for (std::size_t i = 0; i < kElements; ++i)
    std::swap(shuffled[i], shuffled[static_cast<std::size_t>(swaps.values<std::int32_t>()[i])]);
  const Tensor ends = source.whole({2 * kOrders}, kElements, i32);
  PartialOrder order(kElements);
  std::array<std::array<bool, kElements>, kElements> reached{};
  for (std::size_t i = 0; i < kOrders; ++i) {
    const auto a = static_cast<std::size_t>(ends.values<std::int32_t>()[2 * i]);
    const auto b = static_cast<std::size_t>(ends.values<std::int32_t>()[2 * i + 1]);
    if (a == b) continue;
    const std::size_t first = shuffled[std::min(a, b)];
    const std::size_t second = shuffled[std::max(a, b)];
    order.order(first, second);
    for (std::size_t x = 0; x < kElements; ++x) {
      for (std::size_t y = 0; y < kElements; ++y) {
        const bool to = x == first || reached[x][first];
        const bool from = y == second || reached[second][y];
        reached[x][y] = reached[x][y] || (to && from);
      }
    }
    for (std::size_t x = 0; x < kElements; ++x) {
      for (std::size_t y = 0; y < kElements; ++y) EXPECT_EQ(leads(order, x, y), reached[x][y]);
    }
  }
}

}  // namespace
}  // namespace weft
