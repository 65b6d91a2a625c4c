// Arrangements of elements: padding, repetition, order, diagonals.

#include "weft/ops/structure.h"

#include <gtest/gtest.h>

#include "weft/ops/series.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/graph_numbers.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::expect_near;
using testing_support::numbers;
using testing_support::numbers_of;
using testing_support::slopes_of;
using testing_support::vector_of;
using Numbers = std::vector<double>;
using Build = std::function<Value(const Value&)>;

Tensor counted_matrix() { return vector_of({1, 2, 3, 4, 5, 6}).reshaped({2, 3}); }

TEST(Pad, HasTheFourModesOfNumPy) {
  const Tensor x = vector_of({1, 2, 3});
  const auto padded = [&](PadMode mode) {
    return numbers_of([&](const Value& v) { return pad(v, {{2, 1}}, mode, 9); }, x);
  };
  expect_near(padded(PadMode::constant), {9, 9, 1, 2, 3, 9});
  expect_near(padded(PadMode::edge), {1, 1, 1, 2, 3, 3});
  expect_near(padded(PadMode::reflect), {3, 2, 1, 2, 3, 2});
  expect_near(padded(PadMode::wrap), {2, 3, 1, 2, 3, 1});
}

TEST(Pad, SendsTheGradientBackToWhatWasRepeated) {
  const auto slopes = [&](PadMode mode) {
    return slopes_of([&](const Value& v) { return pad(v, {{2, 1}}, mode); }, vector_of({1, 2, 3}));
  };
  expect_near(slopes(PadMode::constant), {1, 1, 1});
  expect_near(slopes(PadMode::edge), {3, 1, 2});
  expect_near(slopes(PadMode::reflect), {1, 3, 2});
  expect_near(slopes(PadMode::wrap), {2, 2, 2});
}

TEST(Pad, CountsAxesFromTheLastAndTakesSymbols) {
  expect_near(numbers_of([](const Value& v) { return pad(v, {{1, 0}}, PadMode::edge); }, counted_matrix()),
              {1, 1, 2, 3, 4, 4, 5, 6});
  expect_near(numbers_of([](const Value& v) { return pad(v, {{1, 0}, {0, 1}}); }, counted_matrix()),
              {0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0});
  Graph graph;
  const Value x = input(graph, "x", f32, {"n", 3});
  EXPECT_EQ(to_string(pad(x, {{1, 2}, {0, 0}}, PadMode::wrap).shape()), "[n + 3, 3]");
  EXPECT_EQ(to_string(pad(x, {{1, 2}, {0, 0}}).shape()), "[n + 3, 3]");
}

TEST(Pad, TakesIntegersBeyondTheDigitsOfADouble) {
  constexpr std::int64_t kLarge = (std::int64_t{1} << 53) + 1;
  Graph graph;
  const Value x = constant(graph, Tensor::of<std::int64_t>({7}));
  const Tensor padded = evaluate_value(pad(x, {{1, 0}}, PadMode::constant, kLarge));
  EXPECT_EQ(padded.values<std::int64_t>()[0], kLarge);
  EXPECT_FALSE(Op(Pad{{1}, {1}, kLarge}) == Op(Pad{{1}, {1}, kLarge - 1}));
  expect_error(ErrorCode::dtype_mismatch, {"pad", "u8", "256"},
               [&] { pad(cast(x, u8), {{1, 0}}, PadMode::constant, 256); });
}

TEST(Pad, RefusesWidthsThatDoNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 3});
  expect_error(ErrorCode::invalid_argument, {"pad", "more axes", "structure_test.cpp"},
               [&] { pad(x, {{1, 1}, {1, 1}, {1, 1}}); });
  expect_error(ErrorCode::invalid_argument, {"pad", "negative"}, [&] { pad(x, {{-1, 1}}); });
  expect_error(ErrorCode::out_of_range, {"slice does not fit"}, [&] { pad(x, {{3, 0}}, PadMode::reflect); });
  expect_error(ErrorCode::dtype_mismatch, {"pad"},
               [&] { pad(input(graph, "i", i32, {2}), {{1, 1}}, {}, 0.5); });
}

TEST(Axes, ComeAndGoAndMove) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n", 1, 3});
  EXPECT_EQ(to_string(expand_dims(x, 0).shape()), "[1, n, 1, 3]");
  EXPECT_EQ(to_string(expand_dims(x, -1).shape()), "[n, 1, 3, 1]");
  EXPECT_EQ(to_string(squeeze(x, 1).shape()), "[n, 3]");
  EXPECT_EQ(to_string(move_axis(x, 0, -1).shape()), "[1, 3, n]");
  expect_error(ErrorCode::shape_mismatch, {"squeeze", "axis 2"}, [&] { squeeze(x, -1); });
}

