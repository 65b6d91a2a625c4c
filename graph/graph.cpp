#include "weft/graph/graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <functional>

namespace weft {
namespace {

std::vector<TensorType> types_of(std::span<const Value> inputs) {
  std::vector<TensorType> types;
  types.reserve(inputs.size());
  for (const Value& input : inputs) types.push_back(input.type());
  return types;
}

std::string describe(std::span<const TensorType> types) {
  std::vector<std::string> texts;
  texts.reserve(types.size());
  for (const TensorType& type : types) texts.push_back(to_string(type));
  return texts.empty() ? "no inputs" : fmt::format("{}", fmt::join(texts, " and "));
}

/// `trail` is called only for an error: most nodes have none, and graphs may be large.
std::vector<TensorType> infer_checked(const Op& op, std::span<const TensorType> inputs,
                                      const std::function<Trail()>& trail) {
  std::vector<TensorType> outputs;
  try {
    outputs = op.infer(inputs);
  } catch (const Error& error) {
    Trail filled = trail();
    if (error.trail().actual.empty()) filled.actual = describe(inputs);
    throw error.with(filled);
  }
  if (outputs.empty()) throw Error(ErrorCode::internal, "the shape rule gives no output", trail());
  const DType element = kernel_element(inputs, outputs);
  if (!op.supports(element)) {
    Trail filled = trail();
    filled.actual = describe(inputs);
    throw Error(ErrorCode::dtype_mismatch, no_kernel_text(element), filled);
  }
  return outputs;
}

}  // namespace

Graph& Value::graph() const {
  if (graph_ == nullptr) throw Error(ErrorCode::invalid_argument, "an empty value was used");
  return *graph_;
}

const TensorType& Value::type() const {
  const auto& outputs = graph().node(node_).outputs;
  if (output_ >= outputs.size()) {
    throw Error(ErrorCode::internal, fmt::format("node {} has no output {}", node_, output_));
  }
  return outputs[output_];
}

const std::string& Value::name() const { return graph().node(node_).name; }

Value Value::named(std::string_view name) const {
  graph().rename(node_, name);
  return *this;
}

Value Operand::value(std::string_view op) const {
  if (value_.has_value()) return value_;
  const std::string message =
      is_number() ? fmt::format("the number {} stands where a tensor is needed; make it one with constant()",
                                to_string(number_))
                  : "an empty value stands where a tensor is needed";
  throw Error(ErrorCode::invalid_argument, message, {.op = std::string(op), .where = to_string(where_)});
}

const Value& expect_value(const Value& value, std::string_view op, std::string_view role,
                          const Where& where) {
  if (value.has_value()) return value;
  throw Error(ErrorCode::invalid_argument, fmt::format("{} is an empty value", role),
              {.op = std::string(op), .expected = "a value of a graph", .where = to_string(where)});
}

void expect_values(std::span<const Value> values, std::string_view op, std::string_view role,
                   const Where& where) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].has_value()) expect_value(values[i], op, fmt::format("{} {}", role, i), where);
  }
}

const Node& Graph::node(NodeId id) const {
  if (id >= nodes_.size()) throw Error(ErrorCode::internal, fmt::format("there is no node {}", id));
  return nodes_[id];
}

NodeId Graph::add(const Op& op, std::span<const Value> inputs, Where where, std::string_view name) {
  for (const ScopeFrame& scope : scopes_) {
    if (!scope.has_where) continue;
    where = scope.where;
    break;
  }
  std::string full = full_name(name);
  const auto trail = [&] {
    return Trail{.op = std::string(op.name()), .node = full, .where = to_string(where)};
  };
  std::vector<ValueId> ids;
  ids.reserve(inputs.size());
  for (const Value& input : inputs) {
    if (!input.has_value())
      throw Error(ErrorCode::invalid_argument, "an empty value was used as input", trail());
    if (&input.graph() != this) {
      throw Error(ErrorCode::invalid_argument, "the inputs belong to different graphs", trail());
    }
    ids.push_back({input.node(), input.output()});
  }
  expect_new_label(op, where);
  auto outputs = infer_checked(op, types_of(inputs), trail);
  const auto id = static_cast<NodeId>(nodes_.size());
  if (!op.unique_label().empty()) labelled_.emplace(std::pair(op.name(), op.unique_label()), id);
  nodes_.push_back({op, std::move(ids), std::move(outputs), std::move(full), std::move(where)});
  return id;
}

