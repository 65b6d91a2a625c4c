#include "weft/ops/sparse.h"

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::Feeds;
using testing_support::numbers;
using testing_support::TensorSource;
using Numbers = std::vector<double>;

Feeds feeds_of(std::string_view name, const SparseTensor& tensor) {
  const std::string label(name);
  return {{label + "/begins", tensor.begins()},
          {label + "/ends", tensor.ends()},
          {label + "/columns", tensor.columns()},
          {label + "/values", tensor.values()}};
}

class SparseOps : public testing::Test {
 protected:
  //  0 1 0 2
  //  0 0 0 0
  //  3 0 4 5
  Tensor dense_ = Tensor::of<double>({0, 1, 0, 2, 0, 0, 0, 0, 3, 0, 4, 5}, {3, 4});
  SparseTensor sparse_ = SparseTensor::from_dense(dense_);
  Graph graph_;
  Value w_ = constant(graph_, Tensor::of<double>({1, 2, 3, 4, 5, 6, 7, 8}, {4, 2}));
};

TEST_F(SparseOps, MultiplyLikeTheDenseMatrix) {
  const SparseValue x = sparse_constant(graph_, sparse_);
  EXPECT_EQ(x.shape(), (Shape{3, 4}));
  EXPECT_EQ(numbers(evaluate_value(matmul(x, w_))),
            numbers(evaluate_value(matmul(constant(graph_, dense_), w_))));
  const Value d = constant(graph_, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {3, 2}));
  EXPECT_EQ(numbers(evaluate_value(matmul(x, d, true))),
            numbers(evaluate_value(matmul(constant(graph_, dense_), d, true))));
}

TEST_F(SparseOps, MultiplyBytes) {
  const Tensor bytes = Tensor::of<std::uint8_t>({0, 200, 7, 0}, {2, 2});
  const Value w = constant(graph_, Tensor::of<float>({1, 2}, {2, 1}));
  EXPECT_EQ(numbers(evaluate_value(matmul(sparse_constant(graph_, SparseTensor::from_dense(bytes)), w))),
            (Numbers{400, 7}));
}

TEST_F(SparseOps, TakeRowsInAnyOrderAndAnyNumber) {
  const Value rows = constant(graph_, Tensor::of<std::int32_t>({2, 0, 2, 1}));
  const SparseValue x = gather(sparse_constant(graph_, sparse_), rows);
  const Value dense = gather(constant(graph_, dense_), rows);
  EXPECT_EQ(x.shape(), (Shape{4, 4}));
  EXPECT_EQ(numbers(evaluate_value(matmul(x, w_))), numbers(evaluate_value(matmul(dense, w_))));
  const Value d = constant(graph_, Tensor::of<double>({1, 2, 3, 4}, {4, 1}));
  EXPECT_EQ(numbers(evaluate_value(matmul(x, d, true))), numbers(evaluate_value(matmul(dense, d, true))));
  expect_error(ErrorCode::out_of_range, {"index 3", "[0, 3)"}, [&] {
    evaluate_value(matmul(
        gather(sparse_constant(graph_, sparse_), constant(graph_, Tensor::of<std::int32_t>({3}))), w_));
  });
}

TEST_F(SparseOps, ServeBatchesOfEverySizeUnderOneSymbol) {
  const SparseValue x = sparse_input(graph_, "x", f64, {"batch", 4}, "room");
  const Value y = matmul(x, w_);
  EXPECT_EQ(y.shape(), (Shape{"batch", 2}));
  for (const SparseTensor& fed : {sparse_, sparse_.rows(1, 2), sparse_.rows(2, 1).packed()}) {
    const Bindings bindings{{"batch", fed.sizes()[0]}, {"room", fed.capacity()}};
    EXPECT_EQ(numbers(evaluate_value(y, feeds_of("x", fed), bindings)),
              numbers(evaluate_value(matmul(constant(graph_, fed.to_dense()), w_))));
  }
}

