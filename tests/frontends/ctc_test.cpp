// CTC against the sum over all readings.

#include "weft/frontends/ctc.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/autodiff/gradients.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using testing_support::TensorSource;
using Labels = std::vector<std::int64_t>;

/// What a path of classes reads as.
Labels reading_of(const Labels& path, std::int64_t blank) {
  Labels read;
  for (std::size_t t = 0; t < path.size(); ++t) {
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) read.push_back(path[t]);
  }
  return read;
}

/// -ln of the sum over all paths of `steps` classes that read as the labels.
double ctc_by_enumeration(const double* logs, std::size_t steps, std::size_t classes, const Labels& labels,
                          std::int64_t blank) {
  double total = 0.0;
  Labels path(steps, 0);
  const auto paths = static_cast<std::size_t>(std::pow(classes, steps));
  for (std::size_t number = 0; number < paths; ++number) {
    std::size_t rest = number;
    double log_probability = 0.0;
    for (std::size_t t = 0; t < steps; ++t) {
      path[t] = static_cast<std::int64_t>(rest % classes);
      log_probability += logs[t * classes + rest % classes];
      rest /= classes;
    }
    if (reading_of(path, blank) == labels) total += std::exp(log_probability);
  }
  return -std::log(total);
}

constexpr std::int64_t kCtcSteps = 5;
constexpr std::int64_t kCtcClasses = 3;
const std::vector<Labels> kTargets{{1, 2}, {1, 1}, {2}, {}, {2, 1, 2}, {1, 2}, {2, 2, 2}};
const Labels kStepCounts{5, 5, 4, 3, 5, 2, 4};  // the last is too short for its labels

Value ctc_of(const Value& logs, std::int64_t blank, DType integer = i64) {
  Graph& graph = logs.graph();
  Labels padded;
  Labels counts;
  for (const Labels& labels : kTargets) {
    for (std::size_t i = 0; i < 3; ++i) padded.push_back(i < labels.size() ? (labels[i] + blank) % 3 : 99);
    counts.push_back(static_cast<std::int64_t>(labels.size()));
  }
  const auto integers = [&](const Labels& all, const std::vector<std::int64_t>& sizes) {
    return cast(constant(graph, Tensor::of(all, sizes)), integer);
  };
  return losses::ctc(logs, integers(padded, {7, 3}), integers(kStepCounts, {7}), integers(counts, {7}),
                     blank);
}

TEST(Ctc, SumsOverAllReadings) {
  TensorSource source("ctc");
  const Tensor scores = source.uniform({7, kCtcSteps, kCtcClasses}, -2.0, 2.0);
  for (const std::int64_t blank : {0, 2}) {
    for (const DType dtype : {f64, f32}) {
      Graph graph;
      const Value x = input(graph, "x", dtype, {7, kCtcSteps, kCtcClasses});
      const Value logs = log_softmax(x);
      Session session(graph);
      Function function = session.compile(
          {.inputs = {x}, .outputs = {ctc_of(logs, blank, dtype == f32 ? i32 : i64), logs}, .updates = {}});
      Tensor fed = Tensor::uninitialized(dtype, {7, kCtcSteps, kCtcClasses});
      visit_dtype(dtype, [&]<typename T>(T) {
        for (std::size_t i = 0; i < 105; ++i) {
          fed.mutable_values<T>()[i] = static_cast<T>(scores.values<double>()[i]);
        }
      });
      const Outputs results = function({fed});
      const auto actual = numbers(results[0]);
      const auto log_probabilities = numbers(results[1]);
      for (std::size_t i = 0; i < 7; ++i) {
        Labels labels = kTargets[i];
        for (auto& label : labels) label = (label + blank) % 3;
        const double wanted = ctc_by_enumeration(&log_probabilities[i * 15],
                                                 static_cast<std::size_t>(kStepCounts[i]), 3, labels, blank);
        EXPECT_TRUE(actual[i] == wanted || std::abs(actual[i] - wanted) <= 1e-6 * wanted)
            << i << ": " << actual[i] << " and not " << wanted;
      }
      EXPECT_EQ(actual[6], std::numeric_limits<double>::infinity());
    }
  }
}

