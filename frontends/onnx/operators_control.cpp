// Branches and loops. A body's nodes are imported once for each time where conditions and lengths are known,
// since a body may compute shapes; otherwise they become a branch or a loop of the graph.

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/bits.h"
#include "weft/ops/branch.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

bool condition_of(const NodeView& node, const Item& item, std::string_view what) {
  const Tensor known = node.known(item);
  if (known.empty()) node.refuse(std::string(what) + " is only known in a run");
  if (known.dtype() != DType::boolean || known.elements() != 1)
    throw Error(ErrorCode::dtype_mismatch, std::string(what) + " is not one bool");
  return known.values<bool>()[0];
}

std::vector<Value> values_of(const NodeView& node, const std::vector<Item>& items) {
  std::vector<Value> values;
  for (const Item& item : items) {
    if (item.kind != Item::Kind::tensor)
      node.refuse("what it takes or gives is no tensor, and its course is only known in a run");
    values.push_back(node.value(item));
  }
  return values;
}

Value one_bool(const NodeView& node, const Item& item) { return reshape(node.value(item), Shape{}); }

Items run_time_branch(const NodeView& node) {
  const auto branch = [&](const char* name) {
    return [&node, name] { return values_of(node, node.run(node.body(name), {})); };
  };
  return cond(one_bool(node, node.item(0)), branch("then_branch"), branch("else_branch"));
}

Items if_rule(const NodeView& node) {
  node.ignore({"then_branch", "else_branch"});
  if (node.known(node.item(0)).empty()) return run_time_branch(node);
  const bool holds = condition_of(node, node.item(0), "its condition");
  return node.run(node.body(holds ? "then_branch" : "else_branch"), {});
}

/// Values of one type side by side along a new axis.
Value stacked(const NodeView& node, const std::vector<Item>& items, std::int64_t axis) {
  std::vector<Value> values;
  for (const Item& item : items) values.push_back(node.value(item));
  if (values.empty()) node.refuse("it collects the results of no iterations, whose shape is not known");
  return stack(values, axis);
}

/// Carried values, and for each collected output the results of all iterations.
struct LoopState {
  std::vector<Item> carried;
  std::vector<std::vector<Item>> collected;

  /// Takes over the results of a body from `first` on.
  void advance(const Items& results, std::size_t first) {
    if (results.size() != first + carried.size() + collected.size())
      throw Error(ErrorCode::invalid_argument, "its body has other results than it");
    const auto begin = results.begin() + static_cast<std::ptrdiff_t>(first);
    std::copy_n(begin, carried.size(), carried.begin());
    for (std::size_t i = 0; i < collected.size(); ++i) {
      collected[i].push_back(results[first + carried.size() + i]);
    }
  }
};

/// How many steps a loop may have at most, so that gradients flow through it; nothing where a gradient, which
/// takes all of them, would be too long.
std::optional<std::int64_t> most_steps(const NodeView& node) {
  constexpr std::int64_t kMost = 10'000;
  if (!node.has(0) || node.known(node.item(0)).empty()) return std::nullopt;
  const std::int64_t trips = node.integer(0, "how often it runs");
  return trips >= 0 && trips <= kMost ? std::optional(trips) : std::nullopt;
}

/// A loop that only a run knows the end of. What its iterations collect would have no shape.
Items run_time_loop(const NodeView& node, const GraphProto& body) {
  std::vector<Item> carried_items;
  for (std::size_t i = 2; i < node.inputs(); ++i) carried_items.push_back(node.item(i));
  std::vector<Value> states = values_of(node, carried_items);
  const std::size_t carried = states.size();
  if (body.output.size() > carried + 1)
    node.refuse("it collects results of as many iterations as a run decides");
  states.push_back(node.has(1) ? one_bool(node, node.item(1)) : constant(node.graph(), Tensor::scalar(true)));
  states.push_back(constant(node.graph(), 0, i64));
  const Value trips = node.has(0) ? reshape(node.value(0), Shape{}) : Value();
  const auto goes_on = [&](std::span<const Value> s) {
    return trips.has_value() ? logical_and(s[carried], less(s[carried + 1], trips)) : s[carried];
  };
  const BodyFunction step = [&](std::span<const Value> s) {
    std::vector<Item> inputs{Item(s[carried + 1]), Item(s[carried])};
    inputs.insert(inputs.end(), s.begin(), s.begin() + static_cast<std::ptrdiff_t>(carried));
    const Items results = node.run(body, inputs);
    if (results.size() != carried + 1)
      throw Error(ErrorCode::invalid_argument, "its body has other results than it");
    std::vector<Value> next = values_of(node, {results.begin() + 1, results.end()});
    next.push_back(one_bool(node, results[0]));
    next.push_back(s[carried + 1] + 1);
    return next;
  };
  std::vector<Value> last = while_loop(goes_on, step, states, {.max_steps = most_steps(node)}).states;
  last.resize(carried);
  return last;
}