TEST_F(SparseOps, NeverReadEntriesOfNoRow) {
  const SparseTensor roomy = sparse_.packed(8);
  Tensor columns = roomy.columns().clone();
  for (std::size_t i = 5; i < 8; ++i) columns.mutable_values<std::int32_t>()[i] = -77;
  const SparseValue x = sparse_input(graph_, "x", f64, {3, 4}, 8);
  Feeds feeds = feeds_of("x", roomy);
  feeds.insert_or_assign("x/columns", columns);
  EXPECT_EQ(numbers(evaluate_value(matmul(x, w_), feeds)),
            numbers(evaluate_value(matmul(constant(graph_, dense_), w_))));
}

TEST_F(SparseOps, GiveEntriesOfSeveralRowsTheSumOfTheirGradients) {
  const Value values = parameter(graph_, "values", sparse_.values());
  SparseValue x = sparse_constant(graph_, sparse_);
  x.values = values;
  const SparseValue twice = gather(x, constant(graph_, Tensor::of<std::int32_t>({0, 0})));
  const Value slope = gradient(sum(matmul(twice, w_)), values);
  // Two rows of (1, 1) times the rows 1 and 3 of w; the entries of row 2 are in no row.
  EXPECT_EQ(numbers(evaluate_value(slope, {{"values", sparse_.values()}})), (Numbers{14, 30, 0, 0, 0}));
}

TEST_F(SparseOps, HaveGradientsOfTheDenseProduct) {
  TensorSource source("sparse gradients");
  const Tensor start = source.uniform({4, 2});
  const Value w = parameter(graph_, "w", start);
  const auto slopes = [&](const Value& product) {
    const Value slope = gradient(sum(square(product)), w);
    return std::vector{numbers(evaluate_value(slope, {{"w", start}})),
                       numbers(evaluate_value(gradient(sum(square(slope)), w), {{"w", start}}))};
  };
  const auto sparse = slopes(matmul(sparse_constant(graph_, sparse_), w));
  const auto dense = slopes(matmul(constant(graph_, dense_), w));
  for (std::size_t order = 0; order < 2; ++order) {
    for (std::size_t i = 0; i < dense[order].size(); ++i)
      EXPECT_NEAR(sparse[order][i], dense[order][i], 1e-9);
  }
}

TEST_F(SparseOps, NameTheRowThatIsWrong) {
  const SparseValue x = sparse_input(graph_, "x", f64, {3, 4}, 5);
  const Value y = matmul(x, w_);
  Feeds feeds = feeds_of("x", sparse_);
  feeds.insert_or_assign("x/columns", Tensor::of<std::int32_t>({1, 3, 0, 2, 4}));
  expect_error(ErrorCode::out_of_range, {"row 2", "entry 4", "[0, 4)", "got 4"},
               [&] { evaluate_value(y, feeds); });
}

TEST_F(SparseOps, RefuseWhatDoesNotFitWhereItIsWritten) {
  const SparseValue x = sparse_constant(graph_, sparse_);
  expect_error(ErrorCode::shape_mismatch, {"sparse_matmul", "[4, n]", "f64[3, 4]", "sparse_test.cpp"},
               [&] { matmul(x, constant(graph_, dense_)); });
  expect_error(ErrorCode::dtype_mismatch, {"values", "f32", "f64[5]", "sparse_test.cpp"},
               [&] { matmul(x, input(graph_, "w", f32, {4, 2})); });
  expect_error(ErrorCode::shape_mismatch, {"'x'", "a number as the width", "[3, wide]", "sparse_test.cpp"},
               [&] { sparse_input(graph_, "x", f32, {3, "wide"}, "room"); });
  expect_error(ErrorCode::dtype_mismatch, {"'x'", "f32, f64 or u8", "i32", "sparse_test.cpp"},
               [&] { sparse_input(graph_, "x", i32, {3, 4}, "room"); });
}

}  // namespace
}  // namespace weft
