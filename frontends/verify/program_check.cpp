#include "weft/frontends/verify/program_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/frontends/verify/engine_task.h"
#include "weft/frontends/verify/numbers.h"
#include "weft/frontends/verify/program_shrink.h"
#include "weft/frontends/verify/random_program.h"
#include "weft/frontends/verify/trial_options.h"
#include "weft/graph/print.h"
#include "weft/ops/control.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/pass_list.h"

namespace weft::verify {
namespace {

/// The largest |a - b| / max(1, |b|); infinite where only one is a NaN or where infinities differ.
double program_distance(const Tensor& actual, const Tensor& expected) {
  const auto a = numbers_of(actual);
  const auto b = numbers_of(expected);
  if (a.size() != b.size()) return HUGE_VAL;
  double worst = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const double error = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    worst = std::isnan(error) ? HUGE_VAL : std::max(worst, error);
  }
  return worst;
}

/// A copy of the program as a function, in a graph of its own.
struct ProgramTask {
  ProgramTask(const RandomProgram& random, double bound)
      : program(extract(*random.program.graph, random.program.roots)) {
    Graph& graph = *program.graph;
    task.graph = &graph;
    task.bound = bound;
    task.distance = program_distance;
    task.expected = random.expected;
    const std::size_t nodes = graph.size();  // each initial value adds a node
    for (NodeId id = 0; id < nodes; ++id) {
      const Value value = graph.value({id, 0});
      if (const auto* input = graph.node(id).op.as<Input>()) {
        task.spec.inputs.push_back(value);
        task.inputs.push_back(random.feeds.at(input->label));
      } else if (const auto* parameter = graph.node(id).op.as<Parameter>()) {
        graph.declare_state(parameter->label, value, constant(graph, random.feeds.at(parameter->label)));
      }
    }
    const auto updates = program.roots.begin() + static_cast<std::ptrdiff_t>(random.outputs);
    task.spec.outputs.assign(program.roots.begin(), updates);
    task.spec.updates.assign(updates, program.roots.end());
    for (const Value& update : task.spec.updates) {
      const Node& parameter = graph.node(graph.node(update.node()).inputs[0].node);
      task.updated.push_back(parameter.op.as<Parameter>()->label);
    }
  }

  Program program;
  EngineTask task;
};

/// The options of the two engines: a single thread and all passes; and options that `source` draws, without
/// the pass whose turn it is. Programs with infinities do not skip zeros, since such products promise less
/// for infinities.
std::array<SessionOptions, 2> engines_for(int number, SampleSource& source, const CompileOptions& compile,
                                          bool special) {
  static constexpr std::array kModes{SkipZeros::always, SkipZeros::never, SkipZeros::automatic};
  CompileOptions plain = compile;
  if (source.coin()) plain.skip_zeros = SkipZeros::always;
  CompileOptions varied = compile;
  const auto passes = pass_names();
  varied.without.emplace_back(passes[static_cast<std::size_t>(number) % passes.size()]);
  varied.skip_zeros = kModes[static_cast<std::size_t>(source.below(kModes.size()))];
  varied.cuts = static_cast<int>(source.below(5));
  if (special) plain.skip_zeros = varied.skip_zeros = SkipZeros::never;
  return {trial_options(1, plain), trial_options(1 + static_cast<int>(source.below(3)), varied)};
}

ProgramStyle style_of(int number, DType dtype, const ProgramOptions& options) {
  constexpr int kOneLongIn = 40;
  constexpr int kOneSpecialIn = 3;
  if (options.long_axes && dtype == DType::f32 && number % kOneLongIn == 0)
    return {.updates = false, .long_axes = true};
  return {.special = options.special && number % kOneSpecialIn == 0, .updates = true};
}

/// The text of a small program with the fault, indented.
std::string shown(const RandomProgram& random, double bound, std::span<const SessionOptions> engines) {
  const RandomProgram small = shrink(random, [&](const RandomProgram& candidate) {
    ProgramTask made(candidate, bound);
    return std::ranges::any_of(engines, [&](const auto& options) { return !is_right(made.task, options); });
  });
  std::string text = to_text(small.program);
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos && at + 1 < text.size(); ++at)
    text.replace(at, 1, "\n    ");
  return "a graph with this fault:\n    " + text;
}

}  // namespace

ProgramCertificate certify_programs(DType dtype, const ProgramOptions& options) {
  constexpr int kShown = 3;
  ProgramCertificate certificate{.dtype = dtype, .programs = options.programs, .failures = {}};
  int failed = 0;
  for (int number = options.first; number < options.first + options.programs; ++number) {
    SampleSource source(options.seed, fmt::format("program {} in {}", number, name_of(dtype)));
    const ProgramStyle style = style_of(number, dtype, options);
    const RandomProgram random = random_program(source, options.nodes, dtype, style);
    const double bound = style.long_axes ? long_program_bound(dtype) : program_bound(dtype);
    certificate.nodes += static_cast<std::int64_t>(random.program.graph->size());
    const auto engines = engines_for(number, source, options.compile, style.special);
    ProgramTask made(random, bound);
    const EngineFindings findings = check_task(made.task, engines);
    certificate.error = std::max(certificate.error, findings.error);
    for (const std::string& line : findings.lines)
      certificate.failures.push_back(fmt::format("program {}: {} (seed {})", number, line, options.seed));
    if (!findings.lines.empty() && ++failed <= kShown)
      certificate.failures.push_back(fmt::format("program {}: {}", number, shown(random, bound, engines)));
  }
  return certificate;
}

}  // namespace weft::verify
