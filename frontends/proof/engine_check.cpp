#include "weft/frontends/proof/engine_check.h"

#include <fmt/format.h>

#include "weft/frontends/proof/kernel_check.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft::proof {

namespace {

/// What a session that checks itself blames: a stage of the compiler, a kernel or the plan.
std::string blamed_by_self_check(Graph& graph, const FunctionSpec& spec, std::span<const Tensor> inputs) {
  Session session(graph, {.compile = {.self_check = true}});
  try {
    session.compile(spec)(inputs);
  } catch (const std::exception& error) {
    return fmt::format("to blame: {}", error.what());
  }
  return "the self-check finds nothing to blame";
}

}  // namespace

std::vector<std::string> check_engine(const Sample& sample, DType dtype) {
  std::vector<std::string> findings;
  const std::vector<Tensor> inputs = in_precision(sample.inputs, dtype);
  const std::vector<Tensor> expected = evaluate(sample.op, inputs);
  Graph graph;
  std::vector<Value> values;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    values.push_back(input(graph, fmt::format("x{}", i), inputs[i].dtype(), Shape::of(inputs[i].sizes())));
  }
  const std::vector<Value> outputs =
      graph.outputs_of(graph.add(sample.op, values, std::source_location::current()));
  for (const int threads : {1, 3}) {
    const FunctionSpec spec{.inputs = values, .outputs = outputs, .updates = {}};
    Session session(graph, {.threads = threads});
    Function function = session.compile(spec);
    const auto actual = function(inputs);
    bool differs = false;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double error = distance(actual[i], expected[i]);
      if (error <= (dtype == f32 ? kKernelBoundF32 : kKernelBoundF64)) continue;
      differs = true;
      findings.push_back(fmt::format("the engine on {} thread{} is {} away from the reference in output {}",
                                     threads, threads == 1 ? "" : "s", error, i));
    }
    if (differs) findings.push_back(blamed_by_self_check(graph, spec, inputs));
  }
  return findings;
}

}  // namespace weft::proof
