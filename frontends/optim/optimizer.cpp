#include "weft/frontends/optim/optimizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/nn/initializers.h"
#include "weft/graph/located.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft::optim {
namespace {

/// The label under which a session keeps a parameter.
const std::string& label_of(const Value& parameter) {
  expect_value(parameter, {}, "a parameter", {});
  const auto* op = parameter.graph().node(parameter.node()).op.as<Parameter>();
  if (op != nullptr) return op->label;
  throw Error(ErrorCode::invalid_argument, "an optimizer updates parameters only",
              {.node = parameter.name(),
               .expected = "parameter",
               .actual = std::string(parameter.graph().node(parameter.node()).op.name())});
}

void expect_one_for_each(std::string_view method, std::span<const Value> parameters, std::string_view what,
                         std::size_t count, const Where& where) {
  if (parameters.size() == count && count > 0) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("there must be one {} for each parameter, and at least one", what),
              {.op = std::string(method),
               .expected = fmt::format("{} {}s", parameters.size(), what),
               .actual = std::to_string(count),
               .where = to_string(where)});
}

}  // namespace

Operand Rate::of(std::size_t parameter, DType dtype) const {
  const double factor = multipliers_.empty() ? 1.0 : multipliers_[parameter];
  if (base_.is_number()) {
    return factor == 1.0 ? base_ : Operand(base_.number().as_double() * factor, base_.where());
  }
  Value rate = base_.value();
  if (is_float(rate.dtype()) && rate.dtype() != dtype) rate = cast(rate, dtype);
  return {factor == 1.0 ? rate : rate * factor, base_.where()};
}

Value slot(const Value& parameter, std::string_view name, double initial) {
  return slot_of_shape(parameter, name, parameter.shape(), initial);
}

Value slot_of_shape(const Value& parameter, std::string_view name, const Shape& shape, double initial) {
  Graph& graph = parameter.graph();
  const Value start =
      nn::constant(initial)({.graph = graph, .dtype = parameter.dtype(), .shape = shape, .where = {}});
  return weft::parameter(graph, fmt::format("{}/{}", label_of(parameter), name), start);
}

Value copied_slot(const Value& parameter, std::string_view name) {
  Graph& graph = parameter.graph();
  const std::string& label = label_of(parameter);
  return weft::parameter(graph, fmt::format("{}/{}", label, name),
                         graph.states().find(label)->second.initial);
}

Value method_slot(const Value& like, std::string_view method, std::string_view name, double initial) {
  Graph& graph = like.graph();
  return parameter(graph, fmt::format("{}/{}", method, name), constant(graph, initial, like.dtype()));
}

MethodScope method_scope(std::string_view method, std::span<const Value> parameters,
                         std::initializer_list<std::string_view> slots, const Where& where) {
  if (parameters.empty())
    expect_one_for_each(method, parameters, "gradient", 0, where);  // says what is wrong
  expect_values(parameters, method, "parameter", where);
  Graph& graph = parameters[0].graph();
  const auto& states = graph.states();
  const auto is_taken = [&](const std::string& scope) {
    const std::string prefix = graph.full_name(scope);
    const std::string below = prefix.empty() ? "" : prefix + "/";
    const std::string whole = fmt::format("{}{}/", below, method);
    const auto next = states.lower_bound(whole);
    if (next != states.end() && next->first.starts_with(whole)) return true;
    return std::ranges::any_of(parameters, [&](const Value& parameter) {
      return std::ranges::any_of(slots, [&](std::string_view name) {
        return states.contains(fmt::format("{}{}/{}", below, label_of(parameter), name));
      });
    });
  };
  std::string scope;
  located(method, where, [&] {
    for (int call = 2; is_taken(scope); ++call) scope = fmt::format("{}_{}", method, call);
  });
  return {.whole = Transaction(graph), .names = Scope(graph, scope, where)};
}

StepNumber step_number(std::span<const Value> parameters, std::string_view method) {
  const Value done = method_slot(parameters[0], method, "step", 0.0);
  const Value t = done + 1.0;
  return {.t = t, .update = assign(done, t)};
}

std::vector<Value> update_each(std::string_view method, std::span<const Value> parameters,
                               std::span<const Value> gradients, const Rate& rate, const Rule& rule) {
  expect_one_for_each(method, parameters, "gradient", gradients.size(), rate.where());
  if (!rate.multipliers().empty()) {
    expect_one_for_each(method, parameters, "rate multiplier", rate.multipliers().size(), rate.where());
  }
  expect_values(parameters, method, "parameter", rate.where());
  expect_values(gradients, method, "gradient", rate.where());
  std::vector<Value> updates;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Scope origin(parameters[i].graph(), "", rate.where());
    const Change change = rule(parameters[i], gradients[i], rate.of(i, parameters[i].dtype()));
    updates.insert(updates.end(), change.slots.begin(), change.slots.end());
    updates.push_back(assign(parameters[i], change.next));
  }
  return updates;
}

Value with_l2(const Value& parameter, const Value& gradient, double decay) {
  return decay == 0.0 ? gradient : gradient + decay * parameter;
}

Value moving_average(const Value& average, const Value& x, double b) { return b * average + (1.0 - b) * x; }

Value sign(const Value& x) {
  const Value one = constant(x.graph(), 1.0, x.dtype());
  return where(x > 0.0, one, where(x < 0.0, -one, 0.0));
}

}  // namespace weft::optim
