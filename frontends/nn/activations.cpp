#include "weft/frontends/nn/activations.h"

#include <array>
#include <functional>
#include <limits>
#include <numbers>

#include "weft/frontends/config/choices.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/softmax.h"
#include "weft/ops/structure.h"

namespace weft::nn {
namespace {

Scope named(const Operand& x, std::string_view name) { return {x.value(name).graph(), name, x.where()}; }

constexpr double kSaturated = 1e4;  // where a sigmoid is 0 or 1, in any dtype
constexpr double kFar = 1e30;       // adding 1 makes no difference, in any dtype

/// x sigmoid(gate(x)), which is -0 where x is -infinity. Its derivative s (1 + x g' (1 - s)), with s =
/// sigmoid(g), is computed without the difference 1 - s and without 0 times infinity.
Value gated(const Operand& x, const std::function<Value(const Value&)>& gate,
            const std::function<Operand(const Value&)>& slope) {
  const Value u = x.value();
  const Value y = u * sigmoid(gate(u));
  const double lowest = -std::numeric_limits<double>::infinity();
  return custom_gradient(where(equal(u, lowest), -0.0, y), {&u, 1}, [=](const GradientArgs& args) {
    const Value at = clip(args.inputs[0], -kSaturated, kSaturated);
    const Value g = gate(at);
    return std::vector{args.output_gradients[0] * (sigmoid(g) * (1.0 + at * slope(at) * sigmoid(-g)))};
  });
}

}  // namespace

Value relu6(const Operand& x) { return clip(x, 0.0, 6.0); }

Value prelu(const Operand& x, const Value& alpha) {
  const Scope origin = named(x, "prelu");
  return where(x > 0.0, x, alpha * x);
}

Value selu(const Operand& x) {
  const Scope origin = named(x, "selu");
  return kSeluScale * elu(x, kSeluAlpha);
}

Value hard_sigmoid(const Operand& x) {
  const Scope origin = named(x, "hard_sigmoid");
  return clip(x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
}

Value hard_tanh(const Operand& x) { return clip(x, -1.0, 1.0); }

Value softsign(const Operand& x) {
  const Scope origin = named(x, "softsign");
  // At the infinities it is 1 and -1. Its slope 1 / (1 + |x|)^2 is computed without the difference 1 - |y|.
  const Value u = x.value();
  const Value bounded = clip(x, -kFar, kFar);
  return custom_gradient(bounded / (1.0 + abs(bounded)), {&u, 1}, [](const GradientArgs& args) {
    const Value size = 1.0 + abs(args.inputs[0]);
    return std::vector{args.output_gradients[0] / size / size};
  });
}

Value swish(const Operand& x, double beta) {
  const Scope origin = named(x, "swish");
  return gated(
      x, [beta](const Value& u) { return u * beta; }, [beta](const Value&) { return Operand(beta); });
}

Value gelu_tanh(const Operand& x) {
  const Scope origin = named(x, "gelu_tanh");
  // 1/2 (1 + tanh(g / 2)) = sigmoid(g)
  constexpr double kScale = 2.0 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  constexpr double kCubic = 0.044715;
  return gated(
      x, [](const Value& u) { return kScale * (u + kCubic * (u * square(u))); },
      [](const Value& u) { return Operand(kScale * (1.0 + 3.0 * kCubic * square(u))); });
}

Value hard_shrink(const Operand& x, double t) {
  const Scope origin = named(x, "hard_shrink");
  return where(abs(x) > t, x, 0.0);
}

Value soft_shrink(const Operand& x, double t) {
  const Scope origin = named(x, "soft_shrink");
  return x - clip(x, -t, t);
}

Value tanh_shrink(const Operand& x) {
  const Scope origin = named(x, "tanh_shrink");
  return x - tanh(x);
}

Value threshold(const Operand& x, double t, double otherwise) {
  const Scope origin = named(x, "threshold");
  return where(x > t, x, otherwise);
}

Value celu(const Operand& x, double a) {
  const Scope origin = named(x, "celu");
  return a * elu(x / a);
}

Value mish(const Operand& x) {
  const Scope origin = named(x, "mish");
  return x * tanh(softplus(x));
}

Value log_sigmoid(const Operand& x) {
  const Scope origin = named(x, "log_sigmoid");
  return -softplus(-x);
}

Value softmin(const Operand& x, std::int64_t axis) {
  const Scope origin = named(x, "softmin");
  return softmax(-x, axis);
}

Value glu(const Operand& x, std::int64_t axis) {
  const auto halves = split(x, 2, axis);
  const Scope origin = named(x, "glu");
  return halves[0] * sigmoid(halves[1]);
}

Value crelu(const Operand& x, std::int64_t axis) {
  const Scope origin = named(x, "crelu");
  return concat({relu(x), relu(-x)}, axis);
}

namespace {

constexpr std::array kActivations{
    NamedActivation{"relu", "max(x, 0)", weft::relu},
    NamedActivation{"tanh", "tanh(x)", weft::tanh},
    NamedActivation{"sigmoid", "1 / (1 + e^-x)", weft::sigmoid},
    NamedActivation{"relu6", "min(max(x, 0), 6)", relu6},
    NamedActivation{"leaky_relu", "x where x > 0, else 0.01 x",
                    [](const Operand& x) { return leaky_relu(x); }},
    NamedActivation{"elu", "x where x > 0, else e^x - 1", [](const Operand& x) { return elu(x); }},
    NamedActivation{"selu", "elu, scaled to keep mean 0 and variance 1", selu},
    NamedActivation{"gelu", "x times the probability that a normal number is below x", weft::gelu},
    NamedActivation{"swish", "x / (1 + e^-x)", [](const Operand& x) { return swish(x); }},
    NamedActivation{"softplus", "ln(1 + e^x)", weft::softplus},
    NamedActivation{"softsign", "x / (1 + |x|)", softsign},
    NamedActivation{"hard_sigmoid", "min(max(x / 6 + 1/2, 0), 1)", hard_sigmoid},
    NamedActivation{"hard_tanh", "min(max(x, -1), 1)", hard_tanh},
    NamedActivation{"mish", "x tanh(ln(1 + e^x))", mish},
    NamedActivation{"celu", "max(x, 0) + min(e^x - 1, 0)", [](const Operand& x) { return celu(x); }},
};

}  // namespace

std::span<const NamedActivation> named_activations() { return kActivations; }

const NamedActivation& activation_named(std::string_view name) {
  return choice_named("activation", name, named_activations());
}

}  // namespace weft::nn
