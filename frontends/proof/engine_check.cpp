#include "weft/frontends/proof/engine_check.h"

#include <fmt/format.h>

#include "weft/frontends/proof/kernel_check.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft::proof {

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
    Session session(graph, {.threads = threads});
    Function function = session.compile({.inputs = values, .outputs = outputs, .updates = {}});
    const auto actual = function(inputs);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double error = distance(actual[i], expected[i]);
      if (error <= (dtype == f32 ? kKernelBoundF32 : kKernelBoundF64)) continue;
      findings.push_back(fmt::format("the engine on {} thread{} is {} away from the reference in output {}",
                                     threads, threads == 1 ? "" : "s", error, i));
    }
  }
  return findings;
}

}  // namespace weft::proof
