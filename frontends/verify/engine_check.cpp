#include "weft/frontends/verify/engine_check.h"

#include <fmt/format.h>

#include "weft/frontends/verify/engine_task.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/source.h"

namespace weft::verify {

std::vector<std::string> check_engine(const Sample& sample, DType dtype) {
  Graph graph;
  EngineTask task{.graph = &graph, .bound = dtype == f32 ? kKernelBoundF32 : kKernelBoundF64};
  task.inputs = in_precision(sample.inputs, dtype);
  task.expected = evaluate(sample.op, task.inputs);
  for (std::size_t i = 0; i < task.inputs.size(); ++i) {
    task.spec.inputs.push_back(
        input(graph, fmt::format("x{}", i), task.inputs[i].dtype(), Shape::of(task.inputs[i].sizes())));
  }
  task.spec.outputs = graph.outputs_of(graph.add(sample.op, task.spec.inputs, Where::current()));
  return check_task(task).lines;
}

}  // namespace weft::verify