void Graph::expect_new_label(const Op& op, const Where& where) const {
  if (op.unique_label().empty()) return;
  const auto found = labelled_.find(std::pair<std::string, std::string>(op.name(), op.unique_label()));
  if (found == labelled_.end()) return;
  const Node& first = node(found->second);
  const std::string place = to_string(first.where);
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("the graph has the {} '{}' already, {}{}", op.name(), op.unique_label(),
                  to_string(first.outputs[0]), place.empty() ? "" : fmt::format(" at {}", place)),
      {.op = std::string(op.name()), .node = std::string(op.unique_label()), .where = to_string(where)});
}

std::vector<Value> Graph::outputs_of(NodeId id) {
  std::vector<Value> values;
  for (std::uint32_t i = 0; i < node(id).outputs.size(); ++i) values.emplace_back(this, id, i);
  return values;
}

void Graph::rename(NodeId id, std::string_view name) {
  if (id >= nodes_.size()) throw Error(ErrorCode::internal, fmt::format("there is no node {}", id));
  nodes_[id].name = full_name(name);
}

void Graph::declare_state(std::string_view name, Value value, Value initial) {
  if (states_.contains(name)) {
    const Where& first = node(states_.find(name)->second.value.node()).where;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the graph has the state '{}' already, from {}", name, to_string(first)),
                {.where = to_string(node(value.node()).where)});
  }
  states_.emplace(name, StateDeclaration{value, initial});
}

std::string Graph::full_name(std::string_view name) const {
  std::string full;
  for (const ScopeFrame& scope : scopes_) {
    if (scope.prefix.empty()) continue;
    full += scope.prefix;
    full += '/';
  }
  full += name;
  if (name.empty() && !full.empty()) full.pop_back();
  return full;
}

Scope::Scope(Graph& graph, std::string_view name) : graph_(graph) {
  graph.scopes_.push_back({std::string(name), {}, false});
}

Scope::Scope(Graph& graph, std::string_view name, Where where) : graph_(graph) {
  graph.scopes_.push_back({std::string(name), where, true});
}

Transaction::Transaction(Graph& graph)
    : graph_(graph),
      nodes_(graph.size()),
      streams_(graph.streams_),
      exceptions_(std::uncaught_exceptions()) {}

Transaction::~Transaction() {
  if (std::uncaught_exceptions() <= exceptions_) return;
  std::erase_if(graph_.states_, [&](const auto& state) { return state.second.value.node() >= nodes_; });
  std::erase_if(graph_.labelled_, [&](const auto& labelled) { return labelled.second >= nodes_; });
  while (graph_.size() > nodes_) graph_.nodes_.pop_back();
  graph_.streams_ = streams_;
}

namespace {

NodeId apply_node(const Op& op, std::span<const Operand> inputs) {
  if (inputs.empty() || std::ranges::all_of(inputs, &Operand::is_number)) {
    throw Error(ErrorCode::invalid_argument, "an op needs at least one tensor among its inputs",
                {.op = std::string(op.name()), .where = inputs.empty() ? "" : to_string(inputs[0].where())});
  }
  std::vector<Value> values;
  values.reserve(inputs.size());
  for (const Operand& input : inputs) values.push_back(input.value(op.name()));
  return values[0].graph().add(op, values, inputs[0].where());
}

}  // namespace

Value apply_many(const Op& op, std::span<const Operand> inputs) {
  const NodeId node = apply_node(op, inputs);
  return {&inputs[0].value().graph(), node, 0};
}

std::vector<Value> apply_all(const Op& op, std::initializer_list<Operand> inputs) {
  const NodeId node = apply_node(op, {inputs.begin(), inputs.size()});
  return inputs.begin()->value().graph().outputs_of(node);
}

}  // namespace weft
