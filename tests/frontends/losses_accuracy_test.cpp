// The bounds that losses.h and metrics.h state, held against the definitions in long double: sums that
// cancel, numbers of any size, and many of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/losses.h"
#include "weft/frontends/metrics.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::accuracy_tests {
namespace {

using testing_support::replay;
using testing_support::TensorSource;
using Wide = long double;
using Build = std::function<Value(const Value& x, const Value& t)>;

constexpr Wide kBound = 1e-6L;

/// A sum by definition, and the sum of absolute values.
struct Terms {
  Wide sum = 0;
  Wide absolute = 0;
  Terms(std::initializer_list<Wide> terms) {
    for (const Wide term : terms) add(term);
  }
  void add(Wide term) {
    sum += term;
    absolute += std::abs(term);
  }
};

/// Losses and gradients of their sum by a session and by the reference.
std::vector<std::vector<Tensor>> results_of(const Build& loss, const Tensor& x, const Tensor& t) {
  Graph graph;
  const Value in = input(graph, "x", x.dtype(), Shape::of(x.sizes()));
  const Value targets = input(graph, "t", t.dtype(), Shape::of(t.sizes()));
  const Value y = loss(in, targets);
  const std::vector<Value> both{y, gradient(sum(y), in)};
  Session session(graph);
  const auto run = session.compile({.inputs = {in, targets}, .outputs = both, .updates = {}})({x, t});
  return {{run[0], run[1]}, testing_support::evaluate_values(both, {{"x", x}, {"t", t}})};
}

void expect_within(float actual, const Terms& expected, std::string_view what, double x, double t) {
  const auto rounded = static_cast<float>(expected.sum);
  if (actual == rounded || (std::isnan(actual) && std::isnan(rounded))) return;
  EXPECT_LE(std::abs(static_cast<Wide>(actual) - expected.sum), kBound * expected.absolute + 1e-43L)
      << what << " of " << x << ", target " << t << ": " << actual << " for "
      << static_cast<double>(expected.sum);
}

struct Elementwise {
  std::string_view name;
  Build build;
  std::vector<float> targets;
  Terms (*value)(Wide x, Wide t);
  Terms (*slope)(Wide x, Wide t);
  bool positive = false;  // x counts from 0
  float largest = std::numeric_limits<float>::max();
};

Wide sign_of(Wide x) { return x > 0 ? 1.0L : x < 0 ? -1.0L : 0.0L; }
Wide hinge_of(Wide x, Wide t) { return std::max(0.0L, 1 - t * x); }

/// The focal loss of a probability sigmoid(x) for a target 1, or sigmoid(-x) for 0; gamma 2, alpha 0.25.
struct Focal {
  Focal(Wide x, Wide t) : sign(t > 0 ? 1 : -1), weight(t > 0 ? 0.25L : 0.75L) {
    const Wide u = sign * x;
    log_p = u > 0 ? -std::log1p(std::exp(-u)) : u - std::log1p(std::exp(u));
    p = std::exp(log_p);
    rest = 1 / (1 + std::exp(u));
  }
  Terms value() const { return {-weight * rest * rest * log_p}; }
  Terms slope() const {
    return {sign * weight * rest * rest * 2 * p * log_p, -sign * weight * rest * rest * rest};
  }
  Wide sign, weight, log_p = 0, p = 0, rest = 0;
};

const std::vector<Elementwise>& elementwise() {
  static const std::vector<Elementwise> losses{
      {"mean_squared_error",
       losses::mean_squared_error,
       {0.0F, 0.3F, 1e4F},
       [](Wide x, Wide t) { return Terms{(x - t) * (x - t)}; },
       [](Wide x, Wide t) { return Terms{2 * (x - t)}; },
       false,
       1e18F},
      {"mean_absolute_error",
       losses::mean_absolute_error,
       {0.0F, 0.3F, 1e4F},
       [](Wide x, Wide t) { return Terms{std::abs(x - t)}; },
       [](Wide x, Wide t) { return Terms{sign_of(x - t)}; }},
      {"huber",
       [](const Value& x, const Value& t) { return losses::huber(x, t, 0.5); },
       {0.0F, 0.3F, 1e4F},
       [](Wide x, Wide t) {
         const Wide e = std::abs(x - t);
         return Terms{e <= 0.5L ? e * e / 2 : 0.5L * (e - 0.25L)};
       },
       [](Wide x, Wide t) { return Terms{std::abs(x - t) <= 0.5L ? x - t : 0.5L * sign_of(x - t)}; }},
      {"hinge",
       losses::hinge,
       {1.0F, -1.0F},
       [](Wide x, Wide t) { return Terms{hinge_of(x, t)}; },
       [](Wide x, Wide t) { return Terms{hinge_of(x, t) > 0 ? -t : 0}; }},
      {"squared_hinge",
       losses::squared_hinge,
       {1.0F, -1.0F},
       [](Wide x, Wide t) { return Terms{hinge_of(x, t) * hinge_of(x, t)}; },
       [](Wide x, Wide t) { return Terms{-2 * t * hinge_of(x, t)}; },
       false,
       1e18F},
      {"poisson",
       losses::poisson,
       {0.0F, 2.0F, 100.0F},
       [](Wide x, Wide t) { return Terms{std::exp(x), -t * x}; },
       [](Wide x, Wide t) { return Terms{std::exp(x), -t}; },
       false,
       1e30F},
      {"poisson of rates",
       losses::poisson_of_rates,
       {0.0F, 2.0F, 100.0F},
       [](Wide x, Wide t) { return Terms{x, -t * std::log(x + 1e-8L), t}; },
       [](Wide x, Wide t) { return Terms{1, -t / (x + 1e-8L)}; },
       true},
      {"binary_focal_with_logits",
       [](const Value& x, const Value& t) { return losses::binary_focal_with_logits(x, t); },
       {0.0F, 1.0F},
       [](Wide x, Wide t) { return Focal(x, t).value(); },
       [](Wide x, Wide t) { return Focal(x, t).slope(); }},
      {"gaussian_negative_log_likelihood",
       [](const Value& x, const Value& t) {
         const Value variances = broadcast_like(constant(x.graph(), 0.25F), x);
         return losses::gaussian_negative_log_likelihood(x, variances, t);
       },
       {0.0F, 0.3F, 1e4F},
       [](Wide x, Wide t) { return Terms{std::log(0.25L) / 2, 2 * (x - t) * (x - t)}; },
       [](Wide x, Wide t) { return Terms{4 * (x - t)}; },
       false,
       1e18F},
  };
  return losses;
}

std::vector<float> tails(const Elementwise& entry) {
  std::vector<float> x{0.0F, 1e-45F, 1e-40F, 1e-20F, 1e-3F, 1e10F, 1e18F, 1e30F, 3e38F};
  for (int i = 1; i <= 2000; ++i) x.push_back(0.0437F * static_cast<float>(i));
  for (const float t : entry.targets) {
    for (const float gap : {1e-3F, 1e-5F}) x.push_back(t * (1.0F + gap));
  }
  std::erase_if(x, [&](float value) { return value > entry.largest; });
  const std::size_t half = x.size();
  for (std::size_t i = 0; i < half && !entry.positive; ++i) x.push_back(-x[i]);
  return x;
}

TEST(LossAccuracy, OfEachElementIsWithinTheTermsOfItsFormula) {
  for (const Elementwise& entry : elementwise()) {
    const std::vector<float> x = tails(entry);
    const auto size = static_cast<std::int64_t>(x.size());
    for (const float target : entry.targets) {
      const Tensor fed = Tensor::of(std::span<const float>(x), std::vector{size});
      const std::vector<float> t(x.size(), target);
      for (const auto& way :
           results_of(entry.build, fed, Tensor::of(std::span<const float>(t), std::vector{size}))) {
        for (std::size_t i = 0; i < x.size(); ++i) {
          Terms value = entry.value(static_cast<Wide>(x[i]), static_cast<Wide>(target));
          if (entry.name == "poisson of rates") value.sum -= static_cast<Wide>(target);  // which bounds alone
          expect_within(way[0].values<float>()[i], value, entry.name, x[i], target);
          expect_within(way[1].values<float>()[i],
                        entry.slope(static_cast<Wide>(x[i]), static_cast<Wide>(target)), entry.name, x[i],
                        target);
        }
      }
    }
  }
}

/// A loss over a grid of predictions and targets, where terms overflow, vanish or are infinite.
struct Extreme {
  std::string_view name;
  Build build;
  std::vector<float> targets;
  bool infinite = false;  // x may be, of both signs
  Terms (*value)(Wide x, Wide t);
  Terms (*slope)(Wide x, Wide t);
};

Wide share_of(Wide t, Wide x) { return t == 0 ? 0 : t * x; }
/// e^x - t x, or x - t ln x, where an infinite rate is larger than anything.
Terms rate_less(Wide rate, Wide term) { return std::isinf(rate) ? Terms{rate} : Terms{rate, -term}; }

const std::vector<Extreme>& extremes() {
  static const std::vector<float> sizes{0.0F, 1e-45F, 0.3F, 1e30F, -3e38F};
  static const std::vector<Extreme> losses{
      {"mean_squared_error", losses::mean_squared_error, sizes, false,
       [](Wide x, Wide t) { return Terms{(x - t) * (x - t)}; },
       [](Wide x, Wide t) { return Terms{2 * (x - t)}; }},
      {"mean_absolute_error", losses::mean_absolute_error, sizes, false,
       [](Wide x, Wide t) { return Terms{std::abs(x - t)}; },
       [](Wide x, Wide t) { return Terms{sign_of(x - t)}; }},
      {"huber",
       [](const Value& x, const Value& t) { return losses::huber(x, t, 0.5); },
       {0.0F, 0.3F, 1e30F},
       false,
       [](Wide x, Wide t) {
         const Wide e = std::abs(x - t);
         return Terms{e <= 0.5L ? e * e / 2 : 0.5L * (e - 0.25L)};
       },
       [](Wide x, Wide t) { return Terms{std::abs(x - t) <= 0.5L ? x - t : 0.5L * sign_of(x - t)}; }},
      {"log_cosh", losses::log_cosh, sizes, false,
       [](Wide x, Wide t) {
         const Wide e = std::abs(x - t);
         return Terms{e < 1e-3L ? e * e / 2 : e,
                      e < 1e-3L ? 0 : std::log1p(std::exp(-2 * e)) - std::log(2.0L)};
       },
       [](Wide x, Wide t) { return Terms{std::tanh(x - t)}; }},
      {"hinge",
       losses::hinge,
       {1.0F, -1.0F},
       true,
       [](Wide x, Wide t) { return Terms{hinge_of(x, t)}; },
       [](Wide x, Wide t) { return Terms{hinge_of(x, t) > 0 ? -t : 0}; }},
      {"squared_hinge",
       losses::squared_hinge,
       {1.0F, -1.0F},
       true,
       [](Wide x, Wide t) { return Terms{hinge_of(x, t) * hinge_of(x, t)}; },
       [](Wide x, Wide t) { return Terms{-2 * t * hinge_of(x, t)}; }},
      {"binary_cross_entropy_with_logits",
       losses::binary_cross_entropy_with_logits,
       {0.0F, 0.3F, 1.0F},
       true,
       [](Wide x, Wide t) {
         return Terms{x > 0 ? share_of(1 - t, x) : -share_of(t, x), std::log1p(std::exp(-std::abs(x)))};
       },
       [](Wide x, Wide t) { return Terms{1 / (1 + std::exp(-x)), -t}; }},
      {"poisson",
       losses::poisson,
       {0.0F, 2.0F, 1e30F},
       true,
       [](Wide x, Wide t) { return rate_less(std::exp(x), share_of(t, x)); },
       [](Wide x, Wide t) { return rate_less(std::exp(x), t); }},
      {"poisson of rates",
       [](const Value& x, const Value& t) { return losses::poisson_of_rates(abs(x), t); },
       {0.0F, 2.0F, 1e30F},
       true,
       [](Wide x, Wide t) {
         Terms terms = rate_less(std::abs(x), t * std::log(std::abs(x) + 1e-8L));
         terms.absolute += t;  // the logarithm is as good as its argument, which is near 1
         return terms;
       },
       [](Wide x, Wide t) {
         const Wide sign = sign_of(x);
         return Terms{sign, -sign * t / (std::abs(x) + 1e-8L)};
       }},
  };
  return losses;
}

TEST(LossAccuracy, HoldsWhereTermsOverflowOrVanish) {
  constexpr float kNoLimit = std::numeric_limits<float>::infinity();
  for (const Extreme& entry : extremes()) {
    std::vector<float> x{0.0F};
    for (const float size :
         {1e-45F, 1e-30F, 1e-8F, 1.0F, 30.0F, 85.0F, 200.0F, 1e10F, 1e20F, 1e30F, 3e38F, kNoLimit}) {
      if (std::isinf(size) && !entry.infinite) continue;
      x.insert(x.end(), {size, -size});
    }
    const Tensor fed = Tensor::of(std::span<const float>(x), std::vector{std::ssize(x)});
    for (const float target : entry.targets) {
      const std::vector<float> t(x.size(), target);
      for (const auto& way :
           results_of(entry.build, fed, Tensor::of(std::span<const float>(t), std::vector{std::ssize(x)}))) {
        for (std::size_t i = 0; i < x.size(); ++i) {
          const auto wide = static_cast<Wide>(x[i]);
          expect_within(way[0].values<float>()[i], entry.value(wide, static_cast<Wide>(target)), entry.name,
                        x[i], target);
          expect_within(way[1].values<float>()[i], entry.slope(wide, static_cast<Wide>(target)),
                        std::string("slope of ") + std::string(entry.name), x[i], target);
        }
      }
    }
  }
}

TEST(LossAccuracy, OfMeansHoldsNearTheLargestNumber) {
  const std::vector<float> x{3e38F, 3e38F, 3e38F, -3e38F};
  const Tensor fed = Tensor::of(std::span<const float>(x), std::vector<std::int64_t>{2, 2});
  const Tensor zeros = Tensor::zeros(f32, {2, 2});
  const Build loss = [](const Value& in, const Value& t) {
    return reshape(losses::reduce(losses::mean_absolute_error(in, t)), Shape{1});
  };
  for (const auto& way : results_of(loss, fed, zeros)) {
    EXPECT_FLOAT_EQ(way[0].values<float>()[0], 3e38F);
    EXPECT_FLOAT_EQ(way[1].values<float>()[3], -0.25F);
  }
}

struct OfRows {
  std::string_view name;
  Build build;
  bool probabilities = false;  // x is between 0 and 1, else around an offset
  Terms (*value)(std::span<const float> x, std::span<const float> t);
};

template <typename F>
Terms sum_of(std::span<const float> x, std::span<const float> t, F f) {
  Terms terms{};
  for (std::size_t i = 0; i < x.size(); ++i) f(terms, static_cast<Wide>(x[i]), static_cast<Wide>(t[i]));
  return terms;
}

/// With logits, log p = x - largest - ln sum(e^(x - largest)).
Wide log_of_sum(std::span<const float> x) {
  const auto largest = static_cast<Wide>(*std::ranges::max_element(x));
  Wide sum = 0;
  for (const float value : x) sum += std::exp(static_cast<Wide>(value) - largest);
  return largest + std::log(sum);
}

Wide euclidean(std::span<const float> a, std::span<const float> b, Wide sign = 1) {
  Wide squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Wide gap = static_cast<Wide>(a[i]) - sign * static_cast<Wide>(b[i]);
    squares += gap * gap;
  }
  return std::sqrt(squares);
}

