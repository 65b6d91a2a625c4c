// Losses against the formulas in plain loops over doubles.

#include "weft/frontends/losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "weft/autodiff/gradients.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using Row = std::vector<double>;
using Rows = std::vector<Row>;
using Loss = std::function<Value(const Value&, const Value&)>;

Tensor tensor_of(const Rows& rows) {
  Row all;
  for (const Row& row : rows) all.insert(all.end(), row.begin(), row.end());
  return Tensor::of(std::span<const double>(all), std::vector{static_cast<std::int64_t>(rows.size()),
                                                              static_cast<std::int64_t>(rows[0].size())});
}

struct Result {
  Row losses;
  Row slopes;  // of their sum, with respect to the predictions
};

Result evaluate(const Loss& loss, const Tensor& predictions, const Tensor& targets) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"batch", predictions.sizes()[1]});
  std::vector<Dim> dims{"batch"};
  if (targets.rank() == 2) dims.emplace_back(targets.sizes()[1]);
  const Value t = input(graph, "t", targets.dtype(), Shape(dims));
  const Value each = loss(x, t);
  EXPECT_EQ(each.shape(), Shape{"batch"});
  Session session(graph);
  Function function =
      session.compile({.inputs = {x, t}, .outputs = {each, gradient(sum(each), x)}, .updates = {}});
  const auto results = function({predictions, targets});
  const auto copy = [](const Tensor& r) { return Row(r.values<double>().begin(), r.values<double>().end()); };
  return {copy(results[0]), copy(results[1])};
}

void expect_row_near(const Row& actual, const Row& wanted) {
  ASSERT_EQ(actual.size(), wanted.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], wanted[i], 1e-12) << i;
}

/// The loss, and its slope by central differences of the formula, for rows where both are smooth.
void expect_loss(const Loss& loss, const Rows& x, const Rows& t,
                 const std::function<double(const Row& x, const Row& t)>& formula) {
  const Result actual = evaluate(loss, tensor_of(x), tensor_of(t));
  constexpr double kStep = 1e-6;
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(actual.losses[i], formula(x[i], t[i]), 1e-12) << "sample " << i;
    for (std::size_t j = 0; j < x[i].size(); ++j) {
      Row up = x[i];
      Row down = x[i];
      up[j] += kStep;
      down[j] -= kStep;
      EXPECT_NEAR(actual.slopes[i * x[i].size() + j],
                  (formula(up, t[i]) - formula(down, t[i])) / (2.0 * kStep), 1e-7)
          << "sample " << i << ", element " << j;
    }
  }
}

/// The mean over a row of a formula for one element.
auto mean_of(double (*formula)(double x, double t)) {
  return [formula](const Row& x, const Row& t) {
    double total = 0.0;
    for (std::size_t j = 0; j < x.size(); ++j) total += formula(x[j], t[j]);
    return total / static_cast<double>(x.size());
  };
}

Row log_softmax_of(const Row& x) {
  double total = 0.0;
  for (const double value : x) total += std::exp(value);
  Row y;
  for (const double value : x) y.push_back(value - std::log(total));
  return y;
}

const Rows kScores{{0.3, -1.2, 2.0}, {1.5, 0.4, -0.6}};
const Rows kOneHot{{0.0, 1.0, 0.0}, {1.0, 0.0, 0.0}};
const Rows kShares{{0.2, 0.5, 0.3}, {0.6, 0.1, 0.3}};
const Tensor kLabels = Tensor::of({std::int32_t{1}, std::int32_t{0}});

