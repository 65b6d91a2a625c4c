#include "weft/ops/source.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace weft {
namespace {

[[noreturn]] void throw_unsupplied(std::string_view kind, const std::string& label) {
  throw Error(ErrorCode::bad_feed, fmt::format("the {} '{}' was given no tensor", kind, label));
}

Tensor scalar_tensor(double number, DType dtype, const std::source_location& where) {
  return visit_dtype(dtype, [&]<typename T>(T) {
    bool holds = true;
    if constexpr (std::is_integral_v<T>) {
      holds = number == std::trunc(number) && number >= static_cast<double>(std::numeric_limits<T>::min()) &&
              number <= static_cast<double>(std::numeric_limits<T>::max()) && std::abs(number) < 0x1p63;
    }
    if (!holds) {
      throw Error(ErrorCode::dtype_mismatch,
                  fmt::format("{} cannot hold the number {}", name_of(dtype), number),
                  {.where = to_string(where)});
    }
    return Tensor::scalar(static_cast<T>(number));
  });
}

}  // namespace

void Input::forward(const KernelArgs&) const { throw_unsupplied(name, label); }
void Parameter::forward(const KernelArgs&) const { throw_unsupplied(name, label); }

void Constant::forward(const KernelArgs& args) const {
  if (tensor.bytes() > 0) std::memcpy(args.outputs[0].data, tensor.data(), tensor.bytes());
}

Value input(Graph& graph, std::string_view name, DType dtype, const Shape& shape,
            std::source_location where) {
  if (name.empty())
    throw Error(ErrorCode::invalid_argument, "an input needs a name", {.where = to_string(where)});
  const Input op{.label = std::string(name), .type = {dtype, shape}};
  return {&graph, graph.add(op, {}, where, name), 0};
}

Value constant(Graph& graph, Tensor tensor, std::source_location where) {
  return {&graph, graph.add(Constant{std::move(tensor)}, {}, where), 0};
}

Value constant(Graph& graph, double number, DType dtype, std::source_location where) {
  return constant(graph, scalar_tensor(number, dtype, where), where);
}

Value parameter(Graph& graph, std::string_view name, Value initial, std::source_location where) {
  const TensorType& type = initial.type();
  if (name.empty() || !type.shape.is_concrete()) {
    throw Error(
        ErrorCode::invalid_argument, "a parameter needs a name and a shape without symbols",
        {.op = "parameter", .node = std::string(name), .actual = to_string(type), .where = to_string(where)});
  }
  if (&initial.graph() != &graph) {
    throw Error(ErrorCode::invalid_argument, "the initial value belongs to another graph",
                {.op = "parameter", .node = std::string(name), .where = to_string(where)});
  }
  const std::string full = graph.full_name(name);
  const Value value(&graph, graph.add(Parameter{.label = full, .type = type}, {}, where, name), 0);
  graph.declare_state(full, value, initial);
  return value;
}

Value parameter(Graph& graph, std::string_view name, Tensor initial, std::source_location where) {
  return parameter(graph, name, constant(graph, std::move(initial), where), where);
}

Value as_value(const Operand& operand, Graph& graph, DType dtype) {
  if (!operand.is_number()) return operand.value();
  return constant(graph, scalar_tensor(operand.number(), dtype, operand.where()), operand.where());
}

}  // namespace weft
