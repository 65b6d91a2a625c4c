#include "weft/ops/matmul.h"

#include <gtest/gtest.h>

#include "weft/graph/passes/standard.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
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
using Numbers = std::vector<double>;

TEST(MatMul, MultipliesMatrices) {
  for (const DType dtype : {f32, f64}) {
    Graph graph;
    const Value a = cast(constant(graph, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {2, 3})), dtype);
    const Value b = cast(constant(graph, Tensor::of<double>({7, 8, 9, 10, 11, 12}, {3, 2})), dtype);
    const Value c = matmul(a, b);
    EXPECT_EQ(c.type(), (TensorType{dtype, {2, 2}}));
    EXPECT_EQ(numbers(evaluate_value(c)), (Numbers{58, 64, 139, 154}));
  }
}

TEST(MatMul, TakesOperandsTransposed) {
  Graph graph;
  const Value a = constant(graph, Tensor::of<double>({1, 2, 3, 4, 5, 6}, {2, 3}));
  const Value b = constant(graph, Tensor::of<double>({7, 8, 9, 10, 11, 12}, {3, 2}));
  const Numbers product{58, 64, 139, 154};
  EXPECT_EQ(numbers(evaluate_value(matmul(transpose(a), b, true, false))), product);
  EXPECT_EQ(numbers(evaluate_value(matmul(a, transpose(b), false, true))), product);
  EXPECT_EQ(numbers(evaluate_value(matmul(transpose(a), transpose(b), true, true))), product);
  EXPECT_EQ(numbers(evaluate_value(matmul(a, a, false, true))), (Numbers{14, 32, 32, 77}));
}

struct ShapeRow {
  Shape a;
  Shape b;
  Shape c;
  bool transpose_a;
  bool transpose_b;
};

TEST(MatMul, InfersItsShape) {
  const std::vector<ShapeRow> rows = {
      {{2, 3}, {3, 4}, {2, 4}, false, false},
      {{3, 2}, {3, 4}, {2, 4}, true, false},
      {{2, 3}, {4, 3}, {2, 4}, false, true},
      {{3, 2}, {4, 3}, {2, 4}, true, true},
      {{5, 2, 3}, {3, 4}, {5, 2, 4}, false, false},
      {{2, 3}, {5, 3, 4}, {5, 2, 4}, false, false},
      {{6, 1, 2, 3}, {5, 3, 4}, {6, 5, 2, 4}, false, false},
      {{"batch", 3}, {3, 4}, {"batch", 4}, false, false},
      {{"batch", 3}, {"batch", 4}, {3, 4}, true, false},
      {{"batch", 2, 3}, {3, 4}, {"batch", 2, 4}, false, false},
      {{0, 3}, {3, 4}, {0, 4}, false, false},
      {{2, 0}, {0, 4}, {2, 4}, false, false},
  };
  for (const ShapeRow& row : rows) {
    Graph graph;
    const Value c = matmul(input(graph, "a", f32, row.a), input(graph, "b", f32, row.b), row.transpose_a,
                           row.transpose_b);
    EXPECT_EQ(c.shape(), row.c) << to_string(row.a) << " times " << to_string(row.b);
  }
}

TEST(MatMul, RejectsMismatchedInnerDimensions) {
  Graph graph;
  const Value a = input(graph, "a", f32, {2, 3});
  const Value b = input(graph, "b", f32, {2, 4});
  expect_error(ErrorCode::shape_mismatch,
               {"matmul", "inner dimensions differ: 3 and 2", "f32[2, 3] and f32[2, 4]", "matmul_test.cpp"},
               [&] { matmul(a, b); });
  expect_error(ErrorCode::shape_mismatch, {"inner dimensions differ: 2 and 4"},
               [&] { matmul(a, b, true, true); });
  EXPECT_NO_THROW(matmul(a, b, true, false));
  expect_error(ErrorCode::shape_mismatch, {"inner dimensions differ: batch and 3"},
               [&] { matmul(input(graph, "c", f32, {2, "batch"}), input(graph, "d", f32, {3, 4})); });
}

TEST(MatMul, RejectsVectorsOtherDTypesAndLeadingAxesThatDoNotBroadcast) {
  Graph graph;
  const Value a = input(graph, "a", f32, {2, 3});
  expect_error(ErrorCode::shape_mismatch, {"at least two axes", "f32[2, 3] and f32[3]"},
               [&] { matmul(a, input(graph, "v", f32, {3})); });
  expect_error(ErrorCode::shape_mismatch, {"at least two axes"},
               [&] { matmul(input(graph, "s", f32, {}), a); });
  expect_error(ErrorCode::dtype_mismatch, {"one floating dtype", "f32[2, 3] and f64[3, 2]"},
               [&] { matmul(a, input(graph, "w", f64, {3, 2})); });
  expect_error(ErrorCode::dtype_mismatch, {"one floating dtype", "i32"},
               [&] { matmul(input(graph, "i", i32, {2, 2}), input(graph, "j", f32, {2, 2})); });
  expect_error(ErrorCode::shape_mismatch, {"matmul", "do not broadcast"},
               [&] { matmul(input(graph, "x", f32, {2, 2, 3}), input(graph, "y", f32, {3, 3, 4})); });
}

