// Adagrad, and Adam if it is lazy, on a table of embeddings: only the rows of the batch are visited.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/optim/optim.h"
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

using testing_support::same_bits;
using testing_support::TensorSource;

using TableUpdates = std::function<std::vector<Value>(const Value& table, const Value& gradient)>;

/// A table that a batch of four rows is looked up in, and one step of an optimizer.
struct TableJob {
  TableJob(std::int64_t rows, std::int64_t width, const TableUpdates& method, int threads = 1,
           const CompileOptions& compile = {})
      : table(parameter(graph, "table", TensorSource("rows").uniform({rows, width}, -1.0, 1.0, f32))),
        indices(input(graph, "indices", i32, {4})),
        loss(sum(square(gather(table, indices)) * weights(width))),
        session(graph, {.threads = threads, .compile = compile}),
        step(session.compile(
            {.inputs = {indices}, .outputs = {loss}, .updates = method(table, gradient(loss, table))})) {}

  Value weights(std::int64_t width) {
    return constant(graph, TensorSource("weights").uniform({4, width}, 0.5, 1.5, f32));
  }
  void run(std::vector<std::int32_t> rows) { step({Tensor::of<std::int32_t>(rows)}); }
  Tensor value(std::string_view label) { return session.value(label); }

  Graph graph;
  Value table;
  Value indices;
  Value loss;
  Session session;
  Function step;
};

std::vector<Value> adagrad_of(const Value& table, const Value& gradient) {
  return optim::adagrad({{table}}, {{gradient}}, 0.1);
}
/// The same gradient, in a form that does not say which rows are 0.
std::vector<Value> dense_adagrad_of(const Value& table, const Value& gradient) {
  return optim::adagrad({{table}}, {{maximum(gradient, minimum(gradient, 0.0))}}, 0.1);
}
std::vector<Value> lazy_adam_of(const Value& table, const Value& gradient) {
  return optim::adam({{table}}, {{gradient}}, 0.1, {.lazy_rows = true});
}

TEST(RowUpdates, OfAdagradHaveTheBitsOfDenseOnes) {
  for (const int threads : {1, 2}) {
    TableJob sparse(50, 7, adagrad_of, threads);
    TableJob dense(50, 7, dense_adagrad_of, threads);
    for (const auto& rows : {std::vector<std::int32_t>{3, 49, 3, 0}, {3, 3, 3, 3}, {1, 2, 49, 2}}) {
      sparse.run(rows);
      dense.run(rows);
    }
    for (const std::string_view label : {"table", "table/adagrad_sum"})
      EXPECT_TRUE(same_bits(sparse.value(label), dense.value(label))) << label;
  }
}

TEST(RowUpdates, SquareTheSumOfARowThatIsNamedTwice) {
  Graph graph;
  const Value table = parameter(graph, "table", Tensor::zeros(f64, {3, 1}));
  const Value indices = input(graph, "indices", i64, {2});
  const Value gradient = scatter_add(constant(graph, Tensor::of<double>({2, 3}, {2, 1})), indices, {3, 1});
  Session session(graph);
  Function step = session.compile(
      {.inputs = {indices}, .outputs = {}, .updates = optim::adagrad({{table}}, {{gradient}}, 0.5)});
  step({Tensor::of<std::int64_t>({1, 1})});
  EXPECT_EQ(session.value("table/adagrad_sum").values<double>()[1], 25.0);
  EXPECT_NEAR(session.value("table").values<double>()[1], -0.5, 1e-9);
  EXPECT_EQ(session.value("table").values<double>()[0], 0.0);
}

TEST(RowUpdates, CostAsMuchMemoryAsTheirRows) {
  constexpr std::int64_t kRows = 100'000;
  constexpr std::int64_t kWidth = 64;
  const TensorType fed[] = {{i32, Shape{4}}};
  for (const TableUpdates& method : {TableUpdates(adagrad_of), TableUpdates(lazy_adam_of)}) {
    TableJob job(kRows, kWidth, method);
    const std::size_t row_bytes = kWidth * sizeof(float);
    EXPECT_LT(job.step.ledger(fed).arena, 100 * row_bytes);
  }
  EXPECT_GT(TableJob(kRows, kWidth, dense_adagrad_of).step.ledger(fed).arena,
            static_cast<std::size_t>(kRows * kWidth) * sizeof(float) / 2);
}

