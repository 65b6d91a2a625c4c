#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/autodiff/gradients.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::sizes_of;
using testing_support::vector_of;
using DTypeNumbers = std::vector<double>;

constexpr std::array kIntegers{i8, i16, i32, i64, u8, u16, u32, u64};
constexpr std::array kHalves{f16, bf16};

/// By a session, which runs the fast kernels where there are some.
Tensor by_session(const Value& value) {
  Session session(value.graph());
  return session.compile({.inputs = {}, .outputs = {value}, .updates = {}})(std::span<const Tensor>{})[0];
}

void expect_both(const Value& value, const DTypeNumbers& expected) {
  EXPECT_EQ(numbers(evaluate_value(value)), expected) << to_string(value.type());
  EXPECT_EQ(numbers(by_session(value)), expected) << "in a session, " << to_string(value.type());
}

TEST(ElementTypes, CastFromEachToEach) {
  for (const DType from : kDTypes) {
    for (const DType to : kDTypes) {
      Graph graph;
      const Tensor x = vector_of({0, 1, 1, 0, 1}, from);
      expect_both(cast(constant(graph, x), to), {0, 1, 1, 0, 1});
      EXPECT_EQ(cast(constant(graph, x), to).dtype(), to);
    }
  }
}

TEST(ElementTypes, CastsOfIntegersKeepTheLowBits) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<std::int64_t>({-1, 300, 65'535, 4'294'967'297}));
  expect_both(cast(x, i8), {-1, 44, -1, 1});
  expect_both(cast(x, u8), {255, 44, 255, 1});
  expect_both(cast(x, i16), {-1, 300, -1, 1});
  expect_both(cast(x, u16), {65'535, 300, 65'535, 1});
  expect_both(cast(x, u32), {4'294'967'295, 300, 65'535, 1});
  expect_both(cast(x, u64), {0x1p64, 300, 65'535, 4'294'967'297});
}