TEST(MatMul, OfIntegersWrapsAround) {
  Graph graph;
  const Value a = constant(graph, Tensor::of<std::int32_t>({1, 2, 3, 4, 5, 6}, {2, 3}));
  const Value b = constant(graph, Tensor::of<std::int32_t>({1, 0, -1, 2, 3, 1}, {3, 2}));
  EXPECT_TRUE(identical(evaluate_value(matmul(a, b)), Tensor::of<std::int32_t>({8, 7, 17, 16}, {2, 2})));
  EXPECT_TRUE(
      identical(evaluate_value(matmul(b, a, true, true)), Tensor::of<std::int32_t>({8, 17, 7, 16}, {2, 2})));
  const Value bytes = constant(graph, Tensor::of<std::uint8_t>({200, 100}, {1, 2}));
  EXPECT_TRUE(
      identical(evaluate_value(matmul(bytes, bytes, false, true)),
                Tensor::of<std::uint8_t>({static_cast<std::uint8_t>((40000 + 10000) % 256)}, {1, 1})));
  const Value batch = constant(graph, Tensor::of<std::int64_t>({1, 2, 3, 4}, {2, 1, 2}));
  const Value one = constant(graph, Tensor::of<std::int64_t>({10, 1}, {2, 1}));
  EXPECT_TRUE(identical(evaluate_value(matmul(batch, one)), Tensor::of<std::int64_t>({12, 34}, {2, 1, 1})));
  expect_error(ErrorCode::shape_mismatch, {"matmul", "inner dimensions differ: 3 and 2", "matmul_test.cpp"},
               [&] { matmul(a, a); });
  expect_error(ErrorCode::dtype_mismatch, {"i32[2, 3] and i64[2, 1]"}, [&] { matmul(a, one); });
}

TEST(MatMul, IsZeroWithoutInnerElementsAndEmptyWithoutRows) {
  Graph graph;
  const auto zeros = [&](std::initializer_list<std::int64_t> sizes) {
    return constant(graph, Tensor::zeros(f64, sizes));
  };
  EXPECT_EQ(numbers(evaluate_value(matmul(zeros({2, 0}), zeros({0, 2})))), (Numbers{0, 0, 0, 0}));
  EXPECT_EQ(evaluate_value(matmul(zeros({0, 3}), zeros({3, 2}))).elements(), 0);
  EXPECT_EQ(evaluate_value(matmul(zeros({0, 2, 3}), zeros({3, 2}))).elements(), 0);
}

TEST(MatMul, BroadcastsLeadingAxesLikeTheirMatricesOneByOne) {
  SCOPED_TRACE(replay());
  TensorSource source("batched");
  for (int round = 0; round < 30; ++round) {
    const Sizes batch = source.sizes(source.below(3), 3);
    const Sizes left_batch = source.broadcastable_to(batch);
    Graph graph;
    const auto with_matrix = [](Sizes sizes, std::int64_t rows, std::int64_t columns) {
      sizes.push_back(rows);
      sizes.push_back(columns);
      return sizes;
    };
    const Tensor a = source.uniform(with_matrix(left_batch, 2, 3));
    const Tensor b = source.uniform(with_matrix(batch, 3, 2));
    const Tensor c = evaluate_value(matmul(constant(graph, a), constant(graph, b)));
    ASSERT_EQ(sizes_of(c), with_matrix(batch, 2, 2));
    const Value wide_a = broadcast_to(constant(graph, a), Shape::of(with_matrix(batch, 2, 3)));
    const Sizes flat{c.elements() / 4, 2, 3};
    const Tensor all_a = evaluate_value(reshape(wide_a, Shape::of(flat)));
    const Tensor all_b = b.reshaped(Sizes{flat[0], 3, 2});
    for (std::int64_t i = 0; i < flat[0]; ++i) {
      const Tensor one = evaluate_value(matmul(constant(graph, all_a.rows(i, 1).reshaped(Sizes{2, 3})),
                                               constant(graph, all_b.rows(i, 1).reshaped(Sizes{3, 2}))));
      EXPECT_EQ(numbers(one), numbers(c.reshaped(Sizes{flat[0], 2, 2}).rows(i, 1)));
    }
  }
}

TEST(MatMul, TakesTheLastTwoAxesOfALongerTransposeUpon) {
  TensorSource source("transposed operands");
  Graph graph;
  const Value a = constant(graph, source.uniform({2, 3, 4, 5}, -1.0, 1.0, f64));
  const Value b = constant(graph, source.uniform({2, 6, 4, 5}, -1.0, 1.0, f64));
  // Heads in front, and the keys transposed: what is left of both transposes moves whole rows.
  const Value product = matmul(transpose(a, {0, 2, 1, 3}), transpose(b, {0, 2, 3, 1}));
  const Program simple = simplify().run(extract(graph, {{product}}));
  const Node& root = simple.graph->node(simple.roots[0].node());
  ASSERT_TRUE(root.op.is<MatMul>());
  EXPECT_TRUE(root.op.as<MatMul>()->transpose_b);
  for (const ValueId& operand : root.inputs) {
    const auto* moved = simple.graph->node(operand.node).op.as<Transpose>();
    ASSERT_NE(moved, nullptr);
    EXPECT_EQ(moved->permutation, (std::vector<std::int64_t>{0, 2, 1, 3}));
  }
  EXPECT_EQ(numbers(evaluate_value(simple.roots[0])), numbers(evaluate_value(product)));
}

}  // namespace
}  // namespace weft