TEST(Losses, OfNumbersFollowTheirFormulas) {
  const Rows targets{{1.0, -1.0, 0.25}, {-2.5, 0.5, 0.0}};
  expect_loss(losses::mean_squared_error, kScores, targets,
              mean_of([](double x, double t) { return (x - t) * (x - t); }));
  expect_loss(losses::mean_absolute_error, kScores, targets,
              mean_of([](double x, double t) { return std::abs(x - t); }));
  expect_loss([](auto& x, auto& t) { return losses::huber(x, t, 0.65); }, kScores, targets,
              mean_of([](double x, double t) {
                const double e = std::abs(x - t);
                return e < 0.65 ? 0.5 * e * e : 0.65 * (e - 0.5 * 0.65);
              }));
  expect_loss(losses::log_cosh, kScores, targets,
              mean_of([](double x, double t) { return std::log(std::cosh(x - t)); }));
}

TEST(Losses, OfMarginsFollowTheirFormulas) {
  const Rows signs{{1.0, -1.0, 1.0}, {-1.0, 1.0, -1.0}};
  expect_loss(losses::hinge, kScores, signs,
              mean_of([](double x, double t) { return std::max(0.0, 1.0 - t * x); }));
  expect_loss(losses::squared_hinge, kScores, signs, mean_of([](double x, double t) {
                return std::max(0.0, 1.0 - t * x) * std::max(0.0, 1.0 - t * x);
              }));
  expect_loss(losses::categorical_hinge, kScores, kOneHot, [](const Row& x, const Row& t) {
    const std::size_t right = t[0] == 1.0 ? 0 : t[1] == 1.0 ? 1 : 2;
    double wrong = 0.0;  // (1 - t) x of the right class
    for (std::size_t j = 0; j < 3; ++j) wrong = j == right ? wrong : std::max(wrong, x[j]);
    return std::max(0.0, 1.0 + wrong - x[right]);
  });
}

TEST(Losses, OfSeveralMarginsFollowTheirFormulas) {
  for (const int power : {1, 2}) {
    const auto loss = [power](auto& x, auto& t) { return losses::multi_margin(x, argmax(t), 0.7, power); };
    expect_loss(loss, kScores, kOneHot, [power](const Row& x, const Row& t) {
      const double right = t[0] * x[0] + t[1] * x[1] + t[2] * x[2];
      double total = 0.0;
      for (std::size_t j = 0; j < 3; ++j) {
        if (t[j] == 0.0) total += std::pow(std::max(0.0, 0.7 - right + x[j]), power);
      }
      return total / 3.0;
    });
  }
}

TEST(Losses, OfRanksAndGainsFollowTheirFormulas) {
  const Rows others{{0.1, 0.3, 0.9}, {-1.0, 0.6, 0.2}};
  const Rows signs{{1.0, -1.0, 1.0}, {-1.0, 1.0, 1.0}};
  const auto ranking = [&](auto& x, auto& t) {
    const Value b = constant(x.graph(), tensor_of(others));
    return losses::margin_ranking(x, gather(b, positions(x)), t, 0.3);
  };
  const Result ranked = evaluate(ranking, tensor_of(kScores), tensor_of(signs));
  expect_row_near(ranked.losses, {(0.1 + 0.0 + 0.0) / 3, (2.8 + 0.5 + 1.1) / 3});
  expect_row_near(ranked.slopes, {-1.0 / 3, 0, 0, 1.0 / 3, -1.0 / 3, -1.0 / 3});
  const Rows gain{{1.0, 0.5, 0.0}, {0.0, 2.0, -1.0}, {0.0, 0.0, 1.0}};
  const auto worth = [&](auto& x, auto& t) {
    return losses::infogain(x, t, constant(x.graph(), tensor_of(gain)));
  };
  const Result gained = evaluate(worth, tensor_of(kShares), kLabels);
  expect_row_near(gained.losses,
                  {-2.0 * std::log(0.5) + std::log(0.3), -std::log(0.6) - 0.5 * std::log(0.1)});
  expect_row_near(gained.slopes, {0, -4.0, 1.0 / 0.3, -1.0 / 0.6, -5.0, 0});
}