TEST(Tile, RepeatsTheWholeAndRepeatEachElement) {
  expect_near(numbers_of([](const Value& v) { return tile(v, {2}); }, vector_of({1, 2})), {1, 2, 1, 2});
  expect_near(numbers_of([](const Value& v) { return tile(v, {2, 1}); }, vector_of({1, 2})), {1, 2, 1, 2});
  expect_near(numbers_of([](const Value& v) { return tile(v, {1, 2}); }, counted_matrix()),
              {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
  expect_near(numbers_of([](const Value& v) { return repeat(v, 2, 0); }, vector_of({1, 2})), {1, 1, 2, 2});
  expect_near(slopes_of([](const Value& v) { return repeat(v, 3, 1); }, counted_matrix()),
              {3, 3, 3, 3, 3, 3});
}

TEST(Flip, ReversesAxes) {
  expect_near(numbers_of([](const Value& v) { return flip(v); }, counted_matrix()), {6, 5, 4, 3, 2, 1});
  expect_near(numbers_of([](const Value& v) { return flip(v, {0}); }, counted_matrix()), {4, 5, 6, 1, 2, 3});
  expect_near(numbers_of([](const Value& v) { return flip(v, {-1}); }, counted_matrix()), {3, 2, 1, 6, 5, 4});
}

TEST(Roll, MovesAroundTheEnd) {
  const auto rolled = [](std::int64_t shift) {
    return numbers_of([&](const Value& v) { return roll(v, shift, 0); }, vector_of({1, 2, 3, 4}));
  };
  expect_near(rolled(1), {4, 1, 2, 3});
  expect_near(rolled(-1), {2, 3, 4, 1});
  expect_near(rolled(9), {4, 1, 2, 3});
  expect_near(rolled(0), {1, 2, 3, 4});
}

TEST(Split, CutsAnAxisAndStackJoinsOnANewOne) {
  const Build swapped = [](const Value& v) {
    const auto parts = split(v, 3, 1);
    return concat({parts[2], parts[0], parts[1]}, 1);
  };
  expect_near(numbers_of(swapped, counted_matrix()), {3, 1, 2, 6, 4, 5});
  expect_near(numbers_of([](const Value& v) { return split(v, {1, 2}, -1)[1]; }, counted_matrix()),
              {2, 3, 5, 6});
  const Build turned = [](const Value& v) { return stack(unstack(v, 0), -1); };
  expect_near(numbers_of(turned, counted_matrix()), {1, 4, 2, 5, 3, 6});
  Graph graph;
  const Value x = input(graph, "x", f32, {4, 3});
  expect_error(ErrorCode::shape_mismatch, {"split", "multiple of 2", "structure_test.cpp"},
               [&] { split(x, 2, 1); });
  expect_error(ErrorCode::shape_mismatch, {"split", "add up"}, [&] { split(x, {1, 1}, 0); });
  EXPECT_EQ(to_string(split(input(graph, "y", f32, {"n", 4}), 2, 1)[0].shape()), "[n, 2]");
}

TEST(Triangles, KeepOneSideOfADiagonal) {
  const Tensor x = vector_of({1, 2, 3, 4, 5, 6, 7, 8, 9}).reshaped({3, 3});
  expect_near(numbers_of([](const Value& v) { return tril(v); }, x), {1, 0, 0, 4, 5, 0, 7, 8, 9});
  expect_near(numbers_of([](const Value& v) { return tril(v, 1); }, x), {1, 2, 0, 4, 5, 6, 7, 8, 9});
  expect_near(numbers_of([](const Value& v) { return triu(v, 1); }, x), {0, 2, 3, 0, 0, 6, 0, 0, 0});
  expect_near(slopes_of([](const Value& v) { return triu(v, -1); }, x), {1, 1, 1, 1, 1, 1, 0, 1, 1});
}

TEST(Diag, PutsAVectorOnADiagonalAndTakesItOff) {
  expect_near(numbers_of([](const Value& v) { return diag(v); }, vector_of({1, 2})), {1, 0, 0, 2});
  expect_near(numbers_of([](const Value& v) { return diag(v, 1); }, vector_of({1, 2})),
              {0, 1, 0, 0, 0, 2, 0, 0, 0});
  expect_near(numbers_of([](const Value& v) { return diag(v, -1); }, vector_of({7})), {0, 0, 7, 0});
  expect_near(numbers_of([](const Value& v) { return diagonal(v); }, counted_matrix()), {1, 5});
  expect_near(numbers_of([](const Value& v) { return diagonal(v, 1); }, counted_matrix()), {2, 6});
  expect_near(numbers_of([](const Value& v) { return diagonal(v, -1); }, counted_matrix()), {4});
  expect_near(numbers_of([](const Value& v) { return diagonal(v, 3); }, counted_matrix()), {});
  expect_near(numbers_of([](const Value& v) { return trace(v); }, counted_matrix()), {6});
  for (const std::int64_t k : {-2, 0, 1})
    expect_near(numbers_of([k](const Value& v) { return diagonal(diag(v, k), k); }, vector_of({1, 2, 3})),
                {1, 2, 3});
}

TEST(Positions, HaveNoGradientToStumbleOver) {
  const Build weighted = [](const Value& v) { return v * cast(positions(v), f64); };
  expect_near(slopes_of(weighted, vector_of({5, 6, 7})), {0, 1, 2});
}

TEST(Positions, FollowASymbolicAxis) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n", 2});
  const Value y = tril(reshape(cast(positions(x), f32) + 1.0, {"n", 1}) * full(graph, {1, 3}, 1.0));
  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {y}, .updates = {}});
  expect_near(numbers(function({Tensor::zeros(f32, {2, 2})})[0]), {1, 0, 0, 2, 2, 0});
  expect_near(numbers(function({Tensor::zeros(f32, {3, 2})})[0]), {1, 0, 0, 2, 2, 0, 3, 3, 3});
}

}  // namespace
}  // namespace weft