Items loop_rule(const NodeView& node) {
  const GraphProto& body = node.body("body");
  const auto unknown = [&](std::size_t i) { return node.has(i) && node.known(node.item(i)).empty(); };
  if (unknown(0) || unknown(1)) return run_time_loop(node, body);
  const std::int64_t trips =
      node.has(0) ? node.integer(0, "how often it runs") : std::numeric_limits<std::int64_t>::max();
  bool goes_on = node.has(1) ? condition_of(node, node.item(1), "its condition") : true;
  LoopState state;
  for (std::size_t i = 2; i < node.inputs(); ++i)
    state.carried.push_back(node.has(i) ? node.item(i) : Item());
  if (body.output.size() < 1 + state.carried.size())
    throw Error(ErrorCode::invalid_argument, "its body has too few results");
  state.collected.resize(body.output.size() - 1 - state.carried.size());
  for (std::int64_t trip = 0; trip < trips && goes_on; ++trip) {
    std::vector<Item> inputs{node.constant_of(Tensor::scalar(trip)), node.constant_of(Tensor::scalar(true))};
    inputs.insert(inputs.end(), state.carried.begin(), state.carried.end());
    const Items results = node.run(body, inputs);
    if (trip == 0 && node.known(results.at(0)).empty()) return run_time_loop(node, body);
    state.advance(results, 1);
    goes_on = condition_of(node, results.at(0), "the condition of its next iteration");
  }
  Items results(state.carried);
  for (const std::vector<Item>& all : state.collected) {
    results.push_back(node.wants(results.size()) ? Item(stacked(node, all, 0)) : Item());
  }
  return results;
}

/// How Scan walks its inputs and puts its results together.
struct ScanPlan {
  std::size_t inputs = 0;
  std::vector<std::int64_t> input_axes;
  std::vector<std::int64_t> input_directions;
  std::vector<std::int64_t> output_axes;
  std::vector<std::int64_t> output_directions;
};

Value element_of(const Value& x, std::int64_t axis, std::int64_t i) {
  return squeeze(slice(x, axis, i, i + 1), axis);
}

/// A scan as a loop of the graph, for lengths that are symbols.
Items scan_of_any_length(const NodeView& node, const ScanPlan& plan, const std::vector<Item>& items) {
  const GraphProto& body = node.body("body");
  const std::size_t carried = items.size() - plan.inputs;
  const std::vector<Value> values = values_of(node, items);
  const std::span<const Value> states = std::span(values).first(carried);
  std::vector<Value> sequences;
  for (std::size_t k = 0; k < plan.inputs; ++k) {
    const Value first = move_axis(values[carried + k], plan.input_axes[k], 0);
    sequences.push_back(plan.input_directions[k] == 0 ? first : flip(first, {0}));
  }
  const ScanFunction step = [&](std::span<const Value> known, std::span<const Value> elements) {
    std::vector<Item> inputs(known.begin(), known.end());
    inputs.insert(inputs.end(), elements.begin(), elements.end());
    std::vector<Value> results = values_of(node, node.run(body, inputs));
    if (results.size() < carried) throw Error(ErrorCode::invalid_argument, "its body has too few results");
    const auto end = results.begin() + static_cast<std::ptrdiff_t>(carried);
    return ScanStep{.states = {results.begin(), end}, .outputs = {end, results.end()}};
  };
  const ScanResult made = scan(step, states, sequences);
  std::vector<Value> results = made.states;
  for (std::size_t k = 0; k < made.outputs.size(); ++k) {
    const Value& all = made.outputs[k];
    results.push_back(
        move_axis(plan.output_directions.at(k) == 0 ? all : flip(all, {0}), 0, plan.output_axes.at(k)));
  }
  return results;
}