TEST(Losses, OfFocusFollowTheirFormulas) {
  for (const double gamma : {0.0, 0.5, 1.0, 2.0}) {
    const auto categorical = [gamma](const Row& x, const Row& t) {
      const Row logs = log_softmax_of(x);
      double total = 0.0;
      for (std::size_t j = 0; j < x.size(); ++j) {
        total -= t[j] * std::pow(1.0 - std::exp(logs[j]), gamma) * logs[j];
      }
      return total;
    };
    expect_loss([&](auto& x, auto& t) { return losses::categorical_focal_with_logits(x, t, gamma); }, kScores,
                kShares, categorical);
    expect_loss(
        [&](auto& x, auto& t) { return losses::sparse_categorical_focal_with_logits(x, argmax(t), gamma); },
        kScores, kOneHot, categorical);
    expect_loss(
        [&](auto& x, auto& t) {
          return losses::binary_focal_with_logits(x, t, {.gamma = gamma, .alpha = 0.3});
        },
        kScores, kOneHot,
        [gamma](const Row& x, const Row& t) {
          double total = 0.0;
          for (std::size_t j = 0; j < x.size(); ++j) {
            const double p = 1.0 / (1.0 + std::exp(-x[j]));
            const double right = t[j] == 1.0 ? p : 1.0 - p;
            total -= (t[j] == 1.0 ? 0.3 : 0.7) * std::pow(1.0 - right, gamma) * std::log(right) / 3.0;
          }
          return total;
        });
  }
}

TEST(Losses, OfFocusStayFiniteAtTheEnds) {
  for (const double gamma : {0.5, 2.0}) {
    const Rows far{{2000.0, -2000.0}, {-2000.0, 2000.0}};
    const Rows right{{1.0, 0.0}, {0.0, 1.0}};
    const auto binary =
        evaluate([&](auto& x, auto& t) { return losses::binary_focal_with_logits(x, t, {.gamma = gamma}); },
                 tensor_of(far), tensor_of(right));
    const auto categorical = evaluate(
        [&](auto& x, auto& t) { return losses::sparse_categorical_focal_with_logits(x, argmax(t), gamma); },
        tensor_of(far), tensor_of(right));
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(binary.losses[i], 0.0);
      EXPECT_EQ(categorical.losses[i], 0.0);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(binary.slopes[i], 0.0);
      EXPECT_EQ(categorical.slopes[i], 0.0);
    }
  }
}

TEST(Losses, OfOverlapFollowTheirFormulas) {
  for (const bool squared : {false, true}) {
    expect_loss([&](auto& x, auto& t) { return losses::dice(x, t, {.smoothing = 0.1, .squared = squared}); },
                kShares, kOneHot,
                [squared](const Row& p, const Row& t) {
                  double both = 0.0;
                  double sizes = 0.1;
                  for (std::size_t j = 0; j < p.size(); ++j) {
                    both += p[j] * t[j];
                    sizes += squared ? p[j] * p[j] + t[j] * t[j] : p[j] + t[j];
                  }
                  return 1.0 - (2.0 * both + 0.1) / sizes;
                });
  }
  const Rows nothing{{0.0, 0.0, 0.0}};
  EXPECT_EQ(
      evaluate([](auto& x, auto& t) { return losses::dice(x, t); }, tensor_of(nothing), tensor_of(nothing))
          .losses[0],
      0.0);
}

double distance_of(const Row& a, const Row& b) {
  double total = 0.0;
  for (std::size_t j = 0; j < a.size(); ++j) total += (a[j] - b[j]) * (a[j] - b[j]);
  return std::sqrt(total);
}