TEST(Ctc, HasRightGradients) {
  TensorSource source("ctc gradients");
  const Tensor scores = source.uniform({7, kCtcSteps, kCtcClasses}, -2.0, 2.0);
  const auto finite = [](std::span<const Value> x) { return slice(ctc_of(log_softmax(x[0]), 0), 0, 0, 6); };
  EXPECT_TRUE(testing_support::gradients_match(finite, {{scores}}));
  EXPECT_TRUE(testing_support::second_gradients_match(finite, {{scores}}));
}

TEST(Ctc, LearnsNothingFromLabelsThatDoNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f64, {7, kCtcSteps, kCtcClasses});
  Session session(graph);
  Function function = session.compile(
      {.inputs = {x}, .outputs = {gradient(sum(ctc_of(log_softmax(x), 0)), x)}, .updates = {}});
  const auto slopes = numbers(function({Tensor::zeros(f64, {7, kCtcSteps, kCtcClasses})})[0]);
  for (std::size_t i = 90; i < 105; ++i) EXPECT_EQ(slopes[i], 0.0);
  EXPECT_TRUE(std::ranges::all_of(slopes, [](double slope) { return std::isfinite(slope); }));
}

TEST(Ctc, TakesImpossibleClasses) {
  Graph graph;
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  const Value x = constant(graph, Tensor::of({kNever, 0.0, kNever, 0.0}, {1, 2, 2}));
  const auto one = [&](std::int64_t i) { return constant(graph, Tensor::of(Labels{i}, {1})); };
  const Value labels = constant(graph, Tensor::of(Labels{1}, {1, 1}));
  EXPECT_EQ(numbers(testing_support::evaluate_value(losses::ctc(x, labels, one(2), one(1))))[0], 0.0);
  EXPECT_EQ(numbers(testing_support::evaluate_value(losses::ctc(x, labels, one(2), one(0))))[0], -kNever);
  EXPECT_EQ(numbers(testing_support::evaluate_value(losses::ctc(x, labels, one(0), one(0))))[0], 0.0);
}

TEST(Ctc, RejectsWhatDoesNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 4, 3});
  const Value labels = input(graph, "labels", i32, {"batch", 2});
  const Value counts = input(graph, "counts", i32, {"batch"});
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { losses::ctc(x, counts, counts, counts); };
  expect_error(ErrorCode::shape_mismatch, {line, "ctc", "[batch, most]", "i32[batch]"}, wrong);
  expect_error(ErrorCode::dtype_mismatch, {"ctc"},
               [&] { losses::ctc(x, labels, cast(counts, i64), counts); });
  expect_error(ErrorCode::invalid_argument, {"ctc", "[0, 3)", "3"},
               [&] { losses::ctc(x, labels, counts, counts, 3); });
  Session session(graph);
  Function function = session.compile(
      {.inputs = {x, labels, counts}, .outputs = {losses::ctc(x, labels, counts, counts)}, .updates = {}});
  const auto i32_vector = [](std::vector<std::int32_t> all, std::vector<std::int64_t> sizes) {
    return Tensor::of(all, sizes);
  };
  const Tensor logs = Tensor::zeros(f32, {1, 4, 3});
  function({logs, i32_vector({1, 2}, {1, 2}), i32_vector({2}, {1})});
  expect_error(ErrorCode::out_of_range, {"3"},
               [&] { function({logs, i32_vector({1, 3}, {1, 2}), i32_vector({2}, {1})}); });
  expect_error(ErrorCode::out_of_range, {"5"},
               [&] { function({logs, i32_vector({1, 2}, {1, 2}), i32_vector({5}, {1})}); });
}

}  // namespace
}  // namespace weft
