// The operators of ai.onnx.preview.training: gradients, and the steps of optimizers.

#include <algorithm>
#include <array>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/onnx/importer.h"
#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"

namespace weft::onnx {
namespace {

/// The gradients of the tensor `y` with respect to the tensors `xs`; others, `zs`, are held. All are named as
/// they are in the graph, and must be those that are its inputs.
Items gradient_rule(const NodeView& node) {
  std::vector<std::string> names = node.texts("xs");
  const std::size_t count = names.size();
  for (const std::string& held : node.texts("zs")) names.push_back(held);
  if (names != node.proto().input)
    node.refuse("it takes a gradient at other places than those that were computed with");
  const Item* const y = node.names().find(node.text("y", ""));
  if (y == nullptr) throw Error(ErrorCode::invalid_argument, "its y is no tensor of the graph");
  std::vector<Value> wrt;
  for (std::size_t i = 0; i < count; ++i) wrt.push_back(node.value(i));
  return gradients(sum(node.value(*y)), wrt, Unconnected::zeros);
}

/// The tensors of an optimizer's node, in groups of as many: X, G, and the optimizer's own.
struct OptimizerInputs {
  Value rate;
  Value step;
  std::vector<std::vector<Value>> groups;
};

OptimizerInputs optimizer_inputs(const NodeView& node, std::size_t groups) {
  if (node.inputs() < 2 || (node.inputs() - 2) % groups != 0)
    throw Error(ErrorCode::invalid_argument, "its tensors do not come in groups");
  OptimizerInputs made{node.value(0), node.value(1), std::vector<std::vector<Value>>(groups)};
  const std::size_t each = (node.inputs() - 2) / groups;
  for (std::size_t i = 2; i < node.inputs(); ++i) made.groups[(i - 2) / each].push_back(node.value(i));
  return made;
}

/// The new tensors of each group, one group after the other.
Items grouped(const std::vector<std::vector<Value>>& groups) {
  std::vector<Value> all;
  for (const auto& group : groups) all.insert(all.end(), group.begin(), group.end());
  return all;
}

Items momentum_rule(const NodeView& node) {
  const OptimizerInputs in = optimizer_inputs(node, 3);
  const double alpha = node.number("alpha", 0.0);
  const double norm = node.number("norm_coefficient", 0.0);
  const bool is_nesterov = node.text("mode", "standard") == "nesterov";
  const Value beta = where(greater(in.step, 0), scalar_like(in.rate, node.number("beta", 0.0)), 1.0);
  std::vector<std::vector<Value>> next(2);
  for (std::size_t i = 0; i < in.groups[0].size(); ++i) {
    const Value& x = in.groups[0][i];
    const Value gradient = x * norm + in.groups[1][i];
    const Value velocity = in.groups[2][i] * alpha + gradient * cast(beta, x.dtype());
    const Value direction = is_nesterov ? gradient + velocity * alpha : velocity;
    next[0].push_back(x - cast(in.rate, x.dtype()) * direction);
    next[1].push_back(velocity);
  }
  return grouped(next);
}

Items adagrad_rule(const NodeView& node) {
  const OptimizerInputs in = optimizer_inputs(node, 3);
  const double norm = node.number("norm_coefficient", 0.0);
  const double epsilon = node.number("epsilon", 1e-6);
  const Value rate = in.rate / (cast(in.step, in.rate.dtype()) * node.number("decay_factor", 0.0) + 1.0);
  std::vector<std::vector<Value>> next(2);
  for (std::size_t i = 0; i < in.groups[0].size(); ++i) {
    const Value& x = in.groups[0][i];
    const Value gradient = x * norm + in.groups[1][i];
    const Value squares = in.groups[2][i] + square(gradient);
    next[0].push_back(x - cast(rate, x.dtype()) * gradient / (sqrt(squares) + epsilon));
    next[1].push_back(squares);
  }
  return grouped(next);
}

Items adam_rule(const NodeView& node) {
  const OptimizerInputs in = optimizer_inputs(node, 4);
  const double alpha = node.number("alpha", 0.9);
  const double beta = node.number("beta", 0.999);
  const double norm = node.number("norm_coefficient", 0.0);
  const double after = node.number("norm_coefficient_post", 0.0);
  const double epsilon = node.number("epsilon", 1e-6);
  const Value step = cast(in.step, f64);
  const Value corrected = cast(in.rate, f64) * sqrt(neg(pow(scalar_like(step, beta), step)) + 1.0) /
                          (neg(pow(scalar_like(step, alpha), step)) + 1.0);
  const Value rate = where(greater(step, 0.0), corrected, cast(in.rate, f64));
  std::vector<std::vector<Value>> next(3);
  for (std::size_t i = 0; i < in.groups[0].size(); ++i) {
    const Value& x = in.groups[0][i];
    const Value gradient = x * norm + in.groups[1][i];
    const Value first = in.groups[2][i] * alpha + gradient * (1.0 - alpha);
    const Value second = in.groups[3][i] * beta + square(gradient) * (1.0 - beta);
    const Value moved = x - cast(rate, x.dtype()) * first / (sqrt(second) + epsilon);
    next[0].push_back(moved * (1.0 - after));
    next[1].push_back(first);
    next[2].push_back(second);
  }
  return grouped(next);
}

constexpr std::array kTraining{
    RuleEntry{"ai.onnx.preview.training.Adagrad", adagrad_rule},
    RuleEntry{"ai.onnx.preview.training.Adam", adam_rule},
    RuleEntry{"ai.onnx.preview.training.Gradient", gradient_rule},
    RuleEntry{"ai.onnx.preview.training.Momentum", momentum_rule},
};

}  // namespace

std::span<const RuleEntry> training_rules() { return kTraining; }

}  // namespace weft::onnx
