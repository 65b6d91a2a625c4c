#include "weft/runtime/compile/compile.h"

#include <fmt/format.h>

#include "weft/graph/passes/standard.h"
#include "weft/graph/print.h"
#include "weft/ops/source.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/sparse/sparse_products.h"
#include "weft/runtime/split/split_columns.h"
#include "weft/runtime/split/split_products.h"

namespace weft {
namespace {

std::vector<Pass> simplifying_passes(const CompileOptions& options) {
  std::vector<Pass> passes;
  if (options.simplify) passes.push_back(simplify());
  if (options.fold)
    passes.push_back(
        constant_folding([](Graph& graph, Tensor tensor) { return constant(graph, std::move(tensor)); }));
  if (options.simplify && options.fold) passes.push_back(simplify());
  if (options.merge) passes.push_back(common_subexpressions());
  passes.push_back(dead_code());
  return passes;
}

/// Into how many parts each step is cut.
int part_count(const CompileOptions& options, const CompileTarget& target) {
  return options.cuts > 0 ? options.cuts : target.threads;
}

/// Weights are split behind fuse_accumulate, which shows what is updated by its own gradient, and before
/// fuse_elementwise, which takes the sums of terms.
std::vector<Pass> fusing_passes(const CompileOptions& options, int parts) {
  std::vector<Pass> passes;
  if (options.fuse_matmul) passes.push_back(fuse_matmul());
  if (options.fuse_accumulate) passes.push_back(fuse_accumulate());
  if (options.fuse_cross_entropy) passes.push_back(fuse_cross_entropy());
  if (options.split_weights && parts > 1) {
    passes.push_back(split_columns(parts));
    passes.push_back(split_products(parts));
  }
  if (options.fuse_elementwise) passes.push_back(fuse_elementwise());
  if (options.fuse_gather) passes.push_back(fuse_gather());
  return passes;
}

/// Products over non-zeros alone, of data that are sparse and, where that pays, of data that have zeros.
Program without_zeros(Program program, SkipZeros skip, RowStores* stores, std::vector<ProductChoice>& choices,
                      const PassObserver& observer) {
  std::optional<Program> skipping;
  if (skip != SkipZeros::never) {
    RowStores own;
    skipping = skip_zeros(program, skip, stores == nullptr ? own : *stores, choices);
    if (skipping) observer("skip_zeros", *skipping);
  }
  auto sparse = sparse_products(skipping ? *skipping : program);
  if (sparse) observer("sparse_products", *sparse);
  if (!skipping && !sparse) return program;
  const Pass passes[] = {absorb_into_resident()};
  return run_passes(std::move(sparse ? *sparse : *skipping), passes, observer);
}

void expect_concrete(const Program& program) {
  const Graph& graph = *program.graph;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    for (const TensorType& type : node.outputs) {
      if (type.shape.is_concrete()) continue;
      throw Error(ErrorCode::bad_feed, "a symbol of the shape is bound by no input of the function",
                  {.op = std::string(node.op.name()),
                   .node = node.name,
                   .actual = to_string(type),
                   .where = to_string(node.where)});
    }
  }
}

/// A plan that few threads run is still cut as if all did: which of them it gets must not show in its
/// results.
Schedule schedule_for(const Lowered& lowered, int parts, const CompileTarget& target) {
  if (target.thread_costs) return schedule_by_cost(lowered, target.threads, parts, *target.thread_costs);
  return schedule(lowered, target.threads, parts);
}

}  // namespace

Compilation compile(const Graph& graph, std::span<const Value> roots, std::size_t outputs,
                    std::span<const std::string> inputs, const Bindings& bindings,
                    const CompileOptions& options, const CompileTarget& target,
                    const StageObserver& observer) {
  const int parts = part_count(options, target);
  Compilation compilation;
  compilation.inputs.assign(inputs.begin(), inputs.end());
  const auto keep = [&](const std::string& name, const Program& program) {
    if (options.self_check) compilation.stages.push_back({name, extract(*program.graph, program.roots)});
  };
  const auto observe = [&](const std::string& stage, const Program& program) {
    if (observer) observer(stage, to_text(program));
  };
  Program program = extract(graph, roots);
  observe("prune", program);
  program = extract(*program.graph, program.roots, bindings);
  expect_concrete(program);
  keep("specialize", program);
  observe("specialize", program);
  program = run_passes(std::move(program), simplifying_passes(options), keep);
  observe("simplify", program);
  program =
      without_zeros(std::move(program), options.skip_zeros, target.stores.get(), compilation.products, keep);
  if (observer) observer("sparse", to_text(compilation.products));
  program = run_passes(std::move(program), fusing_passes(options, parts), keep);
  observe("fuse", program);
  compilation.lowered = lower(program, outputs, inputs,
                              {.reference_kernels = options.reference_kernels,
                               .in_place_updates = options.in_place_updates,
                               .kernels = options.kernels,
                               .without_kernels = options.without_kernels});
  keep("lower", compilation.lowered.program);
  compilation.schedule = schedule_for(compilation.lowered, parts, target);
  compilation.arena = plan_arena(compilation.lowered, compilation.schedule);
  compilation.kernels = bind_kernels(compilation.lowered, compilation.schedule);
  if (observer) observer("schedule", to_text(compilation.lowered, compilation.schedule, compilation.arena));
  return compilation;
}

}  // namespace weft
