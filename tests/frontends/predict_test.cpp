#include "weft/frontends/predict.h"

#include <gtest/gtest.h>

#include "weft/ops/builtin.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::expect_error;
using testing_support::TensorSource;

/// Twice x [n, 3], the sum of each of its rows, and the labels, all as they are.
struct RowsPredicted {
  Graph graph;
  Value x = input(graph, "x", f32, {"n", 3});
  Value labels = input(graph, "labels", i64, {"n"});
  Value factor = input(graph, "factor", f32, {});
  Session session{graph};
};

TEST(Predict, JoinsTheOutputsOfAllBatches) {
  RowsPredicted rows;
  Function function =
      rows.session.compile({.inputs = {rows.x, rows.labels, rows.factor},
                            .outputs = {rows.x * rows.factor, sum(rows.x, {1}), rows.labels + 1.0},
                            .updates = {}});
  TensorSource source("predict");
  const Tensor x = source.uniform({23, 3}, -1.0, 1.0, f32);
  const Tensor labels = source.whole({23}, 100, i64);
  const Tensor factor = Tensor::scalar(2.0F);
  const auto whole = predict(function, {x, labels, factor}, 1000);
  ASSERT_EQ(whole.size(), 3U);
  for (const std::int64_t batch : {1, 5, 22, 23, 24}) {
    const auto parts = predict(function, {x, labels, factor}, batch);
    ASSERT_EQ(parts.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(identical(parts[i], whole[i])) << batch << " " << i;
  }
  EXPECT_EQ(whole[0].values<float>()[68], 2.0F * x.values<float>()[68]);
  EXPECT_EQ(whole[2].values<std::int64_t>()[22], labels.values<std::int64_t>()[22] + 1);
}

TEST(Predict, OfNoRowsGivesNoRows) {
  RowsPredicted rows;
  Function function = rows.session.compile({.inputs = {rows.x}, .outputs = {rows.x * 2.0}, .updates = {}});
  EXPECT_TRUE(identical(predict(function, Tensor::zeros(f32, {0, 3})), Tensor::zeros(f32, {0, 3})));
}

TEST(Predict, GivesTheOnlyOutputOfOneInput) {
  RowsPredicted rows;
  Function function = rows.session.compile({.inputs = {rows.x}, .outputs = {argmax(rows.x)}, .updates = {}});
  const Tensor x = Tensor::of({0.0F, 1.0F, 0.0F, 2.0F, 1.0F, 0.0F}, {2, 3});
  EXPECT_TRUE(identical(predict(function, x, 1), Tensor::of<std::int64_t>({1, 0})));
  Function two = rows.session.compile({.inputs = {rows.x}, .outputs = {rows.x, rows.x}, .updates = {}});
  expect_error(ErrorCode::invalid_argument, {"one output", "got 2"}, [&] { predict(two, x); });
}

TEST(Predict, RefusesWhatHasNoRows) {
  RowsPredicted rows;
  Function mean_of = rows.session.compile({.inputs = {rows.x}, .outputs = {mean(rows.x)}, .updates = {}});
  const Tensor x = Tensor::zeros(f32, {4, 3});
  expect_error(ErrorCode::shape_mismatch, {"4 rows in output 0", "f32[]"}, [&] { predict(mean_of, x); });
  Function both = rows.session.compile({.inputs = {rows.x, rows.labels},
                                        .outputs = {rows.x + cast(reshape(rows.labels, {-1, 1}), f32)},
                                        .updates = {}});
  expect_error(ErrorCode::shape_mismatch, {"4 rows", "i64[5]"},
               [&] { predict(both, {x, Tensor::zeros(i64, {5})}); });
  expect_error(ErrorCode::invalid_argument, {"batch size", "got 0"}, [&] { predict(mean_of, x, 0); });
  Function scalar = rows.session.compile({.inputs = {rows.factor}, .outputs = {rows.factor}, .updates = {}});
  expect_error(ErrorCode::invalid_argument, {"an input with rows"},
               [&] { predict(scalar, Tensor::scalar(1.0F)); });
}

TEST(Predict, NamesTheLineOfTheCall) {
  RowsPredicted rows;
  Function twice = rows.session.compile({.inputs = {rows.x}, .outputs = {rows.x * 2.0}});
  Function total = rows.session.compile({.inputs = {rows.x}, .outputs = {sum(rows.x)}});
  const Tensor x = Tensor::zeros(f32, {4, 3});
  const Tensor other = Tensor::zeros(f64, {4, 3});
  expect_error(ErrorCode::bad_feed, {at_line(__LINE__), "f64[4, 3]"}, [&] { predict(twice, other); });
  expect_error(ErrorCode::shape_mismatch, {at_line(__LINE__)}, [&] { predict(total, {x}); });
  expect_error(ErrorCode::invalid_argument, {at_line(__LINE__)}, [&] { predict(twice, x, 0); });
  expect_error(ErrorCode::invalid_argument, {at_line(__LINE__)}, [&] { predict(twice, {}); });
}

}  // namespace
}  // namespace weft
