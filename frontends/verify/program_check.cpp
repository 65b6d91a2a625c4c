#include "weft/frontends/verify/program_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/verify/engine_task.h"
#include "weft/frontends/verify/random_program.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft::verify {
namespace {

/// What the first call of a session of seed 1 gives a node without inputs.
Tensor first_feed(const Node& node, const RandomProgram& random) {
  std::string_view label;
  if (const auto* input = node.op.as<Input>()) label = input->label;
  if (const auto* parameter = node.op.as<Parameter>()) label = parameter->label;
  const auto found = random.feeds.find(label);
  if (found != random.feeds.end()) return found->second;
  return node.op.is<RandomKey>() ? Tensor::of<std::int64_t>({1, 1}) : Tensor();
}

EngineTask task_of(RandomProgram& random, DType dtype) {
  Graph& graph = *random.program.graph;
  EngineTask task{.graph = &graph, .bound = program_bound(dtype)};
  const std::size_t nodes = graph.size();  // an initial value is one more
  for (NodeId id = 0; id < nodes; ++id) {
    const Value value = graph.value({id, 0});
    if (const auto* input = graph.node(id).op.as<Input>()) {
      task.spec.inputs.push_back(value);
      task.inputs.push_back(random.feeds.at(input->label));
    } else if (const auto* parameter = graph.node(id).op.as<Parameter>()) {
      const Tensor& initial = random.feeds.at(parameter->label);
      graph.declare_state(parameter->label, value, constant(graph, initial));
    }
  }
  task.spec.outputs = random.program.roots;
  task.expected = evaluate(random.program, [&](const Node& node) { return first_feed(node, random); });
  return task;
}

}  // namespace

ProgramCertificate certify_programs(DType dtype, const ProgramOptions& options) {
  ProgramCertificate certificate{.dtype = dtype, .programs = options.programs, .failures = {}};
  SampleSource source(options.seed, fmt::format("programs in {}", name_of(dtype)));
  for (int number = 1; number <= options.programs; ++number) {
    RandomProgram random = random_program(source, options.nodes, dtype);
    certificate.nodes += static_cast<std::int64_t>(random.program.graph->size());
    const EngineFindings findings = check_task(task_of(random, dtype), options.compile);
    certificate.error = std::max(certificate.error, findings.error);
    for (const std::string& line : findings.lines) {
      certificate.failures.push_back(fmt::format("program {}: {} (seed {})", number, line, options.seed));
    }
  }
  return certificate;
}

}  // namespace weft::verify
