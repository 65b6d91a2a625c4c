#include "weft/autodiff/gradients.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>

#include "weft/autodiff/masks.h"
#include "weft/autodiff/unbroadcast.h"
#include "weft/graph/program.h"
#include "weft/graph/topology.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

std::string describe(const Node& node) {
  const std::string where = to_string(node.where);
  const std::string name = node.name.empty() ? "" : fmt::format(" '{}'", node.name);
  return fmt::format("{}{}{}", node.op.name(), name, where.empty() ? "" : fmt::format(" ({})", where));
}

std::vector<Value> differentiate(std::span<const Value> outputs, std::span<const Value> cotangents,
                                 std::span<const Value> wrt) {
  return vjp(outputs, cotangents, wrt, {});
}

/// One reverse sweep over a graph.
class Sweep {
 public:
  Sweep(Graph& graph, std::span<const Value> outputs, std::span<const Value> wrt)
      : graph_(graph), wrt_(wrt), needed_(needed_nodes(graph, outputs)), masks_(graph) {
    // A node matters when it is asked for, or when one of its inputs matters. What stop_gradient makes does
    // not matter, so that integers and comparisons may stand behind it. Older nodes come first.
    matters_.assign(graph.size(), false);
    for (const Value& value : wrt) matters_[value.node()] = true;
    for (const NodeId id : needed_) {
      if (reached_by_an_input(id)) matters_[id] = true;
    }
  }

  void seed(const Value& output, const Value& cotangent) {
    accumulate({output.node(), output.output()}, cotangent, {}, output.node());
  }

  void run() {
    for (const NodeId id : std::views::reverse(needed_)) {
      if (matters_[id]) visit(id);
    }
  }

  /// The gradient found for a value, or an empty one.
  Value found(const Value& value) const {
    const auto it = gradients_.find({value.node(), value.output()});
    return it == gradients_.end() ? Value() : it->second;
  }

 private:
  bool reached_by_an_input(NodeId id) const {
    const Node& node = graph_.node(id);
    return !node.op.is<StopGradient>() &&
           std::ranges::any_of(node.inputs, [&](ValueId input) { return matters_[input.node]; });
  }

  void visit(NodeId id) {
    const Node& node = graph_.node(id);
    if (!reached_by_an_input(id)) return;
    const std::vector<Value> outputs = graph_.outputs_of(id);
    std::vector<Value> output_gradients;
    for (const Value& output : outputs) output_gradients.push_back(found(output));
    if (std::ranges::none_of(output_gradients, &Value::has_value)) return;
    if (const auto none = node.op.no_gradient()) {
      throw_blocked(id, fmt::format("{} has no gradient: {}", node.op.name(), none->reason));
    }
    std::vector<Value> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(graph_.value(input));
    const Scope origin(graph_, fmt::format("gradient/{}", node.name.empty() ? node.op.name() : node.name),
                       node.where);
    try {
      if (outputs.size() == 1 && visit_stable_form(id, inputs, output_gradients[0])) return;
      apply_rule(id, {.inputs = inputs,
                      .outputs = outputs,
                      .output_gradients = output_gradients,
                      .differentiate = differentiate});
    } catch (const Error& error) {
      if (!error.trail().op.empty()) throw;
      throw error.with({.op = fmt::format("the gradient of {}", node.op.name()),
                        .node = node.name,
                        .where = to_string(node.where)});
    }
  }

  /// Where a node has a form that neither overflows nor cancels, the gradient goes through that form: the
  /// rules of the formula's own steps would multiply infinities by zeros. It does not where the caller asks
  /// for the gradient of a value that the other form does not compute.
  bool visit_stable_form(NodeId id, std::span<const Value> inputs, const Value& gradient) {
    const auto first = static_cast<NodeId>(graph_.size());
    const Value form = graph_.node(id).op.stabilize(inputs);
    if (form == Value()) return false;
    const auto end = static_cast<NodeId>(graph_.size());
    std::set<NodeId> leaves;
    if (form.node() < first) leaves.insert(form.node());
    matters_.resize(end, false);
    for (NodeId made = first; made < end; ++made) {
      for (const ValueId& input : graph_.node(made).inputs) {
        if (input.node < first) leaves.insert(input.node);
      }
      if (reached_by_an_input(made)) matters_[made] = true;
    }
    if (goes_round_asked(id, leaves)) return false;
    accumulate({form.node(), form.output()}, gradient, masks_.of(graph_.value({id, 0})), id);
    for (NodeId made = end; made-- > first;) {
      if (matters_[made]) visit(made);
    }
    return true;
  }

