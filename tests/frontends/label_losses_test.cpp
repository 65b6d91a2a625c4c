#include "weft/frontends/label_losses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/losses.h"
#include "weft/frontends/optim/optim.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using Numbers = std::vector<double>;

TEST(Ignoring, LeavesSamplesOutOfTheMean) {
  Graph graph;
  const Value logits = constant(graph, Tensor::of({1.0, 2.0, 0.0, 3.0, 5.0, 5.0}, {3, 2}));
  const Value labels = constant(graph, Tensor::of<std::uint8_t>({0, 255, 1}));
  const losses::Counted counted = losses::ignoring(labels, 255, f64);
  EXPECT_EQ(numbers(evaluate_value(counted.labels)), (Numbers{0, 0, 1}));
  const Value loss =
      losses::reduce(softmax_cross_entropy(logits, counted.labels), {.sample_weights = counted.weights});
  const double first = std::log(std::exp(1.0) + std::exp(2.0)) - 1.0;
  EXPECT_NEAR(numbers(evaluate_value(loss))[0], (first + std::log(2.0)) / 2.0, 1e-12);
  expect_error(ErrorCode::dtype_mismatch, {"ignoring", "f64", "label_losses_test.cpp"},
               [&] { losses::ignoring(logits, 255); });
}

/// Twelve classes of eight features, with weights that differ.
struct DrawnClasses {
  Graph graph;
  Value x = input(graph, "x", f64, {"batch", 3});
  Value labels = input(graph, "labels", i32, {"batch"});
  Value w = parameter(graph, "w", random_normal(graph, f64, {12, 3}));
  Value b = parameter(graph, "b", random_normal(graph, f64, {12}));
  Value logits = matmul(x, w, false, true) + b;
  Tensor rows = Tensor::of({0.5, -1.0, 0.3, 1.0, 0.2, -0.7}, {2, 3});
  Tensor truth = Tensor::of<std::int32_t>({7, 2});
};

TEST(SampledSoftmax, IsTheWholeLossWhereManyClassesAreDrawn) {
  for (const bool by_rank : {false, true}) {
    DrawnClasses c;
    const losses::SampledOptions options{.samples = 40000, .log_uniform = by_rank};
    // The label is never drawn for itself, so the drawn classes stand for all but it, each 1 / chance times.
    const Value sampled = losses::sampled_softmax(c.x, c.w, c.b, c.labels, options);
    Session session(c.graph, {.seed = 4});
    const Outputs made =
        session.compile({.inputs = {c.x, c.labels}, .outputs = {sampled, c.logits}})({c.rows, c.truth});
    for (std::size_t i = 0; i < 2; ++i) {
      const double* logits = made[1].values<double>().data() + 12 * i;
      const auto label = static_cast<std::size_t>(c.truth.values<std::int32_t>()[i]);
      const auto chance = [&](std::size_t k) {
        const auto n = static_cast<double>(k);
        return by_rank ? std::log((n + 2.0) / (n + 1.0)) / std::log(13.0) : 1.0 / 12.0;
      };
      double others = 0.0;
      for (std::size_t k = 0; k < 12; ++k) others += k == label ? 0.0 : std::exp(logits[k]);
      const double own = std::exp(logits[label]) / chance(label);
      EXPECT_NEAR(made[0].values<double>()[i], std::log((own + 40000.0 * others) / own), 0.02) << by_rank;
    }
  }
}

TEST(NoiseContrastive, TellsTheLabelFromDrawnClasses) {
  DrawnClasses c;
  const losses::SampledOptions options{.samples = 20000, .log_uniform = false};
  const Value loss = losses::noise_contrastive(c.x, c.w, c.b, c.labels, options);
  Session session(c.graph, {.seed = 4});
  const Outputs made =
      session.compile({.inputs = {c.x, c.labels}, .outputs = {loss, c.logits}})({c.rows, c.truth});
  for (std::size_t i = 0; i < 2; ++i) {
    const double* logits = made[1].values<double>().data() + 12 * i;
    const double shift = std::log(20000.0 / 12.0);
    const double own = logits[c.truth.values<std::int32_t>()[i]] - shift;
    double wanted = std::log1p(std::exp(-own));
    for (std::size_t k = 0; k < 12; ++k) wanted += 20000.0 / 12.0 * std::log1p(std::exp(logits[k] - shift));
    EXPECT_NEAR(made[0].values<double>()[i] / wanted, 1.0, 0.03);
  }
}

TEST(SampledLosses, MoveDrawnRowsAndLearn) {
  for (const bool contrastive : {false, true}) {
    DrawnClasses c;
    const auto of = contrastive ? losses::noise_contrastive : losses::sampled_softmax;
    const Value loss = mean(of(c.x, c.w, c.b, c.labels, {.samples = 2}));
    const std::vector<Value> parameters{c.w, c.b};
    Session session(c.graph, {.seed = 2});
    Function step = session.compile({.inputs = {c.x, c.labels},
                                     .outputs = {loss},
                                     .updates = optim::sgd(parameters, gradients(loss, parameters), 0.3)});
    const Tensor before = session.value(c.w);
    step({c.rows, c.truth});
    const Tensor after = session.value(c.w);
    int moved = 0;
    for (std::int64_t row = 0; row < 12; ++row)
      moved += identical(before.rows(row, 1), after.rows(row, 1)) ? 0 : 1;
    EXPECT_GE(moved, 2);
    EXPECT_LE(moved, 4);  // two labels and two drawn classes
    for (int i = 0; i < 300; ++i) step({c.rows, c.truth});
    const Function guess = session.compile({.inputs = {c.x}, .outputs = {argmax(c.logits)}});
    EXPECT_EQ(numbers(guess({c.rows})[0]), (Numbers{7, 2})) << contrastive;
  }
}

TEST(SampledLosses, SayWhatDoesNotFit) {
  DrawnClasses c;
  expect_error(ErrorCode::shape_mismatch, {"sampled_softmax", "[classes, features]", "label_losses_test.cpp"},
               [&] { losses::sampled_softmax(c.x, c.b, c.b, c.labels); });
  expect_error(ErrorCode::dtype_mismatch, {"noise_contrastive", "integer labels"},
               [&] { losses::noise_contrastive(c.x, c.w, c.b, c.b); });
  expect_error(ErrorCode::invalid_argument, {"samples >= 1", "0"},
               [&] { losses::sampled_softmax(c.x, c.w, c.b, c.labels, {.samples = 0}); });
}

TEST(Center, IsTheDistanceFromTheLabelsCenter) {
  Graph graph;
  const Value x = constant(graph, Tensor::of({1.0, 2.0, 3.0, 4.0}, {2, 2}));
  const Value centers = constant(graph, Tensor::of({0.0, 0.0, 1.0, 1.0, 3.0, 3.0}, {3, 2}));
  const Value labels = constant(graph, Tensor::of<std::int32_t>({1, 2}));
  const Value loss = losses::center(x, centers, labels);
  EXPECT_EQ(numbers(evaluate_value(loss)), (Numbers{0.5, 0.5}));
  EXPECT_EQ(numbers(evaluate_value(gradient(sum(loss), centers))), (Numbers{0, 0, 0, -1, 0, -1}));
  expect_error(ErrorCode::shape_mismatch, {"center", "f64[2, 2]", "label_losses_test.cpp"},
               [&] { losses::center(x, constant(graph, Tensor::zeros(f64, {3, 4})), labels); });
}

}  // namespace
}  // namespace weft