TEST(Losses, OfDistancesFollowTheirFormulas) {
  const Rows positives{{0.5, -1.0, 1.0}, {1.0, 1.0, 0.0}};
  const Rows negatives{{0.0, -1.0, 2.5}, {1.0, -2.0, 1.5}};
  for (const bool swap : {false, true}) {
    std::size_t row = 0;
    for (; row < 2; ++row) {
      const auto loss = [&](auto& x, auto& t) {
        const Value other = constant(x.graph(), tensor_of({negatives[row]}));
        return losses::triplet_margin(x, t, broadcast_to(other, x.shape()), {.margin = 0.9, .swap = swap});
      };
      expect_loss(loss, {kScores[row]}, {positives[row]}, [&](const Row& a, const Row& p) {
        double apart = distance_of(a, negatives[row]);
        if (swap) apart = std::min(apart, distance_of(p, negatives[row]));
        return std::max(0.0, distance_of(a, p) - apart + 0.9);
      });
    }
  }
  for (const double s : {0.0, 0.4, 1.0}) {
    const auto loss = [s](auto& x, auto& t) {
      const Value same = broadcast_to(constant(x.graph(), s, f64), Shape{x.shape()[0]});
      return losses::contrastive(x, t, same, 1.5);
    };
    expect_loss(loss, kScores, positives, [s](const Row& a, const Row& b) {
      const double d = distance_of(a, b);
      return 0.5 * (s * d * d + (1.0 - s) * std::pow(std::max(0.0, 1.5 - d), 2));
    });
  }
  const auto same_point = evaluate([](auto& x, auto& t) { return losses::triplet_margin(x, t, t); },
                                   tensor_of(kScores), tensor_of(kScores));
  for (const double slope : same_point.slopes) EXPECT_EQ(slope, 0.0);
}

TEST(Losses, OfGaussiansFollowTheirFormula) {
  const Rows targets{{1.0, -1.0, 0.25}, {-2.5, 0.5, 0.0}};
  const Rows variances{{0.5, 2.0, 1.0}, {0.1, 3.0, 0.7}};
  for (const bool full : {false, true}) {
    for (std::size_t row = 0; row < 2; ++row) {
      const auto formula = [&](const Row& x, const Row& v) {
        double total = 0.0;
        for (std::size_t j = 0; j < 3; ++j) {
          const double e = x[j] - targets[row][j];
          total +=
              0.5 * (std::log(v[j]) + e * e / v[j] + (full ? std::log(2.0 * std::numbers::pi) : 0.0)) / 3.0;
        }
        return total;
      };
      const auto of = [&](const Value& x, const Value& v) {
        const Value t = broadcast_to(constant(x.graph(), tensor_of({targets[row]})), x.shape());
        return losses::gaussian_negative_log_likelihood(x, v, t, {.full = full});
      };
      expect_loss(of, {kScores[row]}, {variances[row]}, formula);
      expect_loss([&](auto& v, auto& x) { return of(x, v); }, {variances[row]}, {kScores[row]},
                  [&](const Row& v, const Row& x) { return formula(x, v); });
    }
  }
  // A variance below the least counts as that one, and has the slope there.
  const auto floored = evaluate(
      [](auto& v, auto& x) {
        return losses::gaussian_negative_log_likelihood(x, v, 1.0 + x, {.epsilon = 0.5});
      },
      tensor_of({{0.0}, {-3.0}}), tensor_of({{0.0}, {2.0}}));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(floored.losses[i], 0.5 * (std::log(0.5) + 2.0), 1e-12);
    EXPECT_NEAR(floored.slopes[i], 0.5 * (2.0 - 4.0), 1e-12);
  }
}

