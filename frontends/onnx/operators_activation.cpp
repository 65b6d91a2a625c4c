#include <array>
#include <cmath>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/ops/activation.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/softmax.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

Items relu_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  const Value x = node.value(0);
  return is_float(x.dtype()) ? relu(x) : maximum(x, 0);
}

Items sigmoid_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  return sigmoid(node.value(0));
}

Items tanh_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  return tanh(node.value(0));
}

Items leaky_relu_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  return leaky_relu(node.value(0), node.number("alpha", 0.01));
}

Items elu_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  return elu(node.value(0), node.number("alpha", 1.0));
}

Items selu_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  const bool is_old = node.version() < 6;
  const double alpha = node.number("alpha", is_old ? 1.6732 : 1.67326319217681884765625);
  const double gamma = node.number("gamma", is_old ? 1.0507 : 1.05070102214813232421875);
  return elu(node.value(0), alpha) * gamma;
}

Items celu_rule(const NodeView& node) {  // alpha elu(x / alpha)
  const double alpha = node.number("alpha", 1.0);
  return elu(div(node.value(0), alpha)) * alpha;
}

Items softplus_rule(const NodeView& node) { return softplus(node.value(0)); }

Items softsign_rule(const NodeView& node) {
  const Value x = node.value(0);
  return x / (abs(x) + 1.0);
}

Items hard_sigmoid_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  return clip(node.value(0) * node.number("alpha", 0.2) + node.number("beta", 0.5), 0.0, 1.0);
}

Items hard_swish_rule(const NodeView& node) {
  const Value x = node.value(0);
  return x * clip(x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
}

Items mish_rule(const NodeView& node) {
  const Value x = node.value(0);
  return x * tanh(softplus(x));
}

Items gelu_rule(const NodeView& node) {
  const Value x = node.value(0);
  if (node.text("approximate", "none") == "none") return gelu(x);
  constexpr double kRootOfTwoOverPi = 0.7978845608028654;
  return x * 0.5 * (tanh((x + x * square(x) * 0.044715) * kRootOfTwoOverPi) + 1.0);
}

Items swish_rule(const NodeView& node) {  // x sigmoid(alpha x)
  const Value x = node.value(0);
  return x * sigmoid(x * node.number("alpha", 1.0));
}

Items thresholded_relu_rule(const NodeView& node) {
  const Value x = node.value(0);
  return where(greater(x, node.number("alpha", 1.0)), x, 0.0);
}

Items prelu_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  const Value x = node.value(0);
  Value slope = node.value(1);
  const std::size_t rank = x.shape().rank();
  // Before version 7 a vector of slopes is one for each channel.
  if (node.version() < 7 && slope.shape().rank() == 1 && rank > 2) slope = along_axis(slope, 1, rank);
  return where(less(x, 0), x * slope, x);
}

Items shrink_rule(const NodeView& node) {
  const Value x = node.value(0);
  const double bias = node.number("bias", 0.0);
  const double lambda = node.number("lambd", 0.5);
  return in_floats(x, [&](const Value& u) {
    return where(less(u, -lambda), u + bias, where(greater(u, lambda), u - bias, 0.0));
  });
}

/// The function along the axis; before version 13, along all axes from that one on.
template <typename F>
Items normalizing(const NodeView& node, const F& function) {
  const Value x = node.value(0);
  const bool is_old = node.version() < 13;
  const std::int64_t axis = node.integer("axis", is_old ? 1 : -1);
  if (!is_old) return function(x, axis);
  const auto rank = static_cast<std::int64_t>(x.shape().rank());
  return reshape(function(as_matrix(x, axis < 0 ? axis + rank : axis), 1), x.shape());
}

Items softmax_rule(const NodeView& node) {
  return normalizing(node, [](const Value& x, std::int64_t axis) { return softmax(x, axis); });
}

Items log_softmax_rule(const NodeView& node) {
  return normalizing(node, [](const Value& x, std::int64_t axis) { return log_softmax(x, axis); });
}

Items hardmax_rule(const NodeView& node) {
  return normalizing(node, [](const Value& x, std::int64_t axis) {
    const Value last = move_axis(x, axis, -1);
    const Dim& classes = last.shape()[last.shape().rank() - 1];
    return move_axis(one_hot(argmax(last, -1), classes.size(), x.dtype()), -1, axis);
  });
}

constexpr std::array kActivations{
    RuleEntry{"Celu", celu_rule},
    RuleEntry{"Elu", elu_rule},
    RuleEntry{"Gelu", gelu_rule},
    RuleEntry{"HardSigmoid", hard_sigmoid_rule},
    RuleEntry{"HardSwish", hard_swish_rule},
    RuleEntry{"Hardmax", hardmax_rule},
    RuleEntry{"LeakyRelu", leaky_relu_rule},
    RuleEntry{"LogSoftmax", log_softmax_rule},
    RuleEntry{"Mish", mish_rule},
    RuleEntry{"PRelu", prelu_rule},
    RuleEntry{"Relu", relu_rule},
    RuleEntry{"Selu", selu_rule},
    RuleEntry{"Shrink", shrink_rule},
    RuleEntry{"Sigmoid", sigmoid_rule},
    RuleEntry{"Softmax", softmax_rule},
    RuleEntry{"Softplus", softplus_rule},
    RuleEntry{"Softsign", softsign_rule},
    RuleEntry{"Swish", swish_rule},
    RuleEntry{"Tanh", tanh_rule},
    RuleEntry{"ThresholdedRelu", thresholded_relu_rule},
};

}  // namespace

std::span<const RuleEntry> activation_rules() { return kActivations; }

}  // namespace weft::onnx
