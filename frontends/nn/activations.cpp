#include "weft/frontends/nn/activations.h"

#include <array>

#include "weft/frontends/config/choices.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"

namespace weft::nn {
namespace {

Scope named(const Operand& x, std::string_view name) { return {x.value().graph(), name, x.where()}; }

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
  return x / (1.0 + abs(x));
}

Value swish(const Operand& x, double beta) {
  const Scope origin = named(x, "swish");
  return x * sigmoid(x * beta);
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
};

}  // namespace

std::span<const NamedActivation> named_activations() { return kActivations; }

const NamedActivation& activation_named(std::string_view name) {
  return choice_named("activation", name, named_activations());
}

}  // namespace weft::nn