TEST(Losses, RejectOptionsThatAreNone) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});
  const Value labels = input(graph, "labels", i32, {"batch"});
  const auto line = testing_support::at_line(__LINE__ + 1);
  const auto wrong = [&] { losses::multi_margin(x, labels, 1.0, 3); };
  expect_error(ErrorCode::invalid_argument, {line, "multi_margin", "power 1 or 2", "3"}, wrong);
  expect_error(ErrorCode::shape_mismatch, {"multi_margin", "labels [batch]"},
               [&] { losses::multi_margin(x, x); });
  expect_error(ErrorCode::invalid_argument, {"focal", "gamma >= 0", "-1"},
               [&] { losses::binary_focal_with_logits(x, x, {.gamma = -1.0}); });
  expect_error(ErrorCode::invalid_argument, {"focal", "alpha", "2"},
               [&] { losses::binary_focal_with_logits(x, x, {.alpha = 2.0}); });
  expect_error(ErrorCode::invalid_argument, {"focal", "gamma"},
               [&] { losses::sparse_categorical_focal_with_logits(x, labels, std::nan("")); });
  expect_error(ErrorCode::invalid_argument, {"dice", "smoothing >= 0"},
               [&] { losses::dice(x, x, {.smoothing = -1.0}); });
  const Value other = input(graph, "other", f32, {"batch", 2});
  expect_error(ErrorCode::shape_mismatch, {"triplet_margin", "negatives", "f32[batch, 2]"},
               [&] { losses::triplet_margin(x, x, other); });
  expect_error(ErrorCode::shape_mismatch, {"gaussian", "variances", "f32[batch, 2]"},
               [&] { losses::gaussian_negative_log_likelihood(x, other, x); });
  expect_error(ErrorCode::shape_mismatch, {"contrastive", "f32[batch]", "f32[batch, 3]"},
               [&] { losses::contrastive(x, x, x); });
}

TEST(Losses, OfCountsFollowTheirFormulas) {
  const Rows counts{{3.0, 0.0, 1.0}, {2.0, 5.0, 0.0}};
  const Rows rates{{0.3, 1.2, 2.0}, {1.5, 0.4, 0.6}};
  expect_loss(losses::poisson, kScores, counts,
              mean_of([](double x, double t) { return std::exp(x) - t * x; }));
  expect_loss(losses::poisson_of_rates, rates, counts,
              mean_of([](double x, double t) { return x - t * std::log(x + 1e-8); }));
}

TEST(Losses, OfProbabilitiesFollowTheirFormulas) {
  const auto cross_entropy = [](const Row& p, const Row& t) {
    double total = 0.0;
    for (std::size_t j = 0; j < p.size(); ++j) total -= t[j] * std::log(p[j]);
    return total;
  };
  expect_loss([](auto& x, auto& t) { return losses::categorical_cross_entropy(x, t); }, kShares, kOneHot,
              cross_entropy);
  expect_loss(losses::binary_cross_entropy, kShares, kOneHot,
              mean_of([](double p, double t) { return -(t * std::log(p) + (1.0 - t) * std::log(1.0 - p)); }));
  const auto divergence = [](const Row& x, const Row& t) {
    double total = 0.0;
    for (std::size_t j = 0; j < x.size(); ++j) total += t[j] == 0.0 ? 0.0 : t[j] * (std::log(t[j]) - x[j]);
    return total;
  };
  expect_loss(losses::kl_divergence, kScores, kShares, divergence);
  expect_loss(losses::kl_divergence, kScores, kOneHot, divergence);
}

TEST(Losses, KlDivergenceHasAFiniteSlopeInItsTargets) {
  // d/dt of t (log t - x) is log t + 1 - x; a target of 0 is left out, with its slope.
  const Result swapped = evaluate([](auto& t, auto& x) { return losses::kl_divergence(x, t); },
                                  tensor_of({{0.0, 0.5}}), tensor_of({{-1.0, -2.0}}));
  expect_row_near(swapped.slopes, {0.0, std::log(0.5) + 1.0 + 2.0});
}