TEST(RowUpdates, AreInPlaceStepsOfThePlan) {
  TableJob job(1000, 8, adagrad_of);
  const Compilation made =
      job.session.inspect({.inputs = {job.indices},
                           .outputs = {},
                           .updates = adagrad_of(job.table, gradient(job.loss, job.table))},
                          {});
  std::vector<std::string> ops;
  for (const NodeId id : made.lowered.steps) {
    const Node& node = made.lowered.program.graph->node(id);
    ops.emplace_back(node.op.name());
    for (const TensorType& type : node.outputs) {
      if (type.shape == Shape{1000, 8}) {
        EXPECT_EQ(node.op.name(), "replace_rows");
      }
    }
  }
  EXPECT_EQ(std::ranges::count(ops, "replace_rows"), 2);
  EXPECT_EQ(std::ranges::count(ops, "sum_equal_rows"), 1);
  EXPECT_EQ(std::ranges::count(ops, "scatter_add"), 0);
}

TEST(RowUpdates, OfGradientsThatWereScaledOrAddedUpAreOfRowsToo) {
  const auto scaled = [](const auto& method) {
    return [method](const Value& table, const Value& gradient) {
      return method(table, gradient * 0.5 / constant(table.graph(), 4.0));
    };
  };
  TableJob sparse(50, 7, scaled(adagrad_of));
  TableJob dense(50, 7, scaled(dense_adagrad_of));
  sparse.run({3, 49, 3, 0});
  dense.run({3, 49, 3, 0});
  EXPECT_TRUE(same_bits(sparse.value("table"), dense.value("table")));
  const auto twice = [](const auto& method) {
    return [method](const Value& table, const Value& gradient) {
      const Value other = constant(table.graph(), Tensor::of<std::int32_t>({5, 3}));
      const Value rows = constant(table.graph(), Tensor::of<float>(std::vector<float>(14, 0.25F), {2, 7}));
      return method(table, gradient + scatter_add(rows, other, table.shape()));
    };
  };
  TableJob both(50, 7, twice(adagrad_of));
  TableJob all(50, 7, twice(dense_adagrad_of));
  both.run({3, 49, 3, 0});
  all.run({3, 49, 3, 0});
  const TensorType fed[] = {{i32, Shape{4}}};
  EXPECT_LT(both.step.ledger(fed).arena, all.step.ledger(fed).arena);
  EXPECT_TRUE(testing_support::close_to(both.value("table"), all.value("table"), 1e-6));
}

TEST(RowUpdates, ChangeNothingWhereAnIndexIsOutside) {
  TableJob job(50, 7, adagrad_of, 2);
  job.run({1, 2, 3, 4});
  const Tensor table = job.value("table");
  const Tensor sums = job.value("table/adagrad_sum");
  testing_support::expect_error(ErrorCode::out_of_range, {"index 50"}, [&] { job.run({1, 50, 2, 2}); });
  EXPECT_TRUE(same_bits(job.value("table"), table));
  EXPECT_TRUE(same_bits(job.value("table/adagrad_sum"), sums));
}

/// All rows decay, so a step visits all of them.
TEST(RowUpdates, AreDenseWithAWeightDecay) {
  TableJob job(50, 7, [](const Value& table, const Value& gradient) {
    return optim::adagrad({{table}}, {{gradient}}, 0.1, {.weight_decay = 0.1});
  });
  const Tensor before = job.value("table");
  job.run({1, 2, 3, 4});
  EXPECT_NE(before.values<float>()[49 * 7], job.value("table").values<float>()[49 * 7]);
}

TEST(RowUpdates, OfLazyAdamMoveNamedRowsLikeAdamAndNoOthers) {
  const auto adam_of = [](const Value& table, const Value& gradient) {
    return optim::adam({{table}}, {{gradient}}, 0.1);
  };
  TableJob lazy(20, 3, lazy_adam_of);
  TableJob dense(20, 3, adam_of);
  lazy.run({4, 4, 7, 9});
  dense.run({4, 4, 7, 9});
  EXPECT_TRUE(same_bits(lazy.value("table"), dense.value("table")));
  const Tensor after_one = lazy.value("table");
  lazy.run({1, 2, 1, 2});
  dense.run({1, 2, 1, 2});
  const auto row = [](const Tensor& table, std::size_t at) {
    return table.values<float>().subspan(3 * at, 3);
  };
  EXPECT_TRUE(std::ranges::equal(row(lazy.value("table"), 4), row(after_one, 4)));
  EXPECT_FALSE(std::ranges::equal(row(dense.value("table"), 4), row(after_one, 4)));
  EXPECT_TRUE(std::ranges::equal(row(lazy.value("table"), 1), row(dense.value("table"), 1)));
}

}  // namespace
}  // namespace weft
