#include "weft/runtime/compile/compile.h"

#include <fmt/format.h>

#include "weft/graph/passes/pass.h"
#include "weft/graph/print.h"
#include "weft/ops/bodies.h"
#include "weft/ops/loop.h"
#include "weft/runtime/compile/hoist.h"
#include "weft/runtime/compile/pass_list.h"
#include "weft/runtime/loops/loops.h"
#include "weft/runtime/ops/fixed_values.h"

namespace weft {
namespace {

/// Into how many shards each step is cut.
int shard_count(const CompileOptions& options, const CompileTarget& target) {
  return options.cuts > 0 ? options.cuts : target.threads;
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

/// A plan that few threads run is still cut for all of them, since the number that it gets must not change
/// its results.
Schedule schedule_for(const Lowered& lowered, int shards, const CompileTarget& target) {
  if (target.thread_costs) return schedule_by_cost(lowered, target.threads, shards, *target.thread_costs);
  return schedule(lowered, target.threads, shards);
}

/// What a stage's observer sees: the program, or for the sparse stage what was decided about each product.
std::string stage_text(std::string_view stage, const Program& program, const Compilation& compilation) {
  return stage == "sparse" ? to_text(compilation.products) : to_text(program);
}

/// Runs the passes that are not left out, in the order of the list.
class PassRunner {
 public:
  PassRunner(const CompileOptions& options, int shards, RowStores* stores, const Names& left_out,
             Compilation& compilation, const StageObserver& observer)
      : left_out_(left_out),
        compilation_(compilation),
        observer_(observer),
        keeps_(options.self_check),
        context_{.options = options,
                 .shards = shards,
                 .stores = stores != nullptr ? *stores : own_,
                 .products = compilation.products} {}

  Program run(Program program) {
    const auto list = pass_list();
    for (std::size_t i = 0; i < list.size() && list[i].run != nullptr; ++i) {
      if (!left_out_.contains(list[i].name)) run_one(list[i], program);
      const bool ends_stage = i + 1 == list.size() || list[i + 1].stage != list[i].stage;
      if (ends_stage && observer_) observer_(list[i].stage, stage_text(list[i].stage, program, compilation_));
    }
    return program;
  }

  /// The same passes for the programs inside of nodes.
  Program run_inside(const Program& program) const {
    Program made =
        rewrite(*program.graph, program.roots,
                [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                  std::vector<Body> bodies = node.op.bodies();
                  if (bodies.empty()) return {};
                  for (Body& body : bodies) body.program = run_body(*body.program, first_fixed(node.op));
                  const Op op = node.op.with_bodies(std::move(bodies));
                  return target.outputs_of(target.add(op, inputs, node.where, node.name));
                });
    return left_out_.contains("before_scans") ? std::move(made) : once_before_scans().run(made);
  }

  void keep(std::string_view stage, const Program& program) {
    if (keeps_) compilation_.stages.push_back({std::string(stage), extract(*program.graph, program.roots)});
  }

 private:
  /// Where the arguments begin that a scan of many steps, for which weights are worth packing, has the same
  /// in each: what is made of them alone leaves the loop.
  std::size_t first_fixed(const Op& op) const {
    constexpr std::int64_t kManySteps = 8;
    const auto* scan = op.as<Scan>();
    const bool packs =
        scan != nullptr && scan->length.size() >= kManySteps && !left_out_.contains("before_scans");
    return packs ? static_cast<std::size_t>(scan->states + scan->sequences) : kNoArguments;
  }

  std::shared_ptr<const Program> run_body(const Program& body, std::size_t first_fixed) const {
    Compilation inside;
    PassRunner passes(context_.options, context_.shards, &context_.stores, left_out_, inside, nothing_);
    passes.keeps_ = false;
    passes.context_.first_fixed = first_fixed;
    Program program = passes.run(extract(*body.graph, body.roots));
    return std::make_shared<const Program>(passes.run_inside(program));
  }

  void run_one(const PassEntry& entry, Program& program) {
    auto made = entry.run(program, context_);
    if (!made) return;
    verify_after(entry.name, *made);
    program = std::move(*made);
    compilation_.passes.push_back({entry.name, program.graph->size()});
    if (entry.changes_results) compilation_.stages.clear();
    keep(entry.name, program);
  }

  const Names& left_out_;
  Compilation& compilation_;
  const StageObserver& observer_;
  StageObserver nothing_;  // observes no stage
  bool keeps_;
  RowStores own_;
  PassContext context_;
};

/// From a program that is fused to what a plan is made of.
class Backend {
 public:
  Backend(const CompileOptions& options, const CompileTarget& target, const Names& left_out)
      : options_(options), target_(target), left_out_(left_out) {}

  void finish(Compilation& compilation, const Program& program, std::size_t outputs) const {
    compilation.lowered = lower(program, outputs, compilation.inputs,
                                {.reference_kernels = options_.reference_kernels,
                                 .in_place_updates = !left_out_.contains("in_place_updates"),
                                 .kernels = options_.kernels,
                                 .without_kernels = options_.without});
    compilation.schedule = schedule_for(compilation.lowered, shard_count(options_, target_), target_);
    compilation.arena = plan_arena(compilation.lowered, compilation.schedule);
    compilation.kernels = bind_kernels(compilation.lowered, compilation.schedule);
  }

  /// Whether what parameters alone decide may be kept. A run that checks its values computes all of them.
  bool keeps(const Program& program, std::size_t outputs) const {
    const bool checks = options_.self_check || options_.nan_guard;
    return program.roots.size() == outputs && !checks && !left_out_.contains("hoist");
  }

 private:
  const CompileOptions& options_;
  const CompileTarget& target_;
  const Names& left_out_;
};

/// What `text` says of the compilation, after what it says of its prologue.
template <typename F>
std::string with_prologue(const Compilation& compilation, F text) {
  if (compilation.prologue == nullptr) return text(compilation);
  return fmt::format("when a parameter has changed:\n{}in every call:\n{}", text(*compilation.prologue),
                     text(compilation));
}

std::string lowered_text(const Compilation& compilation) { return to_text(compilation.lowered.program); }
std::string schedule_text(const Compilation& compilation) {
  return to_text(compilation.lowered, compilation.schedule, compilation.arena);
}

}  // namespace

std::vector<std::string_view> stage_names() {
  std::vector<std::string_view> names{"prune", "specialize"};
  for (const PassEntry& entry : pass_list()) {
    if (names.back() != entry.stage) names.push_back(entry.stage);
  }
  names.emplace_back("schedule");
  return names;
}

Compilation compile(const Graph& graph, std::span<const Value> roots, std::size_t outputs,
                    std::span<const std::string> inputs, const Bindings& bindings,
                    const CompileOptions& options, const CompileTarget& target,
                    const StageObserver& observer) {
  const Names without = left_out(options);
  const int shards = shard_count(options, target);
  Compilation compilation;
  compilation.inputs.assign(inputs.begin(), inputs.end());
  PassRunner passes(options, shards, target.stores.get(), without, compilation, observer);
  const auto observe = [&](std::string_view stage, const Program& program) {
    if (observer) observer(stage, to_text(program));
  };
  Program program = extract(graph, roots);
  observe("prune", program);
  program = extract(*program.graph, program.roots, bindings);
  expect_concrete(program);
  passes.keep("specialize", program);
  observe("specialize", program);
  program = passes.run(std::move(program));
  if (has_bodies(program)) program = passes.run_inside(program);
  const Backend backend(options, target, without);
  if (auto hoisted = backend.keeps(program, outputs) ? hoist(program) : std::nullopt) {
    auto prologue = std::make_shared<Compilation>();
    backend.finish(*prologue, hoisted->kept, hoisted->kept.roots.size());
    compilation.prologue = std::move(prologue);
    compilation.inputs.insert(compilation.inputs.end(), hoisted->labels.begin(), hoisted->labels.end());
    program = std::move(hoisted->rest);
  }
  backend.finish(compilation, program, outputs);
  passes.keep("lower", compilation.lowered.program);
  if (observer) {
    observer("lower", with_prologue(compilation, lowered_text));
    observer("schedule", with_prologue(compilation, schedule_text));
  }
  return compilation;
}

}  // namespace weft
