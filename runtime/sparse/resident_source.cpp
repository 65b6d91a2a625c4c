#include "weft/runtime/sparse/resident_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

std::optional<double> constant_number(const Graph& graph, ValueId id) {
  const Tensor* tensor = graph.node(id.node).op.constant();
  if (tensor == nullptr || tensor->elements() != 1 || tensor->dtype() != DType::f32) return std::nullopt;
  return static_cast<double>(tensor->values<float>()[0]);
}

std::optional<ResidentSource> from_constant(const Tensor& tensor) {
  const bool stored = tensor.dtype() == DType::u8 || tensor.dtype() == DType::f32;
  if (!stored || tensor.rank() < 2 || tensor.elements() == 0) return std::nullopt;
  return ResidentSource{.tensor = tensor, .window = whole_of(tensor), .rows = {}, .bytes = {}, .shifts = {}};
}

/// A slice of rows that are not gathered, or of the columns of a matrix.
std::optional<ResidentSource> sliced(ResidentSource source, const Slice& slice, const TensorType& type) {
  if (slice.step != 1 || type.shape.rank() != 2 || !source.shifts.empty()) return std::nullopt;
  Window& window = source.window;
  if (slice.axis == 0) {
    if (source.rows) return std::nullopt;
    window.last_row = window.first_row + slice.stop.size();
    window.first_row += slice.start.size();
  } else {
    window.last_column = window.first_column + slice.stop.size();
    window.first_column += slice.start.size();
  }
  return source;
}

/// Whether an operand adds the same row to every row of a matrix of k columns.
bool is_row(const TensorType& type, const Dim& k) {
  if (type.dtype != DType::f32) return false;
  if (std::ranges::all_of(type.shape, [](const Dim& dim) { return dim.is(1); })) return true;
  const Shape& shape = type.shape;
  return shape == Shape{k} || (shape.rank() == 2 && shape[0].is(1) && shape[1] == k);
}

void scale_by(ResidentSource& source, double factor) {
  source.scale *= factor;
  for (RowShift& shift : source.shifts) shift.factor *= factor;
}

}  // namespace

ResidentSources::ResidentSources(const Program& program) : graph_(*program.graph) {
  sources_.resize(graph_.size());
  for (const NodeId id : needed_nodes(graph_, program.roots)) sources_[id] = derive(graph_.node(id));
}

const ResidentSource* ResidentSources::at(ValueId value) const {
  const auto& source = sources_[value.node];
  return source ? &*source : nullptr;
}

std::optional<ResidentSource> ResidentSources::derive(const Node& node) const {
  if (const Tensor* tensor = node.op.constant()) return from_constant(*tensor);
  if (node.inputs.empty()) return std::nullopt;
  if (node.op.is<Mul>() || node.op.is<Div>()) return rescaled(node);
  if (node.op.is<Add>() || node.op.is<Sub>()) return shifted(node);
  if (const auto* cast = node.op.as<Cast>()) {
    return cast->to == DType::f32 ? cast_from(node.inputs[0]) : std::nullopt;
  }
  const ResidentSource* input = at(node.inputs[0]);
  if (input == nullptr || input->bytes) return std::nullopt;
  const TensorType& from = graph_.type(node.inputs[0]);
  if (const auto* slice = node.op.as<Slice>()) return sliced(*input, *slice, from);
  if (node.op.is<Reshape>()) {
    // The trailing axes count as one.
    const bool keeps_rows = node.outputs[0].shape.rank() == 2 && node.outputs[0].shape[0] == from.shape[0];
    return keeps_rows && input->shifts.empty() ? std::optional(*input) : std::nullopt;
  }
  if (node.op.is<Gather>() && !input->rows && graph_.type(node.inputs[1]).shape.rank() == 1) {
    ResidentSource gathered = *input;
    gathered.rows = node.inputs[1];
    return gathered;
  }
  return std::nullopt;
}

std::optional<ResidentSource> ResidentSources::cast_from(ValueId value) const {
  if (const ResidentSource* source = at(value)) return *source;
  const TensorType& type = graph_.type(value);
  if (type.dtype != DType::u8 || type.shape.rank() != 2) return std::nullopt;
  return ResidentSource{.tensor = {}, .window = {}, .rows = {}, .bytes = value, .shifts = {}};
}

std::optional<ResidentSource> ResidentSources::rescaled(const Node& node) const {
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const ResidentSource* source = at(node.inputs[side]);
    const auto number = constant_number(graph_, node.inputs[1 - side]);
    if (source == nullptr || !number || node.outputs[0] != graph_.type(node.inputs[side])) continue;
    if (node.op.is<Div>() && side == 1) continue;
    ResidentSource result = *source;
    scale_by(result, node.op.is<Div>() ? 1.0 / *number : *number);
    return result;
  }
  return std::nullopt;
}

std::optional<ResidentSource> ResidentSources::shifted(const Node& node) const {
  const TensorType& type = node.outputs[0];
  if (type.shape.rank() != 2) return std::nullopt;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const ResidentSource* source = at(node.inputs[side]);
    const ValueId other = node.inputs[1 - side];
    if (source == nullptr || type != graph_.type(node.inputs[side])) continue;
    if (!is_row(graph_.type(other), type.shape[1])) continue;
    ResidentSource result = *source;
    const bool subtracts = node.op.is<Sub>();
    if (subtracts && side == 1) scale_by(result, -1.0);
    result.shifts.push_back({.value = other, .factor = subtracts && side == 0 ? -1.0 : 1.0});
    return result;
  }
  return std::nullopt;
}

std::string ResidentSources::why_not(ValueId value) const {
  const Node& node = graph_.node(value.node);
  if (node.op.is<Input>()) return "its left side is fed, and known in the run only";
  if (node.op.is<Parameter>()) return "its left side is a parameter, which changes";
  const bool resident = std::ranges::any_of(node.inputs, [&](const ValueId& input) {
    const ResidentSource* source = at(input);
    return source != nullptr && source->window.columns() > 1;
  });
  if (resident) return fmt::format("'{}' may give zeros of the data other values", node.op.name());
  return "its left side is computed in the run";
}

}  // namespace weft
