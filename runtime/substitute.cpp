#include "weft/runtime/substitute.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "weft/ops/control.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

ValueId id_of(const Value& value) { return {value.node(), value.output()}; }

[[noreturn]] void refuse(const Value& value, ErrorCode code, std::string message, std::string expected = {}) {
  const Node& node = value.graph().node(value.node());
  throw Error(code, std::move(message),
              {.op = std::string(node.op.name()),
               .node = node.name,
               .expected = std::move(expected),
               .actual = to_string(value.type()),
               .where = to_string(node.where)});
}

void expect_plain_sizes(const Value& value) {
  for (const Dim& dim : value.shape()) {
    if (dim.is_number() || dim.is_symbol()) continue;
    refuse(value, ErrorCode::invalid_argument, "a formula of symbols cannot be fed",
           "numbers and single symbols");
  }
}

void expect_replaceable(const Given& given) {
  const TensorType& type = given.value.type();
  if (given.replacement.type() == type) return;
  refuse(given.replacement,
         given.replacement.dtype() == type.dtype ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
         "a replacement has the type of what it replaces", to_string(type));
}

/// Copies nodes into a graph of their own, first those of the replacements, then those of the roots.
class Substitution {
 public:
  Substitution(const Graph& graph, Graph& target) : graph_(graph), target_(target) {}

  void feed(ValueId value, const Value& fed) { replaced_[value] = kept_[value] = fed; }

  /// What `values` need, without replacements.
  void copy_as_it_is(std::span<const Value> values) { copy(values, kept_); }
  void replace(const Given& given) { replaced_[id_of(given.value)] = kept_.at(id_of(given.replacement)); }
  std::vector<Value> copy_replaced(std::span<const Value> values) {
    copy(values, replaced_);
    std::vector<Value> copies;
    for (const Value& value : values) copies.push_back(replaced_.at(id_of(value)));
    return copies;
  }

 private:
  using Copies = std::map<ValueId, Value>;

  void copy(std::span<const Value> values, Copies& copies) {
    std::set<NodeId> open;
    std::set<NodeId> needed;
    const auto reach = [&](const ValueId& value) {
      if (!copies.contains(value)) open.insert(value.node);
    };
    for (const Value& value : values) reach(id_of(value));
    while (!open.empty()) {
      const NodeId id = *open.rbegin();  // the newest first, since no later node needs it
      open.erase(id);
      needed.insert(id);
      for (const ValueId& input : graph_.node(id).inputs) reach(input);
      if (graph_.node(id).op.is<Assign>()) copy_target(graph_.node(id).inputs[0]);
    }
    for (const NodeId id : needed) copy_node(id, copies);
  }

  void copy_node(NodeId id, Copies& copies) {
    const Node& node = graph_.node(id);
    std::vector<Value> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(copies.at(input));
    if (node.op.is<Assign>()) inputs[0] = targets_.at(node.inputs[0]);
    const std::vector<Value> outputs = copied(id, inputs);
    // A node may be here for one output while another one has a replacement.
    for (std::uint32_t i = 0; i < outputs.size(); ++i) copies.try_emplace({id, i}, outputs[i]);
  }

  /// A node on these inputs, the same one for the same inputs.
  std::vector<Value> copied(NodeId id, std::span<const Value> inputs) {
    for (const NodeId made : made_[id]) {
      const auto same = [&](const ValueId& a, const Value& b) { return a == id_of(b); };
      if (std::ranges::equal(target_.node(made).inputs, inputs, same)) return target_.outputs_of(made);
    }
    const Node& node = graph_.node(id);
    made_[id].push_back(target_.add(node.op, inputs, node.where, node.name));
    return target_.outputs_of(made_[id].back());
  }

  void copy_target(const ValueId& parameter) {
    if (!targets_.contains(parameter)) targets_[parameter] = copied(parameter.node, {})[0];
  }

  const Graph& graph_;
  Graph& target_;
  Copies kept_;
  Copies replaced_;
  Copies targets_;  // parameters that assigns store in
  std::map<NodeId, std::vector<NodeId>> made_;
};

}  // namespace

std::vector<std::string> labels_of_fed(const Graph& graph, std::span<const Value> inputs) {
  std::set<std::string> taken;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (const auto* input = graph.node(id).op.as<Input>()) taken.insert(input->label);
  }
  std::set<ValueId> fed;
  std::vector<std::string> labels;
  for (const Value& value : inputs) {
    const Node& node = graph.node(value.node());
    std::string label = node.name.empty() ? std::string(node.op.name()) : node.name;
    const auto* input = node.op.as<Input>();
    if (input != nullptr) label = input->label;
    if (!fed.insert(id_of(value)).second)
      throw Error(ErrorCode::invalid_argument, fmt::format("the input '{}' comes twice", label));
    if (input == nullptr) {
      expect_plain_sizes(value);
      const std::string name = label;
      for (int other = 2; !taken.insert(label).second; ++other) label = fmt::format("{}#{}", name, other);
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

Program with_substitutes(const Graph& graph, std::span<const Value> roots, const FunctionSpec& spec,
                         std::span<const std::string> labels) {
  Program program{.graph = std::make_unique<Graph>(), .roots = {}};
  Substitution substitution(graph, *program.graph);
  std::set<ValueId> taken;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const Value& fed = spec.inputs[i];
    const Node& node = graph.node(fed.node());
    const NodeId made =
        program.graph->add(Input{.label = labels[i], .type = fed.type()}, {}, node.where, labels[i]);
    substitution.feed(id_of(fed), program.graph->value({made, 0}));
  }
  std::vector<Value> replacements;
  for (const Given& given : spec.givens) {
    expect_replaceable(given);
    if (!taken.insert(id_of(given.value)).second)
      refuse(given.value, ErrorCode::invalid_argument, "a value has two replacements");
    replacements.push_back(given.replacement);
  }
  substitution.copy_as_it_is(replacements);
  for (const Given& given : spec.givens) substitution.replace(given);
  program.roots = substitution.copy_replaced(roots);
  return program;
}

}  // namespace weft
