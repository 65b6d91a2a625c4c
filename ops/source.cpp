#include "weft/ops/source.h"

#include <fmt/format.h>

#include <cstring>
#include <set>
#include <vector>

namespace weft {
namespace {

[[noreturn]] void throw_unsupplied(std::string_view kind, const std::string& label) {
  throw Error(ErrorCode::bad_feed, fmt::format("the {} '{}' was given no tensor", kind, label));
}

Tensor scalar_tensor(const Scalar& number, DType dtype, std::string_view op, const Where& where) {
  try {
    return visit_dtype(dtype, [&]<typename T>(T) { return Tensor::scalar(number.to<T>()); });
  } catch (const Error& error) {
    throw error.with({.op = std::string(op), .where = to_string(where)});
  }
}

/// The input that a value depends on, or null.
const Input* input_behind(const Value& value) {
  const Graph& graph = value.graph();
  std::vector<NodeId> open{value.node()};
  std::set<NodeId> seen{value.node()};
  while (!open.empty()) {
    const Node& node = graph.node(open.back());
    open.pop_back();
    if (const auto* found = node.op.as<Input>()) return found;
    for (const ValueId& from : node.inputs) {
      if (seen.insert(from.node).second) open.push_back(from.node);
    }
  }
  return nullptr;
}

}  // namespace

void Input::forward(const KernelArgs&) const { throw_unsupplied(name, label); }
void Parameter::forward(const KernelArgs&) const { throw_unsupplied(name, label); }

void Constant::forward(const KernelArgs& args) const {
  if (tensor.bytes() > 0) std::memcpy(args.outputs[0].data, tensor.data(), tensor.bytes());
}

Value input(Graph& graph, std::string_view name, DType dtype, const Shape& shape, Where where) {
  if (name.empty())
    throw Error(ErrorCode::invalid_argument, "an input needs a name", {.where = to_string(where)});
  for (const Dim& dim : shape) {
    if (dim.is_number() || dim.is_symbol()) continue;
    throw Error(ErrorCode::shape_mismatch,
                "what is computed from symbols cannot be fed; give it a symbol of its own",
                {.op = "input",
                 .node = std::string(name),
                 .expected = "numbers and symbols",
                 .actual = to_string(shape),
                 .where = to_string(where)});
  }
  const Input op{.label = graph.full_name(name), .type = {dtype, shape}};
  return {&graph, graph.add(op, {}, where, name), 0};
}

Value constant(Graph& graph, Tensor tensor, Where where) {
  if (tensor.empty()) {
    throw Error(ErrorCode::invalid_argument, "an empty tensor cannot be a constant",
                {.op = "constant", .where = to_string(where)});
  }
  return {&graph, graph.add(Constant{std::move(tensor)}, {}, where), 0};
}

Value constant(Graph& graph, const Scalar& number, DType dtype, Where where) {
  return constant(graph, scalar_tensor(number, dtype, "constant", where), where);
}

Value parameter(Graph& graph, std::string_view name, Value initial, Where where) {
  const TensorType& type = expect_value(initial, "parameter", "the initial value", where).type();
  if (name.empty() || !type.shape.is_concrete()) {
    throw Error(
        ErrorCode::invalid_argument, "a parameter needs a name and a shape without symbols",
        {.op = "parameter", .node = std::string(name), .actual = to_string(type), .where = to_string(where)});
  }
  if (&initial.graph() != &graph) {
    throw Error(ErrorCode::invalid_argument, "the initial value belongs to another graph",
                {.op = "parameter", .node = std::string(name), .where = to_string(where)});
  }
  if (const Input* fed = input_behind(initial)) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("the initial value depends on the input '{}', which only calls are fed", fed->label),
        {.op = "parameter",
         .node = std::string(name),
         .expected = "a value of constants, random numbers and other parameters",
         .where = to_string(where)});
  }
  const std::string full = graph.full_name(name);
  const Value value(&graph, graph.add(Parameter{.label = full, .type = type}, {}, where, name), 0);
  graph.declare_state(full, value, initial);
  return value;
}

Value parameter(Graph& graph, std::string_view name, Tensor initial, Where where) {
  const Transaction whole(graph);
  return parameter(graph, name, constant(graph, std::move(initial), where), where);
}

Value as_value(const Operand& operand, Graph& graph, DType dtype, std::string_view op) {
  if (!operand.is_number()) return operand.value(op);
  return constant(graph, scalar_tensor(operand.number(), dtype, op, operand.where()), operand.where());
}

template detail::Model detail::model_of(Input);
template detail::Model detail::model_of(Constant);
template detail::Model detail::model_of(Parameter);

}  // namespace weft
