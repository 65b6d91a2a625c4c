#include "weft/frontends/verify/engine_check.h"

#include <fmt/format.h>

#include "weft/frontends/verify/engine_task.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/control.h"
#include "weft/ops/source.h"

namespace weft::verify {

std::vector<std::string> check_engine(const Sample& sample, DType dtype) {
  Graph graph;
  EngineTask task{.graph = &graph, .bound = dtype == f32 ? kKernelBoundF32 : kKernelBoundF64};
  task.inputs = in_precision(sample.inputs, dtype);
  const Op op = with_floats_of(sample.op, dtype);
  task.expected = evaluate(op, task.inputs);
  std::vector<Value> operands;
  const bool stores = sample.op.is<Assign>();
  if (stores) {  // it takes a parameter, and counts as an update
    operands.push_back(parameter(graph, "stored", task.inputs[0]));
    task.inputs.erase(task.inputs.begin());
  }
  for (const Tensor& tensor : task.inputs) {
    operands.push_back(
        input(graph, fmt::format("x{}", operands.size()), tensor.dtype(), Shape::of(tensor.sizes())));
    task.spec.inputs.push_back(operands.back());
  }
  task.spec.outputs = graph.outputs_of(graph.add(op, operands, Where::current()));
  if (stores) {
    task.spec.updates = task.spec.outputs;
    task.updated = {"stored"};
    task.expected.push_back(task.expected[0]);
  }
  return check_task(task).lines;
}

}  // namespace weft::verify
