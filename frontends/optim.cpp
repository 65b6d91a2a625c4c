#include "weft/frontends/optim.h"

#include <fmt/format.h>

#include "weft/frontends/initializers.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft::optim {
namespace {

void expect_pairs(std::string_view op, std::span<const Value> parameters, std::span<const Value> gradients,
                  const Operand& rate) {
  if (parameters.size() == gradients.size() && !parameters.empty()) return;
  throw Error(ErrorCode::invalid_argument, "there must be one gradient for each parameter, and at least one",
              {.op = std::string(op),
               .expected = fmt::format("{} gradients", parameters.size()),
               .actual = std::to_string(gradients.size()),
               .where = to_string(rate.where())});
}

/// The label under which a session keeps a parameter.
const std::string& label_of(const Value& parameter) {
  const auto* op = parameter.graph().node(parameter.node()).op.as<Parameter>();
  if (op != nullptr) return op->label;
  throw Error(ErrorCode::invalid_argument, "an optimizer updates parameters only",
              {.node = parameter.name(), .expected = "parameter"});
}

Value slot(const Value& like, std::string_view name) {
  Graph& graph = like.graph();
  const Value zeros =
      nn::zeros()({.graph = graph, .dtype = like.dtype(), .shape = like.shape(), .where = {}});
  return parameter(graph, fmt::format("{}/{}", label_of(like), name), zeros);
}

}  // namespace

std::vector<Value> sgd(std::span<const Value> parameters, std::span<const Value> gradients,
                       const Operand& learning_rate, const SgdOptions& options) {
  expect_pairs("sgd", parameters, gradients, learning_rate);
  if (options.nesterov && options.momentum <= 0.0) {
    throw Error(ErrorCode::invalid_argument, "Nesterov's method needs momentum",
                {.op = "sgd", .expected = "momentum > 0", .where = to_string(learning_rate.where())});
  }
  std::vector<Value> updates;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Value& p = parameters[i];
    const Value& g = gradients[i];
    const Scope origin(p.graph(), "", learning_rate.where());
    Value direction = g;
    if (options.momentum > 0.0) {
      const Value v = slot(p, "momentum");
      const Value next = options.momentum * v + g;
      updates.push_back(assign(v, next));
      direction = options.nesterov ? g + options.momentum * next : next;
    }
    updates.push_back(assign(p, p - learning_rate * direction));
  }
  return updates;
}

std::vector<Value> adam(std::span<const Value> parameters, std::span<const Value> gradients,
                        const Operand& learning_rate, const AdamOptions& options) {
  expect_pairs("adam", parameters, gradients, learning_rate);
  Graph& graph = parameters[0].graph();
  const DType dtype = parameters[0].dtype();
  const Scope origin(graph, "", learning_rate.where());
  const Value step = parameter(graph, "adam/step", constant(graph, 0.0, dtype));
  const Value t = step + 1.0;
  const Value correction1 = 1.0 - pow(constant(graph, options.beta1, dtype), t);
  const Value correction2 = 1.0 - pow(constant(graph, options.beta2, dtype), t);
  std::vector<Value> updates{assign(step, t)};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Value& p = parameters[i];
    const Value& g = gradients[i];
    const Value m = slot(p, "adam_m");
    const Value v = slot(p, "adam_v");
    const Value next_m = options.beta1 * m + (1.0 - options.beta1) * g;
    const Value next_v = options.beta2 * v + (1.0 - options.beta2) * square(g);
    const Value change = (next_m / correction1) / (sqrt(next_v / correction2) + options.epsilon);
    updates.push_back(assign(m, next_m));
    updates.push_back(assign(v, next_v));
    updates.push_back(assign(p, p - learning_rate * change));
  }
  return updates;
}

}  // namespace weft::optim
