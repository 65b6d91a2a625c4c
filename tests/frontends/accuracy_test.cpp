// The bounds that frontends/ states for activations and losses, held against their definitions in long
// double: values and gradients, in tails and for numbers of any size, by a session and by the reference.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/losses.h"
#include "weft/frontends/nn/activations.h"
#include "weft/ops/activation.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/near.h"

namespace weft::accuracy_tests {
namespace {

using testing_support::near;
using Wide = long double;
using Floats = std::vector<float>;

constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor row_of(const Floats& x) {
  return Tensor::of(std::span<const float>(x), std::vector{static_cast<std::int64_t>(x.size())});
}

struct Results {
  Floats values;
  Floats slopes;  // of the sum of the values
};

/// Of a function of x, by a session and by the reference interpreter.
std::vector<Results> results_of(const std::function<Value(const Value&)>& f, const Tensor& x) {
  Graph graph;
  const Value in = input(graph, "x", f32, Shape::of(x.sizes()));
  const Value y = f(in);
  const std::vector<Value> both{y, gradient(sum(y), in)};
  Session session(graph);
  Function function = session.compile({.inputs = {in}, .outputs = both, .updates = {}});
  const auto copy = [](const Tensor& t) {
    return Floats(t.values<float>().begin(), t.values<float>().end());
  };
  const auto run = function({x});
  Results fast{copy(run[0]), copy(run[1])};
  const auto reference = testing_support::evaluate_values(both, {{"x", x}});
  return {std::move(fast), {copy(reference[0]), copy(reference[1])}};
}

Floats tails() {
  Floats x{0.0F, -0.0F, 1e-45F, -1e-40F, 1e-20F, -1e-20F, 1e20F, -1e20F, 3e38F, -3e38F, kInf, -kInf};
  for (int i = -2400; i <= 2400; ++i) x.push_back(0.0437F * static_cast<float>(i));
  return x;
}

Wide sigmoid_of(Wide x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
/// Nothing is left of x beside an exponential of it.
Wide times(Wide x, Wide vanishing) { return vanishing == 0 ? 0 : x * vanishing; }
Wide gated(Wide x, Wide gate) { return times(x, sigmoid_of(gate)); }
Wide gated_slope(Wide x, Wide gate, Wide gate_slope) {
  return sigmoid_of(gate) + times(x * gate_slope, sigmoid_of(gate) * sigmoid_of(-gate));
}
constexpr Wide kScale = 1.59576912160573071175978423973752L;  // 2 sqrt(2 / pi)

struct Activation {
  std::string_view name;
  Value (*build)(const Operand& x);
  Wide (*formula)(Wide x);
  Wide (*slope)(Wide x);
  double bound = 1e-6;
};

TEST(Accuracy, OfActivationsHoldsInTheirTails) {
  const std::vector<Activation> activations{
      {"softsign", nn::softsign,
       [](Wide x) { return std::isinf(x) ? std::copysign(1.0L, x) : x / (1 + std::abs(x)); },
       [](Wide x) { return 1 / (1 + std::abs(x)) / (1 + std::abs(x)); }},
      {"swish", [](const Operand& x) { return nn::swish(x); }, [](Wide x) { return gated(x, x); },
       [](Wide x) { return gated_slope(x, x, 1); }},
      // The cube in the exponent multiplies its rounding by itself.
      {"gelu_tanh", nn::gelu_tanh, [](Wide x) { return gated(x, kScale * (x + 0.044715L * x * x * x)); },
       [](Wide x) {
         return gated_slope(x, kScale * (x + 0.044715L * x * x * x), kScale * (1 + 3 * 0.044715L * x * x));
       },
       3e-5},
      {"selu", nn::selu,
       [](Wide x) {
         return static_cast<Wide>(nn::kSeluScale) *
                (x > 0 ? x : static_cast<Wide>(nn::kSeluAlpha) * std::expm1(x));
       },
       [](Wide x) {
         return static_cast<Wide>(nn::kSeluScale) *
                (x > 0 ? 1 : static_cast<Wide>(nn::kSeluAlpha) * std::exp(x));
       }},
      {"hard_tanh", nn::hard_tanh, [](Wide x) { return std::min(std::max(x, -1.0L), 1.0L); },
       [](Wide x) { return std::abs(x) <= 1 ? 1.0L : 0.0L; }},
      {"relu6", nn::relu6, [](Wide x) { return std::min(std::max(x, 0.0L), 6.0L); },
       [](Wide x) { return x >= 0 && x <= 6 ? 1.0L : 0.0L; }},
  };
  const Floats x = tails();
  for (const Activation& activation : activations) {
    for (const Results& way : results_of(activation.build, row_of(x))) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        const auto wide = static_cast<Wide>(x[i]);
        EXPECT_TRUE(near(way.values[i], activation.formula(wide), activation.bound))
            << activation.name << " at " << x[i];
        EXPECT_TRUE(near(way.slopes[i], activation.slope(wide), activation.bound, 3e-7))
            << "slope of " << activation.name << " at " << x[i];
        // Far out nothing crosses 0, and every digit counts.
        if (std::abs(x[i]) < 10.0F || activation.bound > 1e-5) continue;
        EXPECT_TRUE(near(way.slopes[i], activation.slope(wide), 2e-6))
            << "slope of " << activation.name << " at " << x[i];
      }
    }
  }
}

using LossFunction = Value (*)(const Operand& x, const Operand& t);

/// Each sample's loss and slope, for one target.
void expect_accurate_loss(std::string_view name, LossFunction loss, float target, const Floats& x,
                          Wide (*value)(Wide x, Wide t), Wide (*slope)(Wide x, Wide t), double bound) {
  const auto f = [&](const Value& in) {
    return loss(in, constant(in.graph(), row_of(Floats(x.size(), target))));
  };
  for (const Results& way : results_of(f, row_of(x))) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto wide = static_cast<Wide>(x[i]);
      const auto t = static_cast<Wide>(target);
      EXPECT_TRUE(near(way.values[i], value(wide, t), bound))
          << name << " of " << x[i] << ", target " << target;
      EXPECT_TRUE(near(way.slopes[i], slope(wide, t), bound))
          << "slope of " << name << " of " << x[i] << ", target " << target;
    }
  }
}

