// Plain gradient descent on a table of embeddings visits only the rows that the batch names.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::same_bits;
using testing_support::TensorSource;

constexpr std::int64_t kTableRows = 5000;
constexpr std::int64_t kTableWidth = 16;

struct Embedding {
  explicit Embedding(SessionOptions options)
      : table(parameter(graph, "table",
                        TensorSource("table").uniform({kTableRows, kTableWidth}, -1.0, 1.0, f32))),
        indices(input(graph, "indices", i32, {6})),
        loss(sum(square(gather(table, indices)))),
        session(graph, std::move(options)),
        train(session.compile({.inputs = {indices},
                               .outputs = {loss},
                               .updates = {assign(table, table - 0.1 * gradient(loss, table))}})) {}

  Graph graph;
  Value table;
  Value indices;
  Value loss;
  Session session;
  Function train;
};

Tensor batch(std::vector<std::int32_t> rows) { return Tensor::of<std::int32_t>(rows); }

TEST(ScatteredUpdate, MovesTheNamedRowsLikeADenseOne) {
  for (const int threads : {1, 2}) {
    Embedding sparse({.threads = threads});
    Embedding dense({.threads = threads, .compile = {.without = {"fuse_accumulate"}}});
    for (const auto& rows : {std::vector<std::int32_t>{3, 4999, 0, 3, 3, 17}, {1, 2, 3, 4, 5, 6}}) {
      sparse.train({batch(rows)});
      dense.train({batch(rows)});
    }
    EXPECT_TRUE(close_to(sparse.session.value(sparse.table), dense.session.value(dense.table), 1e-6));
  }
}

TEST(ScatteredUpdate, NeedsNoMemoryForTheOtherRows) {
  Embedding sparse({.threads = 1});
  constexpr std::size_t kTableBytes = kTableRows * kTableWidth * sizeof(float);
  const TensorType fed[] = {{i32, Shape{6}}};
  EXPECT_LT(sparse.train.ledger(fed).arena, kTableBytes / 10);
}

TEST(ScatteredUpdate, LeavesTheTableAsItWasWhereAnIndexIsOutside) {
  Embedding sparse({.threads = 2});
  const Tensor before = sparse.session.value(sparse.table);
  testing_support::expect_error(ErrorCode::out_of_range, {"index 5000"},
                                [&] { sparse.train({batch({3, 5000, 0, 3, 3, 17})}); });
  EXPECT_TRUE(same_bits(sparse.session.value(sparse.table), before));
}

}  // namespace
}  // namespace weft
