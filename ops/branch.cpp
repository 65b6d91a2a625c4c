#include "weft/ops/branch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

const TensorType kPredicateType{DType::boolean, Shape{}};

std::string types_text(const std::vector<TensorType>& types) {
  std::vector<std::string> texts;
  for (const TensorType& type : types) texts.push_back(to_string(type));
  return texts.empty() ? "nothing" : fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::vector<TensorType> Cond::infer(std::span<const TensorType> inputs) const {
  if (inputs.size() != then.arguments.size() + 1 || then.arguments != otherwise.arguments)
    throw Error(ErrorCode::internal, "the branches do not fit their inputs");
  if (inputs[0] != kPredicateType) {
    throw Error(ErrorCode::shape_mismatch, "a branch is chosen by one bool",
                {.expected = to_string(kPredicateType), .actual = to_string(inputs[0])});
  }
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i] == then.arguments[i - 1]) continue;
    throw Error(ErrorCode::shape_mismatch, fmt::format("input {} does not fit the branches", i),
                {.expected = to_string(then.arguments[i - 1]), .actual = to_string(inputs[i])});
  }
  std::vector<TensorType> results = then.results();
  if (results.empty() || results != otherwise.results()) {
    throw Error(ErrorCode::invalid_argument, "both branches must return values of the same types",
                {.expected = types_text(results), .actual = types_text(otherwise.results())});
  }
  return results;
}

void Cond::forward(const KernelArgs& args) const {
  std::vector<Tensor> arguments;
  for (const ConstArg& input : args.inputs.subspan(1))
    arguments.push_back(Tensor::borrow(input.data, input.dtype, input.sizes));
  const bool taken = args.inputs[0].as<const bool>()[0];
  const std::vector<Tensor> results = evaluate(taken ? then : otherwise, arguments);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].bytes() > 0) std::memcpy(args.outputs[i].data, results[i].data(), results[i].bytes());
  }
}

namespace {

/// A branch's gradients as a body: of its arguments and the gradients of some results, with respect to the
/// floats among its arguments.
Body gradient_of(const Body& branch, const GradientArgs& args) {
  BodyBuilder builder;
  std::vector<Value> arguments;
  for (const TensorType& type : branch.arguments) arguments.push_back(builder.argument(type));
  const std::vector<Value> results = inline_body(branch, builder.graph(), arguments);
  std::vector<Value> outputs;
  std::vector<Value> cotangents;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!args.output_gradients[i].has_value()) continue;
    outputs.push_back(results[i]);
    cotangents.push_back(builder.argument(args.output_gradients[i].type()));
  }
  std::vector<Value> wrt;
  for (const Value& argument : arguments) {
    if (is_real(argument.dtype())) wrt.push_back(argument);
  }
  std::vector<Value> found = args.differentiate(outputs, cotangents, wrt);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].has_value()) continue;
    const Value zero = constant(builder.graph(), 0.0, gradient_dtype(wrt[i].dtype()), {});
    found[i] = broadcast_to(zero, wrt[i].shape());
  }
  return builder.finish(found);
}

}  // namespace

std::vector<Value> Cond::gradient(const GradientArgs& args) const {
  std::vector<Value> found(args.inputs.size());
  std::vector<std::size_t> places;
  for (std::size_t i = 1; i < args.inputs.size(); ++i) {
    if (is_real(args.inputs[i].dtype())) places.push_back(i);
  }
  if (places.empty()) return found;
  std::vector<Value> inputs(args.inputs.begin(), args.inputs.end());
  for (const Value& gradient : args.output_gradients) {
    if (gradient.has_value()) inputs.push_back(gradient);
  }
  Graph& graph = inputs[0].graph();
  const Cond op{.then = gradient_of(then, args), .otherwise = gradient_of(otherwise, args)};
  const std::vector<Value> gradients = graph.outputs_of(graph.add(op, inputs, {}));
  for (std::size_t i = 0; i < places.size(); ++i) found[places[i]] = gradients[i];
  return found;
}

std::vector<Value> cond(const Operand& predicate, const BranchFunction& then,
                        const BranchFunction& otherwise) {
  const Value chosen = predicate.value("cond");
  Graph& graph = chosen.graph();
  const Transaction whole(graph);
  std::vector<Value> captured;
  const TraceOptions options{.op = "cond", .where = predicate.where(), .whole = true};
  const auto traced = [&](const BranchFunction& branch) {
    return trace(graph, {}, [&](std::span<const Value>) { return branch(); }, captured, options);
  };
  Body taken = traced(then);
  Body other = traced(otherwise);
  const Cond op{.then = with_captured(std::move(taken), 0, captured), .otherwise = std::move(other)};
  std::vector<Value> inputs{chosen};
  inputs.insert(inputs.end(), captured.begin(), captured.end());
  return graph.outputs_of(graph.add(op, inputs, predicate.where()));
}

template detail::Model detail::model_of(Cond);

}  // namespace weft
