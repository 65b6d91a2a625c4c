#include "weft/frontends/nn/activations.h"

#include "weft/ops/activation.h"
#include "weft/ops/compare.h"

namespace weft::nn {
namespace {

Scope named(const Operand& x, std::string_view name) { return {x.value(name).graph(), name, x.where()}; }

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

}  // namespace weft::nn