TEST(Accuracy, OfBinaryCrossEntropyHoldsForBothTargets) {
  for (const float target : {0.0F, 1.0F}) {
    expect_accurate_loss(
        "binary_cross_entropy_with_logits", losses::binary_cross_entropy_with_logits, target, tails(),
        [](Wide x, Wide t) {
          const Wide z = t == 0 ? x : -x;
          return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
        },
        [](Wide x, Wide t) { return t == 0 ? sigmoid_of(x) : -sigmoid_of(-x); }, 1e-6);
    expect_accurate_loss(
        "binary_cross_entropy", losses::binary_cross_entropy, target,
        {1e-30F, 1e-10F, 1e-7F, 1e-4F, 0.01F, 0.3F, 0.5F, 0.7F, 0.99F, 0.9999F, 0.9999999F},
        [](Wide p, Wide t) { return t == 0 ? -std::log1p(-p) : -std::log(p); },
        [](Wide p, Wide t) { return t == 0 ? 1 / (1 - p) : -1 / p; }, 1e-6);
  }
}

TEST(Accuracy, OfLogCoshHoldsNearZeroAndFarOut) {
  Floats x = tails();
  std::erase_if(
      x, [](float e) { return std::abs(e) < 1e-18F && e != 0.0F; });  // whose squares are no normal numbers
  expect_accurate_loss(
      "log_cosh", losses::log_cosh, 0.0F, x,
      [](Wide e, Wide) {
        const Wide size = std::abs(e);
        const Wide u = std::tanh(size);
        return size < 1 ? -0.5L * std::log1p(-u * u)
                        : size + std::log1p(std::exp(-2 * size)) - 0.693147180559945309417232121458L;
      },
      [](Wide e, Wide) { return std::tanh(e); }, 2e-6);
}

TEST(Accuracy, OfCosineHoldsForNumbersOfAnySize) {
  for (const float size : {1e-3F, 1.0F, 1e15F, 1e30F, 1e38F}) {
    Graph graph;
    const Value x = constant(graph, Tensor::of<float>({3.0F * size, 0.0F}, {1, 2}));
    const Value t = constant(graph, Tensor::of<float>({0.6F * size, 0.8F * size}, {1, 2}));
    EXPECT_NEAR(testing_support::numbers(testing_support::evaluate_value(losses::cosine(x, t)))[0], 0.4,
                2e-6);
  }
}

}  // namespace
}  // namespace weft::accuracy_tests
