#include "weft/frontends/proof/engine_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/proof/culprits.h"
#include "weft/frontends/proof/kernel_check.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft::proof {

namespace {

/// An op on inputs, as a graph and what it must give.
struct Task {
  Graph graph{};
  FunctionSpec spec{};
  std::vector<Tensor> inputs{};
  std::vector<Tensor> expected{};
  double bound = 0.0;
};

/// How far each output is from what it must be.
std::vector<double> errors_with(Task& task, const SessionOptions& options) {
  Session session(task.graph, options);
  Function function = session.compile(task.spec);
  const auto actual = function(task.inputs);
  std::vector<double> errors;
  for (std::size_t i = 0; i < actual.size(); ++i) errors.push_back(distance(actual[i], task.expected[i]));
  return errors;
}

bool is_right(Task& task, const SessionOptions& options) {
  try {
    return std::ranges::all_of(errors_with(task, options), [&](double e) { return e <= task.bound; });
  } catch (const std::exception&) {
    return false;
  }
}

/// What a session that checks itself blames, or without what the result is right.
std::vector<std::string> blamed(Task& task, SessionOptions options) {
  options.compile.self_check = true;
  try {
    errors_with(task, options);
  } catch (const std::exception& error) {
    return {fmt::format("to blame: {}", error.what())};
  }
  options.compile.self_check = false;
  return culprits(options, [&](const SessionOptions& without) { return is_right(task, without); });
}

}  // namespace

std::vector<std::string> check_engine(const Sample& sample, DType dtype) {
  Task task{.bound = dtype == f32 ? kKernelBoundF32 : kKernelBoundF64};
  task.inputs = in_precision(sample.inputs, dtype);
  task.expected = evaluate(sample.op, task.inputs);
  for (std::size_t i = 0; i < task.inputs.size(); ++i) {
    task.spec.inputs.push_back(
        input(task.graph, fmt::format("x{}", i), task.inputs[i].dtype(), Shape::of(task.inputs[i].sizes())));
  }
  task.spec.outputs =
      task.graph.outputs_of(task.graph.add(sample.op, task.spec.inputs, std::source_location::current()));
  std::vector<std::string> findings;
  for (const int threads : {1, 3}) {
    const SessionOptions options{.threads = threads, .spare_threads = false};
    const std::vector<double> errors = errors_with(task, options);
    bool differs = false;
    for (std::size_t i = 0; i < errors.size(); ++i) {
      if (errors[i] <= task.bound) continue;
      differs = true;
      findings.push_back(fmt::format("the engine on {} thread{} is {} away from the reference in output {}",
                                     threads, threads == 1 ? "" : "s", errors[i], i));
    }
    if (!differs) continue;
    for (std::string& line : blamed(task, options)) findings.push_back(std::move(line));
  }
  return findings;
}

}  // namespace weft::proof