TEST(LossAccuracy, OfRowsIsWithinTheTermsOfTheirFormulas) {
  const std::vector<OfRows> all{
      {"categorical_cross_entropy",
       [](const Value& x, const Value& t) { return losses::categorical_cross_entropy(x, t); }, true,
       [](auto x, auto t) {
         return sum_of(x, t, [](Terms& terms, Wide p, Wide target) { terms.add(-target * std::log(p)); });
       }},
      {"categorical_cross_entropy_with_logits",
       [](const Value& x, const Value& t) {
         return losses::categorical_cross_entropy_with_logits(x, t, 0.1);
       },
       false,
       [](auto x, auto t) {
         const Wide log_sum = log_of_sum(x);
         const auto classes = static_cast<Wide>(x.size());
         return sum_of(x, t, [&](Terms& terms, Wide logit, Wide target) {
           terms.add(-(0.9L * target + 0.1L / classes) * (logit - log_sum));
         });
       }},
      {"kl_divergence", losses::kl_divergence, false,
       [](auto x, auto t) {
         return sum_of(x, t, [](Terms& terms, Wide log_p, Wide target) {
           if (target == 0) return;
           terms.add(target * std::log(target));
           terms.add(-target * log_p);
         });
       }},
      {"categorical_focal_with_logits",
       [](const Value& x, const Value& t) { return losses::categorical_focal_with_logits(x, t); }, false,
       [](auto x, auto t) {
         const Wide log_sum = log_of_sum(x);
         return sum_of(x, t, [&](Terms& terms, Wide logit, Wide target) {
           const Wide rest = -std::expm1(logit - log_sum);
           terms.add(-target * rest * rest * (logit - log_sum));
         });
       }},
      {"multi_margin", [](const Value& x, const Value& t) { return losses::multi_margin(x, argmax(t, 1)); },
       false,
       [](auto x, auto t) {
         const auto label = static_cast<std::size_t>(std::ranges::max_element(t) - t.begin());
         const auto right = static_cast<Wide>(x[label]);
         const auto classes = static_cast<Wide>(x.size());
         Terms terms{};
         for (std::size_t j = 0; j < x.size(); ++j) {
           if (j == label) continue;
           const auto other = static_cast<Wide>(x[j]);
           terms.sum += std::max(0.0L, 1 - right + other) / classes;
           terms.absolute += (1 + std::abs(right) + std::abs(other)) / classes;
         }
         return terms;
       }},
      {"dice", [](const Value& x, const Value& t) { return losses::dice(x, t); }, true,
       [](auto x, auto t) {
         Wide both = 0;
         Wide all_of = 0;
         for (std::size_t i = 0; i < x.size(); ++i) {
           both += static_cast<Wide>(x[i]) * static_cast<Wide>(t[i]);
           all_of += static_cast<Wide>(x[i]) + static_cast<Wide>(t[i]);
         }
         return Terms{1, -(2 * both + 1e-7L) / (all_of + 1e-7L)};
       }},
      {"triplet_margin", [](const Value& x, const Value& t) { return losses::triplet_margin(x, t, -t); },
       false,
       [](auto x, auto t) {
         Terms terms{euclidean(x, t), -euclidean(x, t, -1), 1};
         terms.sum = std::max(terms.sum, 0.0L);
         return terms;
       }},
      {"contrastive",
       [](const Value& x, const Value& t) { return losses::contrastive(x, t, 0.0 * sum(t, {1}) + 0.25); },
       false,
       [](auto x, auto t) {
         const Wide d = euclidean(x, t);
         const Wide gap = std::max(0.0L, 1 - d);
         return Terms{0.125L * d * d, 0.375L * gap * gap};
       }},
  };
  TensorSource source("losses of rows");
  constexpr std::int64_t kRows = 50;
  for (const OfRows& entry : all) {
    for (const std::int64_t classes : {2, 10, 1000}) {
      for (const double offset : {0.0, -1e4, 1e6}) {
        const Tensor x = entry.probabilities
                             ? source.uniform({kRows, classes}, 1e-6, 1.0, f32)
                             : source.uniform({kRows, classes}, offset - 50.0, offset + 50.0, f32);
        const Tensor t = source.uniform({kRows, classes}, 0.0, 1.0, f32);
        for (const auto& way : results_of(entry.build, x, t)) {
          for (std::int64_t row = 0; row < kRows; ++row) {
            const auto at = static_cast<std::size_t>(row * classes);
            const auto n = static_cast<std::size_t>(classes);
            expect_within(way[0].values<float>()[static_cast<std::size_t>(row)],
                          entry.value(x.values<float>().subspan(at, n), t.values<float>().subspan(at, n)),
                          entry.name, offset, static_cast<double>(classes));
          }
        }
      }
    }
  }
}