TEST(ElementTypes, CastsOfFloatsStayInRange) {
  Graph graph;
  const double nan = std::nan("");
  const Value x = constant(graph, Tensor::of<double>({-1e30, -1.9, 2.9, 1e30, nan}));
  expect_both(cast(x, i8), {-128, -1, 2, 127, 0});
  expect_both(cast(x, i16), {-32'768, -1, 2, 32'767, 0});
  expect_both(cast(x, u16), {0, 0, 2, 65'535, 0});
  expect_both(cast(x, u32), {0, 0, 2, 4'294'967'295, 0});
  expect_both(cast(x, u64), {0, 0, 2, 0x1p64, 0});
  for (const DType half : kHalves)
    expect_both(cast(cast(clip(x, -200, 200), half), i8), {-128, -1, 2, 127, 0});
}

/// `number` in a dtype by the definition of wrapping: modulo 2 to the power of its bits.
double wrapped(std::int64_t number, DType dtype) {
  double result = 0.0;
  visit_dtype(dtype, [&]<typename T>(T) {
    if constexpr (std::is_integral_v<T>) result = static_cast<double>(static_cast<T>(number));
  });
  return result;
}

TEST(ElementTypes, IntegersWrapAround) {
  for (const DType dtype : kIntegers) {
    if (size_of(dtype) == 8) continue;  // see the limits below
    const std::int64_t bits = 8 * static_cast<std::int64_t>(size_of(dtype));
    const std::int64_t low = is_signed(dtype) ? -(std::int64_t{1} << (bits - 1)) : 0;
    const std::int64_t high = (std::int64_t{1} << (is_signed(dtype) ? bits - 1 : bits)) - 1;
    const std::vector<std::int64_t> edges{low, high, 1, 3, high - 1};
    const auto of = [&](const std::vector<std::int64_t>& list) {
      return vector_of(DTypeNumbers(list.begin(), list.end()), dtype);
    };
    for (const std::int64_t other : edges) {
      Graph graph;
      const Value a = constant(graph, of(edges));
      const Value b = constant(graph, of(std::vector(edges.size(), other)));
      const auto expected = [&](auto f) {
        DTypeNumbers all;
        for (const std::int64_t edge : edges) all.push_back(wrapped(f(edge, other), dtype));
        return all;
      };
      using I = std::int64_t;
      expect_both(a + b, expected([](I x, I y) { return x + y; }));
      expect_both(a - b, expected([](I x, I y) { return x - y; }));
      expect_both(a * b, expected([](I x, I y) {
                    return static_cast<I>(static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(y));
                  }));
      expect_both(maximum(a, b), expected([](I x, I y) { return std::max(x, y); }));
      if (other != 0) expect_both(integer_divide(a, b), expected([](I x, I y) { return x / y; }));
      expect_both(bitwise_xor(a, b), expected([](I x, I y) { return x ^ y; }));
      if (is_signed(dtype)) expect_both(-a, expected([](I x, I) { return -x; }));
      if (is_signed(dtype)) expect_both(abs(a), expected([](I x, I) { return std::abs(x); }));
    }
    Graph graph;
    const Value x = constant(graph, of({high, high, 2}));
    EXPECT_EQ(numbers(by_session(sum(x)))[0], wrapped(2 * high + 2, dtype));
    EXPECT_EQ(numbers(by_session(max(x)))[0], static_cast<double>(high));
    EXPECT_EQ(numbers(by_session(min(x)))[0], 2.0);
    expect_both(argmax(x), {0});
    expect_both(sort(x), {2, static_cast<double>(high), static_cast<double>(high)});
    expect_both(cumsum(x),
                {static_cast<double>(high), wrapped(2 * high, dtype), wrapped(2 * high + 2, dtype)});
  }
}

TEST(ElementTypes, TheLargestIntegersOf64BitsAreExact) {
  Graph graph;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const Value x = constant(graph, Tensor::of<std::uint64_t>({kMost, kMost - 1, 1}));
  const Value one = constant(graph, 1, u64);
  EXPECT_TRUE(identical(by_session(x + one), Tensor::of<std::uint64_t>({0, kMost, 2})));
  EXPECT_TRUE(identical(by_session(sort(x)), Tensor::of<std::uint64_t>({1, kMost - 1, kMost})));
  EXPECT_TRUE(identical(by_session(greater(x, one)), Tensor::of<bool>({true, true, false})));
  EXPECT_TRUE(identical(by_session(constant(graph, kMost, u64)), Tensor::scalar(kMost)));
  EXPECT_TRUE(identical(by_session(max(x)), Tensor::scalar(kMost)));
  EXPECT_EQ(to_string(evaluate_value(x)), "u64[3] {18446744073709551615, 18446744073709551614, 1}");
}

TEST(ElementTypes, EveryOneCanBeMoved) {
  for (const DType dtype : kDTypes) {
    SCOPED_TRACE(name_of(dtype));
    Graph graph;
    const DTypeNumbers elements =
        dtype == boolean ? DTypeNumbers{0, 1, 1, 0, 0, 1} : DTypeNumbers{0, 1, 2, 3, 4, 5};
    const auto at = [&](std::initializer_list<int> places) {
      DTypeNumbers all;
      for (const int place : places)
        all.push_back(place < 0 ? 0.0 : elements[static_cast<std::size_t>(place)]);
      return all;
    };
    const Value x = constant(graph, vector_of(elements, dtype).reshaped({2, 3}));
    const Value rows = constant(graph, Tensor::of<std::int64_t>({1, 0}));
    expect_both(transpose(x), at({0, 3, 1, 4, 2, 5}));
    expect_both(slice(x, 1, 1, 3), at({1, 2, 4, 5}));
    expect_both(concat({x, x}, 0), at({0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}));
    expect_both(flip(x, {0, 1}), at({5, 4, 3, 2, 1, 0}));
    expect_both(pad(x, {{1, 0}}), at({-1, 0, 1, 2, -1, 3, 4, 5}));
    expect_both(gather(x, rows), at({3, 4, 5, 0, 1, 2}));
    expect_both(take_along_axis(x, constant(graph, Tensor::of<std::int32_t>({2, 0}, {2, 1})), 1), at({2, 3}));
    expect_both(scatter_nd(x, expand_dims(rows, -1), x, Reduction::set), at({3, 4, 5, 0, 1, 2}));
    expect_both(broadcast_to(slice(x, 0, 1, 2), Shape{2, 3}), at({3, 4, 5, 3, 4, 5}));
    expect_both(where(constant(graph, Tensor::of<bool>({true, false, true})), x, flip(x, {0})),
                at({0, 4, 2, 3, 1, 5}));
    expect_both(equal(x, x), {1, 1, 1, 1, 1, 1});
    EXPECT_EQ(numbers(evaluate_value(sort(reshape(x, Shape{6}), 0, true)))[0], dtype == boolean ? 1.0 : 5.0);
    EXPECT_EQ(evaluate_value(one_hot(rows, 2, dtype)).dtype(), dtype);
    EXPECT_EQ(numbers(evaluate_value(one_hot(rows, 2, dtype))), (DTypeNumbers{0, 1, 1, 0}));
  }
}

TEST(ElementTypes, SortingBringsNaNsOf16BitsLast) {
  for (const DType dtype : kHalves) {
    Graph graph;
    const auto sorted =
        numbers(evaluate_value(sort(constant(graph, vector_of({std::nan(""), 2, -1}, dtype)))));
    EXPECT_EQ(sorted[0], -1);
    EXPECT_EQ(sorted[1], 2);
    EXPECT_TRUE(std::isnan(sorted[2]));
  }
}

TEST(ElementTypes, IndicesAreOfThreeDTypes) {
  for (const DType dtype : kDTypes) {
    Graph graph;
    const Value table = constant(graph, Tensor::of<float>({1, 2}, {2, 1}));
    const Value indices = constant(graph, vector_of({1, 0}, dtype));
    if (is_index(dtype)) {
      expect_both(gather(table, indices), {2, 1});
    } else {
      expect_error(ErrorCode::dtype_mismatch, {"indices must be integers", "i32, i64 or u8", name_of(dtype)},
                   [&] { gather(table, indices); });
    }
  }
}

TEST(ElementTypes, ArithmeticOn16BitsNamesCast) {
  for (const DType dtype : kHalves) {
    Graph graph;
    const Value x = input(graph, "x", dtype, {2, 2});
    const std::string text =
        std::string(name_of(dtype)) + ", which is stored and not computed with; cast it to f32 first";
    expect_error(ErrorCode::dtype_mismatch, {"add", text}, [&] { x + x; });
    expect_error(ErrorCode::dtype_mismatch, {"exp", text}, [&] { exp(x); });
    expect_error(ErrorCode::dtype_mismatch, {"sum", text}, [&] { sum(x); });
    expect_error(ErrorCode::dtype_mismatch, {"scatter_nd", text}, [&] {
      scatter_nd(x, constant(graph, Tensor::of<std::int32_t>({0}, {1, 1})), slice(x, 0, 0, 1),
                 Reduction::add);
    });
  }
}

TEST(ElementTypes, GradientsFlowThroughCastsTo16Bits) {
  for (const DType dtype : kHalves) {
    Graph graph;
    const Value x = constant(graph, Tensor::of<float>({1, 2, 3}));
    const Value half = cast(x, dtype);
    const Value wide = cast(half, f32);
    const Value turned = cast(flip(half, {0}), f32);
    const Value loss = sum(wide * wide) + sum(turned);
    const auto found = gradients(loss, {x, half});
    expect_both(found[0], {3, 5, 7});
    EXPECT_EQ(found[1].dtype(), f32) << "where sums of several uses have room";
    expect_both(found[1], {3, 5, 7});
  }
}

TEST(ElementTypes, GradientsThroughGatherAndSortOf16BitsAreSums) {
  Graph graph;
  const Value table = constant(graph, vector_of({3, 1, 2}, bf16).reshaped({3, 1}));
  const Value rows = gather(table, constant(graph, Tensor::of<std::int32_t>({1, 1, 0})));
  expect_both(gradient(sum(cast(rows, f32)), table), {1, 2, 0});
  const Value sorted = cast(sort(table, 0), f32);
  expect_both(gradient(sum(sorted * constant(graph, Tensor::of<float>({1, 10, 100}, {3, 1}))), table),
              {100, 1, 10});
}

TEST(ElementTypes, MatMulOf16BitsAddsInF32) {
  for (const DType dtype : kHalves) {
    Graph graph;
    // Sums that neither dtype holds.
    const Value a = cast(constant(graph, Tensor::of<float>({256, 1, 255, 2}, {2, 2})), dtype);
    const Value b = cast(constant(graph, Tensor::of<float>({1, 3, 1, 5}, {2, 2})), dtype);
    const Value c = matmul(a, b);
    EXPECT_EQ(c.dtype(), f32);
    expect_both(c, {257, 773, 257, 775});
    const Value wide = constant(graph, Tensor::of<float>({1.0F / 3.0F, 0, 0, 1}, {2, 2}));
    expect_both(matmul(wide, b), {1.0F / 3.0F, 1, 1, 5});
    const auto slopes = gradients(sum(matmul(wide, b)), {wide, b});
    expect_both(slopes[0], {4, 6, 4, 6});
    EXPECT_EQ(slopes[1].dtype(), f32);
    expect_both(slopes[1], {1.0F / 3.0F, 1.0F / 3.0F, 1, 1});
    expect_error(ErrorCode::dtype_mismatch, {"matmul", "f32, f16 and bf16"},
                 [&] { matmul(a, cast(b, f64)); });
  }
}

}  // namespace
}  // namespace weft
