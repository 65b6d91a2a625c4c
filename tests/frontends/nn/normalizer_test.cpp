// Data brought to one scale, and pictures whose pixels are compared with what lies around them.

#include "weft/frontends/nn/normalizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn/layer.h"
#include "weft/frontends/nn/morphology.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::TemporaryFolder;
using Numbers = std::vector<double>;

void expect_scaled(const Numbers& actual, const Numbers& wanted, double tolerance = 1e-14) {
  ASSERT_EQ(actual.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(actual[i], wanted[i], tolerance) << i;
}

const Tensor kRowsToScale = Tensor::of({1.0, 7.0, 10.0, 3.0, 7.0, 20.0, 5.0, 7.0, 60.0}, {3, 3});

TEST(Standardizer, HasMeanAndVarianceOfItsData) {
  Graph graph;
  const nn::Normalizer layer = nn::standardizer(graph, "scale", kRowsToScale, f64);
  const Value x = input(graph, "x", f64, {"batch", 3});
  const Value y = layer(x);
  Session session(graph);
  const Function f = session.compile({.inputs = {x}, .outputs = {y, layer.inverse(y)}});
  const Outputs made = f({kRowsToScale});
  const double deviation = std::sqrt(8.0 / 3.0);
  EXPECT_NEAR(numbers(made[0])[0], -2.0 / deviation, 1e-12);
  EXPECT_NEAR(numbers(made[0])[1], 0.0, 1e-12);  // what does not vary is only shifted
  EXPECT_NEAR(numbers(made[0])[8], 30.0 / std::sqrt((400.0 + 100 + 900) / 3.0), 1e-12);
  expect_scaled(numbers(made[1]), numbers(kRowsToScale), 1e-12);
  EXPECT_TRUE(nn::parameters(layer).empty());
  EXPECT_EQ(nn::buffers(layer).size(), 2U);
  // It is saved with a model, and another one takes it.
  const TemporaryFolder folder;
  session.save_weights(folder / "model.safetensors");
  Graph other;
  const nn::Normalizer again = nn::standardizer(other, "scale", Tensor::zeros(f64, {1, 3}), f64);
  const Value z = input(other, "x", f64, {"batch", 3});
  Session fresh(other);
  fresh.load_weights(folder / "model.safetensors");
  expect_scaled(numbers(fresh.compile({.inputs = {z}, .outputs = {again(z)}})({kRowsToScale})[0]),
                numbers(made[0]));
}

TEST(MinMaxScaler, ReachesBothEnds) {
  Graph graph;
  const nn::Normalizer layer = nn::min_max_scaler(graph, "scale", kRowsToScale, -1.0, 1.0, f64);
  Session session(graph);
  const Numbers y = numbers(session.compile({.outputs = {layer(constant(graph, kRowsToScale))}})()[0]);
  expect_scaled({y[0], y[3], y[6]}, {-1, 0, 1}, 1e-12);
  expect_scaled({y[2], y[5], y[8]}, {-1, -0.6, 1}, 1e-12);
  const Tensor bytes = Tensor::of<std::uint8_t>({0, 255}, {2, 1});
  const nn::Normalizer of_bytes = nn::min_max_scaler(graph, "bytes", bytes);
  Session other(graph);
  EXPECT_EQ(numbers(other.compile({.outputs = {of_bytes(constant(graph, bytes))}})()[0]), (Numbers{0, 1}));
}

TEST(Normalizers, SayWhatDoesNotFit) {
  Graph graph;
  expect_error(ErrorCode::numeric, {"standardizer", "feature 1", "normalizer_test.cpp"},
               [&] { nn::standardizer(graph, "a", Tensor::of({1.0, std::nan("")}, {1, 2})); });
  expect_error(ErrorCode::invalid_argument, {"no data"},
               [&] { nn::standardizer(graph, "a", Tensor::zeros(f32, {0, 2})); });
  expect_error(ErrorCode::shape_mismatch, {"[n, features]"},
               [&] { nn::standardizer(graph, "a", Tensor::of({1.0})); });
  expect_error(ErrorCode::invalid_argument, {"min_max_scaler", "low < high"},
               [&] { nn::min_max_scaler(graph, "a", kRowsToScale, 1.0, 1.0); });
  EXPECT_TRUE(graph.states().empty());
  const nn::Normalizer layer = nn::standardizer(graph, "a", kRowsToScale);
  expect_error(ErrorCode::shape_mismatch, {"normalizer", "f32[..., 3]", "normalizer_test.cpp"},
               [&] { layer(constant(graph, Tensor::of({1.0F}))); });
  expect_error(ErrorCode::dtype_mismatch, {"f64"}, [&] { layer(constant(graph, kRowsToScale)); });
}

TEST(Morphology, TakesTheLargestAndTheLeastAround) {
  Graph graph;
  const Value x = constant(graph, Tensor::of({1.0, 5.0, 2.0, 0.0, 3.0, 4.0, 7.0, 1.0, 6.0}, {1, 1, 3, 3}));
  const Value w = constant(graph, Tensor::of({0.0, 1.0, 2.0, -1.0}, {1, 2, 2}));
  // The windows are 1 5 0 3, 5 2 3 4, 0 3 7 1 and 3 4 1 6.
  EXPECT_EQ(numbers(evaluate_value(nn::dilation2d(x, w))), (Numbers{6, 5, 9, 5}));
  EXPECT_EQ(numbers(evaluate_value(nn::erosion2d(x, w))), (Numbers{-2, 1, 0, -1}));
  const Value slope = gradient(sum(nn::dilation2d(x, w)), w);
  EXPECT_EQ(numbers(evaluate_value(slope)), (Numbers{0.5, 1.5, 1.5, 0.5}));  // ties share
  expect_error(ErrorCode::shape_mismatch, {"dilation2d", "[channels, height, width]", "normalizer_test.cpp"},
               [&] { nn::dilation2d(x, x); });
}

}  // namespace
}  // namespace weft
