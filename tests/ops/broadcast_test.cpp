// Broadcasting of elementwise ops against an independent walk over indices.

#include <gtest/gtest.h>

#include "weft/ops/compare.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::sizes_of;
using testing_support::TensorSource;

/// The element of `tensor` that broadcasting puts at `index` of a wider shape: axes are matched from the
/// last.
double element_at(const Tensor& tensor, const Sizes& index) {
  std::int64_t position = 0;
  for (std::size_t axis = 0; axis < tensor.rank(); ++axis) {
    const std::int64_t at = index[index.size() - tensor.rank() + axis];
    position = position * tensor.sizes()[axis] + (tensor.sizes()[axis] == 1 ? 0 : at);
  }
  return tensor.values<double>()[static_cast<std::size_t>(position)];
}

bool advance(Sizes& index, const Sizes& sizes) {
  for (std::size_t axis = sizes.size(); axis-- > 0;) {
    if (++index[axis] < sizes[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

void check(const Tensor& a, const Tensor& b, const Sizes& expected_sizes) {
  Graph graph;
  const Tensor difference = evaluate_value(constant(graph, a) - constant(graph, b));
  ASSERT_EQ(sizes_of(difference), expected_sizes) << to_string(a) << " and " << to_string(b);
  if (difference.elements() == 0) return;
  Sizes index(expected_sizes.size(), 0);
  std::size_t i = 0;
  do {
    ASSERT_EQ(difference.values<double>()[i++], element_at(a, index) - element_at(b, index))
        << to_string(a) << " and " << to_string(b);
  } while (advance(index, expected_sizes));
}

struct BroadcastRow {
  Sizes a;
  Sizes b;
  Sizes result;
};

TEST(Broadcasting, CoversEveryRankAndDegenerateSizes) {
  const std::vector<BroadcastRow> rows = {
      {{}, {}, {}},
      {{}, {3}, {3}},
      {{1}, {}, {1}},
      {{3}, {2, 1}, {2, 3}},
      {{2, 1, 4}, {3, 1}, {2, 3, 4}},
      {{2, 3, 4}, {}, {2, 3, 4}},
      {{2, 3, 4, 2}, {2}, {2, 3, 4, 2}},
      {{2, 1, 4, 1}, {1, 3, 1, 2}, {2, 3, 4, 2}},
      {{1, 1, 1, 1}, {1}, {1, 1, 1, 1}},
      {{0}, {}, {0}},
      {{0}, {1}, {0}},
      {{0, 3}, {3}, {0, 3}},
      {{2, 0}, {2, 1}, {2, 0}},
      {{2, 1, 3}, {0, 1}, {2, 0, 3}},
  };
  TensorSource source("rows");
  for (const BroadcastRow& row : rows) {
    check(source.uniform(row.a), source.uniform(row.b), row.result);
    check(source.uniform(row.b), source.uniform(row.a), row.result);
  }
}

TEST(Broadcasting, HoldsForRandomShapes) {
  SCOPED_TRACE(replay());
  TensorSource source("random shapes");
  for (int i = 0; i < 200; ++i) {
    const Sizes wide = source.sizes(source.below(5), 3, 0);
    const Sizes narrow = source.broadcastable_to(wide);
    // A size of 0 that the narrow shape lost to a 1 comes back from the wide one.
    check(source.uniform(wide), source.uniform(narrow), wide);
    check(source.uniform(narrow), source.uniform(wide), wide);
  }
}

TEST(Broadcasting, ReachesAllThreeInputsOfWhere) {
  Graph graph;
  const Value condition = constant(graph, Tensor::of<bool>({true, false}, {2, 1, 1}));
  const Value a = constant(graph, Tensor::of<double>({1, 2, 3}, {3, 1}));
  const Value b = constant(graph, Tensor::of<double>({10, 20}));
  const Tensor y = evaluate_value(where(condition, a, b));
  EXPECT_EQ(sizes_of(y), (Sizes{2, 3, 2}));
  EXPECT_EQ(numbers(y), (std::vector<double>{1, 1, 2, 2, 3, 3, 10, 20, 10, 20, 10, 20}));
}

TEST(Broadcasting, MatchesSymbolsWithThemselvesAndWithOne) {
  Graph graph;
  const Value batch = input(graph, "x", f32, {"batch", 3});
  const Value other = input(graph, "y", f32, {"other", 3});
  EXPECT_EQ((batch + input(graph, "row", f32, {3})).shape(), (Shape{"batch", 3}));
  EXPECT_EQ((batch + input(graph, "column", f32, {"batch", 1})).shape(), (Shape{"batch", 3}));
  EXPECT_EQ((batch + input(graph, "one", f32, {1, 1})).shape(), (Shape{"batch", 3}));
  expect_error(ErrorCode::shape_mismatch, {"batch against other"}, [&] { batch + other; });
  expect_error(ErrorCode::shape_mismatch, {"batch against 64"},
               [&] { batch + input(graph, "fixed", f32, {64, 3}); });
}

}  // namespace
}  // namespace weft