TEST(Losses, OfLogitsFollowTheirFormulas) {
  constexpr double kSmoothing = 0.1;
  const auto smoothed = [](const Row& x, const Row& t) {
    const Row logs = log_softmax_of(x);
    double total = 0.0;
    for (std::size_t j = 0; j < x.size(); ++j)
      total -= ((1.0 - kSmoothing) * t[j] + kSmoothing / 3.0) * logs[j];
    return total;
  };
  expect_loss(
      [](auto& x, auto& t) { return losses::categorical_cross_entropy_with_logits(x, t, kSmoothing); },
      kScores, kOneHot, smoothed);
  const Result sparse = evaluate(
      [](auto& x, auto& t) { return losses::sparse_categorical_cross_entropy_with_logits(x, t, kSmoothing); },
      tensor_of(kScores), kLabels);
  expect_row_near(sparse.losses, {smoothed(kScores[0], kOneHot[0]), smoothed(kScores[1], kOneHot[1])});
  const Result hard =
      evaluate([](auto& x, auto& t) { return losses::sparse_categorical_cross_entropy_with_logits(x, t); },
               tensor_of(kScores), kLabels);
  expect_row_near(hard.losses, {-log_softmax_of(kScores[0])[1], -log_softmax_of(kScores[1])[0]});
  expect_loss(losses::binary_cross_entropy_with_logits, kScores, kOneHot, mean_of([](double x, double t) {
                const double p = 1.0 / (1.0 + std::exp(-x));
                return -(t * std::log(p) + (1.0 - t) * std::log(1.0 - p));
              }));
}

TEST(Losses, CosineLooksAtTheAngleOnly) {
  expect_loss(losses::cosine, kScores, kShares, [](const Row& x, const Row& t) {
    double xt = 0.0;
    double xx = 0.0;
    double tt = 0.0;
    for (std::size_t j = 0; j < x.size(); ++j) {
      xt += x[j] * t[j];
      xx += x[j] * x[j];
      tt += t[j] * t[j];
    }
    return 1.0 - xt / std::sqrt((xx + 1e-12) * (tt + 1e-12));
  });
  const Result zero = evaluate(losses::cosine, tensor_of({{0.0, 0.0}}), tensor_of({{1.0, 0.0}}));
  EXPECT_EQ(zero.losses[0], 1.0);
  EXPECT_TRUE(std::isfinite(zero.slopes[0]));
}

TEST(Losses, NegativeLogLikelihoodReadsTheLabelsElementOnly) {
  const double impossible = -std::numeric_limits<double>::infinity();
  const Result result = evaluate(losses::negative_log_likelihood,
                                 tensor_of({{impossible, -0.5}, {-0.25, impossible}}), kLabels);
  expect_row_near(result.losses, {0.5, 0.25});
  expect_row_near(result.slopes, {0.0, -1.0, -1.0, 0.0});
}

TEST(Losses, RuleOutClassesOfLogitMinusInfinity) {
  const Tensor logits = tensor_of({{1.0, 2.0, -HUGE_VAL}});
  const Tensor hot = tensor_of({{1.0, 0.0, 0.0}});
  const Tensor label = Tensor::of({std::int32_t{0}});
  const double first = std::log1p(std::exp(1.0));    // -log p of the first class
  const double second = std::log1p(std::exp(-1.0));  // and of the second
  const double smooth = 0.9 * first + 0.1 * (first + second) / 2.0;
  const auto with = [](double smoothing) {
    return std::pair{Loss([=](auto& x, auto& t) {
                       return losses::categorical_cross_entropy_with_logits(x, t, smoothing);
                     }),
                     Loss([=](auto& x, auto& t) {
                       return losses::sparse_categorical_cross_entropy_with_logits(x, t, smoothing);
                     })};
  };
  for (const auto& [smoothing, expected] : {std::pair{0.0, first}, {0.1, smooth}}) {
    const auto [soft, sparse] = with(smoothing);
    for (const Result& result : {evaluate(soft, logits, hot), evaluate(sparse, logits, label)}) {
      EXPECT_NEAR(result.losses[0], expected, 1e-12);
      const double p = 1.0 / (1.0 + std::exp(1.0));
      EXPECT_NEAR(result.slopes[0], p - (1.0 - smoothing) - smoothing / 2.0, 1e-12);
      EXPECT_NEAR(result.slopes[1], (1.0 - p) - smoothing / 2.0, 1e-12);
      EXPECT_EQ(result.slopes[2], 0.0);
    }
  }
  const Result hinge = evaluate(losses::categorical_hinge, logits, hot);
  EXPECT_NEAR(hinge.losses[0], 2.0, 1e-12);
  for (const double slope : hinge.slopes) EXPECT_FALSE(std::isnan(slope));
}

