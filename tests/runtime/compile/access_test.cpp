#include "weft/runtime/compile/access.h"

#include <gtest/gtest.h>

#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/compile.h"

namespace weft {
namespace {

Lowered lowered_of(const Graph& graph, const std::vector<Value>& roots) {
  const std::vector<std::string> inputs{"x"};
  return compile(graph, roots, 1, inputs, {}, {.fuse_elementwise = false}).lowered;
}

TEST(Access, CountsWhatThreadsReadOfEachOther) {
  Graph graph;
  const Value x = input(graph, "x", f32, {32, 16});
  const Value y = square(x);
  // Each thread makes the rows that it reads.
  EXPECT_EQ(exchanged_bytes(lowered_of(graph, {neg(y)})), 0.0);
  // The product reads all rows of y.
  const double bytes = 32 * 16 * sizeof(float);
  EXPECT_EQ(exchanged_bytes(lowered_of(graph, {matmul(y, y, true, false)})), bytes);
  // The mean is made whole, by thread 0.
  const Value both = mean(matmul(y, y, true, false));
  EXPECT_GT(exchanged_bytes(lowered_of(graph, {both})), bytes);
}

TEST(Access, CountsTheRowsThatASumOverThemReads) {
  Graph graph;
  const Value bias = constant(graph, Tensor::zeros(f32, {16}));
  const Value y = square(input(graph, "x", f32, {16, 16}));  // as many rows as sums
  const Lowered lowered = lowered_of(graph, {bias - 0.1 * sum(y, {0})});
  EXPECT_EQ(lowered.kernels.back().name, "sum_accumulate");
  EXPECT_EQ(exchanged_bytes(lowered), 16 * 16 * sizeof(float));
}

TEST(Access, ConflictsWhereOneWritesWhatAnotherTouches) {
  const Access write{.storage = 3, .writes = true, .rows = 8};
  const auto other = [&](std::size_t storage, bool writes, std::int64_t rows) {
    return conflict(write, {.storage = storage, .writes = writes, .rows = rows});
  };
  EXPECT_FALSE(other(3, false, 8));
  EXPECT_FALSE(other(3, true, 8));
  EXPECT_TRUE(other(3, false, 9));
  EXPECT_TRUE(other(3, false, Access::kAnywhere));
  EXPECT_TRUE(other(3, false, Access::kFirstThread));
  EXPECT_FALSE(other(2, false, 9));
  const Access columns{.storage = 3, .writes = true, .rows = 8, .by_columns = true};
  EXPECT_FALSE(conflict(columns, columns));
  EXPECT_TRUE(conflict(write, columns)) << "column blocks are not rows";
  const Access read{.storage = 3, .rows = Access::kAnywhere};
  EXPECT_FALSE(conflict(read, {.storage = 3, .rows = 8}));
  const Access everywhere{.storage = 3, .writes = true};
  EXPECT_TRUE(conflict(everywhere, everywhere));
}

}  // namespace
}  // namespace weft
