#include "weft/frontends/verify/model_reference.h"

#include <algorithm>

#include "weft/frontends/verify/kernel_check.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft::verify {
namespace {

const Node& node_of(const Value& value) { return value.graph().node(value.node()); }

/// The parameter that an update stores to.
Value updated(const Value& update) {
  const auto& to = node_of(update).inputs.at(0);
  return {&update.graph(), to.node, to.output};
}

/// The sizes of the inputs' symbols in the fed tensors.
Bindings bindings_of(std::span<const Value> inputs, std::span<const Tensor> tensors) {
  Bindings bindings;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape& shape = inputs[i].shape();
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis].is_symbol()) bindings[shape[axis].symbol()] = tensors[i].sizes()[axis];
    }
  }
  return bindings;
}

void expect_no_randomness(const Model& model, const Program& program) {
  for (NodeId id = 0; id < program.graph->size(); ++id) {
    const Node& node = program.graph->node(id);
    if (!node.op.is<RandomKey>()) continue;
    throw Error(ErrorCode::invalid_argument, "a model that draws random numbers has no derivative to compare",
                {.op = model.name, .where = to_string(node.where)});
  }
}

}  // namespace

std::string label_of(const Value& parameter) {
  const auto* op = node_of(parameter).op.as<Parameter>();
  if (op == nullptr) {
    throw Error(ErrorCode::invalid_argument, "this is not a parameter", {.node = parameter.name()});
  }
  return op->label;
}

ModelReference::ModelReference(const Model& model) : training_(model.build(graph_, f64)) {
  const Bindings bindings = bindings_of(training_.inputs, model.inputs);
  loss_ = extract(graph_, {&training_.loss, 1}, bindings);
  std::vector<Value> roots{training_.loss};
  roots.insert(roots.end(), training_.gradients.begin(), training_.gradients.end());
  roots.insert(roots.end(), training_.updates.begin(), training_.updates.end());
  step_ = extract(graph_, roots, bindings);
  expect_no_randomness(model, step_);
  const std::vector<Tensor> inputs = in_precision(model.inputs, f64);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs_.emplace(node_of(training_.inputs[i]).op.as<Input>()->label, inputs[i]);
  }
}

void ModelReference::set(const States& states) {
  states_.clear();
  for (const auto& [label, tensor] : states) {
    states_.emplace(label, in_precision({&tensor, 1}, f64)[0].clone());
  }
}

std::vector<Tensor> ModelReference::run(const Program& program) const {
  return evaluate(program, [&](const Node& node) {
    if (const auto* input = node.op.as<Input>()) return inputs_.at(input->label);
    // A model may keep some of its state, a count of steps for instance, in another dtype than f64.
    if (const auto* parameter = node.op.as<Parameter>()) {
      return in_precision({&states_.at(parameter->label), 1}, parameter->type.dtype)[0];
    }
    return Tensor();
  });
}

StepResult ModelReference::step() const {
  const std::vector<Tensor> results = run(step_);
  const auto outputs = static_cast<std::ptrdiff_t>(1 + training_.gradients.size());
  StepResult result{.outputs = {results.begin(), results.begin() + outputs}, .after = {}};
  for (std::size_t i = 0; i < training_.updates.size(); ++i) {
    result.after.emplace(label_of(updated(training_.updates[i])),
                         results[static_cast<std::size_t>(outputs) + i]);
  }
  return result;
}

double ModelReference::loss() const { return run(loss_)[0].item<double>(); }

Slopes ModelReference::slopes(const Value& parameter, const std::vector<double>& direction, double step) {
  Tensor& tensor = states_.at(label_of(parameter));
  const Tensor centre = tensor.clone();
  const auto loss_at = [&](double way) {
    const auto from = centre.values<double>();
    const auto to = tensor.mutable_values<double>();
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = from[i] + way * direction[i];
    return loss();
  };
  const double here = loss();
  const double above = loss_at(step);
  const double below = loss_at(-step);
  tensor = centre;
  return {.left = (here - below) / step, .right = (above - here) / step};
}

}  // namespace weft::verify
