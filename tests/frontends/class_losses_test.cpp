// The losses of classifiers that have a name.

#include "weft/frontends/class_losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

constexpr double kLogits[] = {0.5, -1.0, 2.0};
constexpr std::size_t kLabel = 0;

double probability(std::size_t i) {
  double sum = 0.0;
  for (const double x : kLogits) sum += std::exp(x);
  return std::exp(kLogits[i]) / sum;
}

double target(std::size_t i, double smoothing) {
  return (i == kLabel ? 1.0 - smoothing : 0.0) + smoothing / 3.0;
}

double sum_over_classes(const std::function<double(std::size_t)>& term) {
  return term(0) + term(1) + term(2);
}

double hinge(double s) {
  double other = -1e9;
  for (std::size_t i = 0; i < 3; ++i) other = std::max(other, (1.0 - target(i, s)) * kLogits[i]);
  return std::max(0.0,
                  1.0 + other - sum_over_classes([&](std::size_t i) { return target(i, s) * kLogits[i]; }));
}

TEST(ClassLosses, FollowTheirFormulas) {
  const std::map<std::string_view, std::function<double(double smoothing)>> formulas{
      {"cross_entropy",
       [](double s) {
         return sum_over_classes([s](std::size_t i) { return -target(i, s) * std::log(probability(i)); });
       }},
      {"squared_error",
       [](double s) {
         return sum_over_classes(
             [s](std::size_t i) { return std::pow(probability(i) - target(i, s), 2) / 3.0; });
       }},
      {"hinge", hinge},
      {"focal", [](double s) {
         return sum_over_classes([s](std::size_t i) {
           return -target(i, s) * std::pow(1.0 - probability(i), 2) * std::log(probability(i));
         });
       }}};
  ASSERT_EQ(losses::named_class_losses().size(), formulas.size());
  for (const losses::ClassLoss& loss : losses::named_class_losses()) {
    for (const double smoothing : {0.0, 0.1}) {
      Graph graph;
      const Value logits = input(graph, "logits", f64, {"batch", 3});
      const Value labels = input(graph, "labels", u8, {"batch"});
      Session session(graph);
      Function function = session.compile(
          {.inputs = {logits, labels}, .outputs = {loss.build(logits, labels, smoothing)}, .updates = {}});
      const auto results =
          function({Tensor::of({0.5, -1.0, 2.0}, {1, 3}), Tensor::of<std::uint8_t>({kLabel})});
      EXPECT_NEAR(results[0].item<double>(), formulas.at(loss.name)(smoothing), 1e-12)
          << loss.name << " with smoothing " << smoothing;
    }
  }
}

TEST(ClassLosses, AreNamedByTheErrorForAnUnknownOne) {
  expect_error(ErrorCode::invalid_argument, {"unknown loss 'none'; there are cross_entropy, squared_error"},
               [] { losses::class_loss_named("none"); });
}

}  // namespace
}  // namespace weft