  bool is_asked(NodeId id) const {
    return std::ranges::any_of(wrt_, [id](const Value& asked) { return asked.node() == id; });
  }

  /// The nodes that lead to one of `nodes` in a few steps.
  std::set<NodeId> near_above(const std::set<NodeId>& nodes) const {
    constexpr int kSteps = 4;  // how far rules look when they compare operands
    std::set<NodeId> found;
    std::set<NodeId> last = nodes;
    for (int step = 0; step < kSteps; ++step) {
      std::set<NodeId> next;
      for (const NodeId id : last) {
        for (const ValueId& input : graph_.node(id).inputs) next.insert(input.node);
      }
      found.insert(next.begin(), next.end());
      last = std::move(next);
    }
    return found;
  }

  /// Whether a value that the caller asks for lies between a node and the leaves of its other form. Where the
  /// formula computes a leaf twice, the two paths meet above it, and nothing below that point may be asked
  /// for.
  bool goes_round_asked(NodeId id, const std::set<NodeId>& leaves) const {
    const std::set<NodeId> above = near_above(leaves);
    std::set<NodeId> met;
    std::set<NodeId> seen;
    std::vector<NodeId> open{id};
    while (!open.empty()) {
      const NodeId next = open.back();
      open.pop_back();
      for (const ValueId& input : graph_.node(next).inputs) {
        if (leaves.contains(input.node) || !matters_[input.node] || !seen.insert(input.node).second) continue;
        if (above.contains(input.node)) {
          met.insert(input.node);
        } else if (is_asked(input.node)) {
          return true;
        } else {
          open.push_back(input.node);
        }
      }
    }
    return !met.empty() && std::ranges::any_of(wrt_, [&](const Value& asked) {
      return leaves.contains(asked.node()) || (above.contains(asked.node()) && !met.contains(asked.node()));
    });
  }

  void apply_rule(NodeId id, const GradientArgs& args) {
    const auto first = static_cast<NodeId>(graph_.size());
    const auto input_gradients = graph_.node(id).op.gradient(args);
    check_rule(graph_.node(id), args.inputs.size(), input_gradients.size());
    for (std::size_t i = 0; i < args.inputs.size(); ++i) {
      if (input_gradients[i].has_value() && matters_[args.inputs[i].node()]) {
        const auto [gradient, masks] = masks_.guard(id, args, i, input_gradients[i], first);
        pass_on(id, args.inputs[i], gradient, masks);
      }
    }
  }

  void pass_on(NodeId user, const Value& input, const Value& gradient, const Masks& masks) {
    const Node& node = graph_.node(user);
    if (!is_real(input.dtype())) {
      came_from_.emplace(input.node(), user);
      throw_blocked(input.node(),
                    fmt::format("gradients do not pass through {} values", name_of(input.dtype())));
    }
    const TensorType expected{gradient_dtype(input.dtype()), input.shape()};
    if (gradient.dtype() != expected.dtype) {
      throw Error(ErrorCode::internal, "a gradient rule returned another dtype than its input has",
                  {.op = std::string(node.op.name()),
                   .node = node.name,
                   .expected = to_string(expected),
                   .actual = to_string(gradient.type()),
                   .where = to_string(node.where)});
    }
    const bool same = gradient.shape() == input.shape();
    accumulate({input.node(), input.output()}, unbroadcast(gradient, input.shape()),
               same ? masks : masks_.unbroadcast(masks, gradient.shape(), input), user);
  }

  void accumulate(ValueId id, const Value& gradient, const Masks& masks, NodeId user) {
    came_from_.emplace(id.node, user);
    Value& total = gradients_[id];
    if (total.has_value()) {
      masks_.add(id, masks);
    } else {
      masks_.begin(id, masks);
    }
    total = total.has_value() ? total + gradient : gradient;
  }

  static void check_rule(const Node& node, std::size_t expected, std::size_t actual) {
    if (expected == actual) return;
    throw Error(ErrorCode::internal, "a gradient rule must return one value for each input",
                {.op = std::string(node.op.name()),
                 .expected = std::to_string(expected),
                 .actual = std::to_string(actual),
                 .where = to_string(node.where)});
  }

  [[noreturn]] void throw_blocked(NodeId blocked, const std::string& message) const {
    const Topology topology(graph_);
    std::vector<NodeId> path;
    for (const Value& value : wrt_) {
      path = topology.shortest_path(value.node(), blocked);
      if (!path.empty()) break;
    }
    for (NodeId id = blocked; came_from_.at(id) != id;) path.push_back(id = came_from_.at(id));
    std::string text;
    for (const NodeId id : path) text += (text.empty() ? "" : " -> ") + describe(graph_.node(id));
    const Node& node = graph_.node(blocked);
    throw Error(ErrorCode::not_differentiable, fmt::format("{}; on the path {}", message, text),
                {.op = std::string(node.op.name()), .node = node.name, .where = to_string(node.where)});
  }

