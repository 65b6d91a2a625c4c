#include "weft/frontends/verify/model_engine.h"

#include "weft/frontends/verify/kernel_check.h"

namespace weft::verify {

namespace {

/// The training function, which gives the loss and then `others`.
FunctionSpec function_of(const Training& training, std::span<const Value> others) {
  FunctionSpec spec{.inputs = training.inputs, .outputs = {training.loss}, .updates = training.updates};
  spec.outputs.insert(spec.outputs.end(), others.begin(), others.end());
  return spec;
}

}  // namespace

ModelEngine::ModelEngine(const Model& model, DType dtype, const SessionOptions& options)
    : training_(model.build(graph_, dtype)),
      inputs_(in_precision(model.inputs, dtype)),
      session_(graph_, options),
      step_(session_.compile(function_of(training_, {}))),
      gradients_(session_.compile(function_of(training_, training_.gradients))) {}

void ModelEngine::step() { step_(inputs_); }

std::vector<Tensor> ModelEngine::gradients() {
  const States before = states();
  const Outputs outputs = gradients_(inputs_);
  set(before);
  return {outputs.begin(), outputs.end()};
}

States ModelEngine::states() {
  States states;
  for (const auto& [label, declared] : graph_.states()) states.emplace(label, session_.value(label));
  return states;
}

void ModelEngine::set(const States& states) {
  for (const auto& [label, tensor] : states) session_.set(label, tensor);
}

StepResult ModelEngine::step_from(const States& from) {
  set(from);
  StepResult result{.outputs = gradients(), .after = {}};
  step();
  result.after = states();
  return result;
}

std::optional<std::string> self_check(const Model& model, DType dtype, SessionOptions options,
                                      const States& states) {
  options.compile.self_check = true;
  try {
    ModelEngine(model, dtype, options).step_from(states);
  } catch (const std::exception& error) {
    return error.what();
  }
  return std::nullopt;
}

}  // namespace weft::verify