TEST(LossAccuracy, OfAMillionSamplesIsThatOfOne) {
  constexpr std::int64_t kMany = 1'000'000;
  TensorSource source("many samples");
  const Tensor x = source.uniform({kMany}, 1e3, 1e3 + 1.0, f32);
  const Tensor t = source.uniform({kMany}, 0.0, 1.0, f32);
  Wide squares = 0;
  Wide weighted = 0;
  Wide weights = 0;
  for (std::size_t i = 0; i < kMany; ++i) {
    const auto weight = static_cast<Wide>(t.values<float>()[i]);
    const Wide e = static_cast<Wide>(x.values<float>()[i]) - weight;
    squares += e * e / kMany;
    weighted += weight * e * e;
    weights += weight;
  }
  const auto mean_over_axis = [](const Value& in, const Value& targets) {
    return losses::mean_squared_error(reshape(in, {1, kMany}), reshape(targets, {1, kMany}));
  };
  const auto weighed = [](const Value& in, const Value& targets) {
    return losses::reduce(losses::mean_squared_error(in, targets), {.sample_weights = targets});
  };
  for (const auto& way : results_of(mean_over_axis, x, t))
    expect_within(way[0].values<float>()[0], {squares}, "mean over an axis", 1e3, 0.5);
  for (const auto& way : results_of(weighed, x, t))
    expect_within(way[0].values<float>()[0], {weighted / weights}, "weighted mean", 1e3, 0.5);
}