  Graph& graph_;
  std::span<const Value> wrt_;
  std::vector<NodeId> needed_;
  std::vector<bool> matters_;
  std::map<ValueId, Value> gradients_;
  std::map<NodeId, NodeId>
      came_from_;  // the first user that passed a gradient on; an output points at itself
  MaskSweep masks_;
};

void expect_in_graph(const Graph& graph, std::span<const Value> values, std::string_view role,
                     const Where& where) {
  expect_values(values, "gradients", role, where);
  for (const Value& value : values) {
    if (&value.graph() == &graph) continue;
    throw Error(ErrorCode::invalid_argument, "the values belong to different graphs",
                {.op = "gradients", .where = to_string(where)});
  }
}

void expect_differentiable_input(const Value& value, const Where& where) {
  if (is_real(value.dtype())) return;
  throw Error(ErrorCode::not_differentiable, "gradients exist with respect to floating-point values only",
              {.op = std::string(value.graph().node(value.node()).op.name()),
               .node = value.name(),
               .expected = "f32, f64, f16 or bf16",
               .actual = to_string(value.type()),
               .where = to_string(where)});
}

}  // namespace

std::vector<Value> vjp(std::span<const Value> outputs, std::span<const Value> cotangents,
                       std::span<const Value> wrt, Where where) {
  if (outputs.empty() || outputs.size() != cotangents.size()) {
    throw Error(ErrorCode::invalid_argument, "there must be one cotangent for each output",
                {.expected = fmt::format("{} cotangents", outputs.size()),
                 .actual = std::to_string(cotangents.size()),
                 .where = to_string(where)});
  }
  Graph& graph = expect_value(outputs[0], "gradients", "output 0", where).graph();
  expect_in_graph(graph, outputs, "output", where);
  expect_in_graph(graph, cotangents, "cotangent", where);
  expect_in_graph(graph, wrt, "among the values to differentiate by, value", where);
  for (const Value& value : wrt) expect_differentiable_input(value, where);
  Sweep sweep(graph, outputs, wrt);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorType expected{gradient_dtype(outputs[i].dtype()), outputs[i].shape()};
    if (cotangents[i].type() != expected) {
      throw Error(ErrorCode::shape_mismatch,
                  "a cotangent must have the type of its output, or f32 for 16 bits",
                  {.expected = to_string(expected),
                   .actual = to_string(cotangents[i].type()),
                   .where = to_string(where)});
    }
    sweep.seed(outputs[i], cotangents[i]);
  }
  sweep.run();
  std::vector<Value> found;
  for (const Value& value : wrt) found.push_back(sweep.found(value));
  return found;
}

std::vector<Value> gradients(const Operand& loss, std::span<const Value> wrt, Unconnected unconnected) {
  const Value output = loss.value("gradients");
  Graph& graph = output.graph();
  const Transaction whole(graph);
  if (!output.shape().is_scalar() || !is_float(output.dtype())) {
    throw Error(ErrorCode::shape_mismatch,
                "a loss must be one floating-point number; reduce it with mean() or sum()",
                {.op = "gradients",
                 .node = output.name(),
                 .expected = "f32[] or f64[]",
                 .actual = to_string(output.type()),
                 .where = to_string(loss.where())});
  }
  const Value one = constant(graph, 1.0, output.dtype(), loss.where());
  std::vector<Value> found = vjp({&output, 1}, {&one, 1}, wrt, loss.where());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].has_value()) continue;
    if (unconnected == Unconnected::error) {
      throw Error(ErrorCode::not_differentiable,
                  "the loss does not depend on this value; ask for Unconnected::zeros if that is meant",
                  {.op = std::string(graph.node(wrt[i].node()).op.name()),
                   .node = wrt[i].name(),
                   .where = to_string(loss.where())});
    }
    found[i] =
        broadcast_to(constant(graph, 0.0, gradient_dtype(wrt[i].dtype()), loss.where()), wrt[i].shape());
  }
  return found;
}

std::vector<Value> gradients(const Operand& loss, std::initializer_list<Value> wrt, Unconnected unconnected) {
  return gradients(loss, std::span<const Value>(wrt.begin(), wrt.size()), unconnected);
}

Value gradient(const Operand& loss, const Value& wrt, Unconnected unconnected) {
  expect_value(wrt, "gradient", "the value to differentiate by", loss.where());
  return gradients(loss, {wrt}, unconnected)[0];
}

}  // namespace weft