/// One scan: `items` are the carried values and then what is scanned.
Items scanned(const NodeView& node, const ScanPlan& plan, const std::vector<Item>& items) {
  const GraphProto& body = node.body("body");
  const std::size_t carried = items.size() - plan.inputs;
  std::vector<Value> walked;
  std::int64_t length = 0;
  for (std::size_t k = 0; k < plan.inputs; ++k) {
    walked.push_back(node.value(items[carried + k]));
    const std::int64_t axis = positive_axis(plan.input_axes[k], walked[k].shape().rank());
    const Dim& size = walked[k].shape()[static_cast<std::size_t>(axis)];
    if (!size.is_number()) return scan_of_any_length(node, plan, items);
    if (k > 0 && length != size.size())
      throw Error(ErrorCode::shape_mismatch, "what it scans is not equally long");
    length = size.size();
  }
  LoopState state;
  state.carried.assign(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(carried));
  if (body.output.size() < carried) throw Error(ErrorCode::invalid_argument, "its body has too few results");
  state.collected.resize(body.output.size() - carried);
  for (std::int64_t i = 0; i < length; ++i) {
    std::vector<Item> inputs = state.carried;
    for (std::size_t k = 0; k < plan.inputs; ++k) {
      const std::int64_t axis = positive_axis(plan.input_axes[k], walked[k].shape().rank());
      inputs.emplace_back(element_of(walked[k], axis, plan.input_directions[k] == 0 ? i : length - 1 - i));
    }
    state.advance(node.run(body, inputs), 0);
  }
  Items results(state.carried);
  for (std::size_t k = 0; k < state.collected.size(); ++k) {
    std::vector<Item>& all = state.collected[k];
    if (plan.output_directions.at(k) != 0) std::ranges::reverse(all);
    results.emplace_back(stacked(node, all, plan.output_axes.at(k)));
  }
  return results;
}

/// Before version 9 a scan is one for each sample of a batch, along the axis after it.
Items batched_scan(const NodeView& node, ScanPlan plan) {
  if (node.has(0)) node.refuse("scans of different lengths");
  std::vector<Value> values;
  for (std::size_t i = 1; i < node.inputs(); ++i) values.push_back(node.value(i));
  if (values.empty() || values[0].shape().is_scalar() || !values[0].shape()[0].is_number())
    node.refuse("the size of its batch must be known when the model is imported");
  std::vector<std::vector<Item>> results(node.outputs());
  for (std::int64_t sample = 0; sample < values[0].shape()[0].size(); ++sample) {
    std::vector<Item> items;
    for (const Value& value : values) items.emplace_back(element_of(value, 0, sample));
    const Items made = scanned(node, plan, items);
    for (std::size_t i = 0; i < results.size(); ++i) results[i].push_back(made.at(i));
  }
  Items stacks;
  for (const auto& one : results) stacks.emplace_back(stacked(node, one, 0));
  return stacks;
}

Items scan_rule(const NodeView& node) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(0, node.integer("num_scan_inputs", 0)));
  const bool is_batched = node.version() < 9;
  const std::size_t first = is_batched ? 1 : 0;
  if (count == 0 || count + first > node.inputs())
    throw Error(ErrorCode::invalid_argument, "its num_scan_inputs fits no inputs");
  const std::size_t outputs = node.body("body").output.size();
  const std::vector<std::int64_t> zeros(std::max(count, outputs), 0);
  const ScanPlan plan{
      .inputs = count,
      .input_axes = node.integers("scan_input_axes", zeros),
      .input_directions = node.integers(is_batched ? "directions" : "scan_input_directions", zeros),
      .output_axes = node.integers("scan_output_axes", zeros),
      .output_directions = node.integers("scan_output_directions", zeros)};
  if (plan.input_axes.size() < count || plan.input_directions.size() < count)
    throw Error(ErrorCode::invalid_argument, "its axes or directions are fewer than what it scans");
  if (is_batched) return batched_scan(node, plan);
  std::vector<Item> items;
  for (std::size_t i = 0; i < node.inputs(); ++i) items.push_back(node.item(i));
  return scanned(node, plan, items);
}

constexpr std::array kControl{
    RuleEntry{"If", if_rule},
    RuleEntry{"Loop", loop_rule},
    RuleEntry{"Scan", scan_rule},
};

}  // namespace

std::span<const RuleEntry> control_rules() { return kControl; }

}  // namespace weft::onnx