TEST(MetricsAccuracy, OfAMillionNumbersIsThatOfDoubles) {
  constexpr std::int64_t kMany = 1'000'000;
  TensorSource source("many predictions");
  for (const double offset : {0.0, 1e3}) {
    const Tensor p = source.uniform({kMany}, offset, offset + 1.0, f32);
    const Tensor t = source.uniform({kMany}, offset, offset + 1.0, f32);
    Wide squares = 0;
    Wide distances = 0;
    Wide mean = 0;
    Wide variance = 0;
    for (std::size_t i = 0; i < kMany; ++i) {
      const Wide e = static_cast<Wide>(p.values<float>()[i]) - static_cast<Wide>(t.values<float>()[i]);
      squares += e * e / kMany;
      distances += std::abs(e) / kMany;
      mean += static_cast<Wide>(t.values<float>()[i]) / kMany;
    }
    for (const float target : t.values<float>())
      variance += (static_cast<Wide>(target) - mean) * (static_cast<Wide>(target) - mean) / kMany;
    const auto near = [&](double actual, Wide expected) {
      EXPECT_LE(std::abs(static_cast<Wide>(actual) - expected), 1e-10L * std::abs(expected))
          << offset << "; " << replay();
    };
    near(mean_squared_error(p, t), squares);
    near(mean_absolute_error(p, t), distances);
    near(r2_score(p, t), 1 - squares / variance);
  }
}

}  // namespace
}  // namespace weft::accuracy_tests
