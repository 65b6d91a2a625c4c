#include "weft/frontends/optim/updates.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/norm.h"

namespace weft::optim {
namespace {

/// Which of the updates is that of a parameter.
std::size_t update_of(std::span<const Value> updates, const Value& parameter) {
  const auto found = std::ranges::find_if(
      updates, [&](const Value& update) { return assignment_of(update).target == parameter; });
  if (found != updates.end()) return static_cast<std::size_t>(found - updates.begin());
  throw Error(ErrorCode::invalid_argument, "none of the updates is one of this parameter",
              {.node = parameter.name()});
}

}  // namespace

Assignment assignment_of(const Value& update) {
  expect_value(update, {}, "an update", {});
  Graph& graph = update.graph();
  const Node& node = graph.node(update.node());
  if (!node.op.is<Assign>()) {
    throw Error(ErrorCode::invalid_argument, "this is no update",
                {.node = node.name, .expected = "assign", .actual = std::string(node.op.name())});
  }
  return {.target = graph.value(node.inputs[0]), .next = graph.value(node.inputs[1])};
}

Value next_of(std::span<const Value> updates, const Value& parameter) {
  return assignment_of(updates[update_of(updates, parameter)]).next;
}

std::vector<Value> change_next(std::span<const Value> updates, std::span<const Value> parameters,
                               const std::function<Value(std::size_t i, const Value& next)>& change) {
  std::vector<Value> changed(updates.begin(), updates.end());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Value& update = changed[update_of(changed, parameters[i])];
    update = assign(parameters[i], change(i, assignment_of(update).next));
  }
  return changed;
}

std::vector<Value> decay_weights(std::span<const Value> updates, std::span<const Value> parameters,
                                 const Rate& rate, double decay) {
  return change_next(updates, parameters, [&](std::size_t i, const Value& next) {
    return next - rate.of(i, parameters[i].dtype()) * (decay * parameters[i]);
  });
}

Constraint max_norm(double limit, Axes axes) {
  return [limit, axes = std::move(axes)](const Value& next) {
    return scale_widely(next, limit / maximum(wide_norm(next, axes, true), limit));
  };
}

Constraint non_negative() {
  return [](const Value& next) { return maximum(next, 0.0); };
}

Constraint unit_norm(Axes axes) {
  return [axes = std::move(axes)](const Value& next) {
    const Value norm = wide_norm(next, axes, true);
    return scale_widely(next, 1.0 / where(equal(norm, 0.0), 1.0, norm));
  };
}

std::vector<Value> constrain(std::span<const Value> updates, std::span<const Value> parameters,
                             const Constraint& constraint) {
  return change_next(updates, parameters, [&](std::size_t, const Value& next) { return constraint(next); });
}

std::vector<Value> only_if(const Value& condition, std::span<const Value> updates) {
  std::vector<Value> gated;
  for (const Value& update : updates) {
    const auto [target, next] = assignment_of(update);
    gated.push_back(assign(target, where(condition, next, target)));
  }
  return gated;
}

std::vector<Value> accumulate(std::span<const Value> parameters, std::span<const Value> gradients,
                              std::int64_t runs, const Optimizer& optimizer, const Where& where) {
  if (runs < 1 || gradients.empty() || gradients.size() != parameters.size()) {
    throw Error(ErrorCode::invalid_argument, "gradients of at least one run and parameter are accumulated",
                {.op = "accumulate",
                 .expected = fmt::format("{} gradients, runs >= 1", parameters.size()),
                 .actual = fmt::format("{} gradients, runs = {}", gradients.size(), runs),
                 .where = to_string(where)});
  }
  expect_values(gradients, "accumulate", "gradient", where);
  expect_values(parameters, "accumulate", "parameter", where);
  const Transaction whole(parameters[0].graph());
  std::vector<Value> updates;
  std::vector<Value> means;
  Value last;
  {
    const MethodScope own = method_scope("accumulation", parameters, {"accumulated"}, where);
    const Value done = method_slot(parameters[0], "accumulation", "run", 0.0);
    const Value run = done + 1.0;
    last = run >= static_cast<double>(runs);
    updates.push_back(assign(done, weft::where(last, 0.0, run)));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const Value sum_so_far = slot(parameters[i], "accumulated");
      const Value total = sum_so_far + gradients[i];
      updates.push_back(assign(sum_so_far, weft::where(last, 0.0, total)));
      means.push_back(total * (1.0 / static_cast<double>(runs)));
    }
  }
  const std::vector<Value> stepped = only_if(last, optimizer(means));
  updates.insert(updates.end(), stepped.begin(), stepped.end());
  return updates;
}

}  // namespace weft::optim