TEST(Losses, StayFiniteFarOut) {
  const Result logits = evaluate(losses::binary_cross_entropy_with_logits,
                                 tensor_of({{100.0}, {-100.0}, {-1000.0}}), tensor_of({{0.0}, {1.0}, {0.0}}));
  expect_row_near(logits.losses, {100.0, 100.0, 0.0});
  expect_row_near(logits.slopes, {1.0, -1.0, 0.0});
  const Result shares = evaluate(losses::binary_cross_entropy, tensor_of({{0.0}, {1.0}, {1.0}}),
                                 tensor_of({{1.0}, {0.0}, {1.0}}));
  expect_row_near(shares.losses, {100.0, 100.0, 0.0});
  for (const double slope : shares.slopes) EXPECT_TRUE(std::isfinite(slope)) << slope;
  const Result cosh = evaluate(losses::log_cosh, tensor_of({{1000.0}, {-1000.0}}), tensor_of({{0.0}, {0.0}}));
  expect_row_near(cosh.losses, {1000.0 - std::log(2.0), 1000.0 - std::log(2.0)});
  expect_row_near(cosh.slopes, {1.0, -1.0});
  const Result entropy =
      evaluate([](auto& x, auto& t) { return losses::categorical_cross_entropy_with_logits(x, t); },
               tensor_of({{1000.0, -1000.0}}), tensor_of({{0.0, 1.0}}));
  expect_row_near(entropy.losses, {2000.0});
  expect_row_near(entropy.slopes, {1.0, -1.0});
}

TEST(Losses, StayFiniteInF32) {
  Graph graph;
  const Value p = input(graph, "p", f32, {"batch", 1});
  const Value t = input(graph, "t", f32, {"batch", 1});
  const Value each = losses::binary_cross_entropy(p, t);
  const Value logits = losses::binary_cross_entropy_with_logits(p * 200.0 - 100.0, t);
  Session session(graph);
  Function function =
      session.compile({.inputs = {p, t},
                       .outputs = {each, gradient(sum(each), p), logits, gradient(sum(logits), p)},
                       .updates = {}});
  const auto results =
      function({Tensor::of({0.0F, 1.0F, 1e-40F}, {3, 1}), Tensor::of({1.0F, 0.0F, 1.0F}, {3, 1})});
  for (const Tensor& result : results) {
    for (const float x : result.values<float>()) EXPECT_TRUE(std::isfinite(x)) << x;
  }
  EXPECT_EQ(results[0].values<float>()[0], 100.0F);
  EXPECT_EQ(results[2].values<float>()[1], 100.0F);
}

TEST(Losses, DoNotHideWhatIsNoNumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(
      std::isnan(evaluate(losses::binary_cross_entropy, tensor_of({{nan}}), tensor_of({{1.0}})).losses[0]));
}

TEST(Losses, RejectWhatDoesNotFit) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});
  const Value column = input(graph, "column", f32, {"batch", 1});
  const Value labels = input(graph, "labels", i32, {"batch", 3});
  const auto line = std::to_string(__LINE__ + 1);
  const auto wrong = [&] { losses::mean_squared_error(x, column); };  // and no silent broadcast
  expect_error(ErrorCode::shape_mismatch, {"losses_test.cpp:" + line, "mean_squared_error", "[batch, 1]"},
               wrong);
  expect_error(ErrorCode::dtype_mismatch, {"hinge", "i32"}, [&] { losses::hinge(x, labels); });
  expect_error(ErrorCode::shape_mismatch, {"one label for each row"},
               [&] { losses::negative_log_likelihood(x, labels); });
  expect_error(ErrorCode::invalid_argument, {"smoothing", "1.5"},
               [&] { losses::categorical_cross_entropy(x, x, 1.5); });
}

}  // namespace
}  // namespace weft
