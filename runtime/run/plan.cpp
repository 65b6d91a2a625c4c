#include "weft/runtime/run/plan.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/runtime/machine/onednn.h"
#include "weft/runtime/machine/signals.h"
#include "weft/runtime/run/profile_summary.h"

namespace weft {
namespace {

/// The indices of the session's parameters that the outputs need.
std::set<std::size_t> read_for_outputs(const Lowered& lowered) {
  std::set<std::size_t> read;
  const auto outputs = std::span(lowered.program.roots).first(lowered.outputs);
  for (const NodeId id : needed_nodes(*lowered.program.graph, outputs)) {
    if (!lowered.program.graph->node(id).op.is<Parameter>()) continue;
    for (const std::size_t storage : lowered.storage_of[id]) read.insert(lowered.storages[storage].index);
  }
  return read;
}

}  // namespace

MemoryLedger ledger_of(const Compilation& compilation) {
  MemoryLedger ledger;
  std::set<std::string> counted;  // parameters
  for (const Compilation* one = &compilation; one != nullptr; one = one->prologue.get()) {
    const Lowered& lowered = one->lowered;
    const auto for_outputs = read_for_outputs(lowered);
    ledger.arena = std::max(ledger.arena, one->arena.bytes);
    ledger.peak_live = std::max(ledger.peak_live, one->arena.peak_live);
    ledger.scratch = std::max(ledger.scratch,
                              one->kernels.scratch_bytes * static_cast<std::size_t>(one->schedule.threads));
    for (const Storage& storage : lowered.storages) {
      if (storage.place == Place::output)
        (one == &compilation ? ledger.outputs : ledger.kept) += storage.bytes;
      if (storage.place == Place::constant) ledger.constants += storage.bytes;
      if (storage.place == Place::parameter && counted.insert(lowered.parameters[storage.index]).second)
        (for_outputs.contains(storage.index) ? ledger.parameters : ledger.slots) += storage.bytes;
    }
  }
  return ledger;
}

Plan::Plan(std::shared_ptr<const Compilation> compilation, BoundKernels kernels,
           std::shared_ptr<SessionState> state, Tensor key, std::shared_ptr<KeptTensors> kept)
    : compilation_(std::move(compilation)),
      kernels_(std::move(kernels)),
      state_(std::move(state)),
      key_(std::move(key)),
      steps_(compilation_->lowered, compilation_->schedule, compilation_->arena, kernels_),
      kept_(std::move(kept)),
      barrier_(compilation_->schedule.threads) {
  const int threads = compilation_->schedule.threads;
  scratch_.resize(static_cast<std::size_t>(threads));
  errors_.resize(static_cast<std::size_t>(threads));
  if (state_->options.profile) {
    recorder_ = std::make_unique<Recorder>(compilation_->schedule.order.size(), threads);
    region_ = [this](int thread) { run_thread_recorded(thread); };
  } else {
    region_ = [this](int thread) { run_thread(thread); };
  }
  communicates_ =
      std::ranges::find(compilation_->lowered.communicates, true) != compilation_->lowered.communicates.end();
  for (const Storage& storage : compilation_->lowered.storages)
    is_random_ = is_random_ || storage.place == Place::key;
  if (const auto& before = compilation_->prologue) {
    prologue_ = std::make_unique<Plan>(before, bind_kernels(before->lowered, before->schedule), state_, key_);
    if (kept_ == nullptr) kept_ = std::make_shared<KeptTensors>(before->lowered.program);
  }
}

void Plan::bind_pointers(Arena& arena) {
  steps_.bind(arena.data(), [this](const Storage& place) { return fixed_address(place); });
  for (std::size_t thread = 0; thread < scratch_.size(); ++thread)
    scratch_[thread] = arena.scratch(static_cast<int>(thread));
}

std::byte* Plan::fixed_address(const Storage& place) const {
  switch (place.place) {
    case Place::parameter:
      return static_cast<std::byte*>(
          state_->parameters->at(compilation_->lowered.parameters[place.index]).mutable_data());
    case Place::key:
      return read_only(key_);
    default:
      throw Error(ErrorCode::internal, "a fed or fetched value has no fixed address");
  }
}

std::span<const Tensor> Plan::kept_values(Arena& arena) {
  if (prologue_ == nullptr) return {};
  return kept_->at(state_->parameters->arenas.version(),
                   [&](std::span<Tensor> values) { prologue_->run(arena, {}, values); });
}

void Plan::run(Arena& arena, std::span<const Tensor> feeds, std::span<Tensor> outputs) {
  const std::span<const Tensor> kept = kept_values(arena);
  if (recorder_) recorder_->begin_run(), ++timed_runs_;
  if (bound_to_ != arena.version() || bound_to_ == 0) {
    bound_to_ = 0;
    arena.reserve(compilation_->arena.bytes, compilation_->schedule.threads, kernels_.scratch_bytes);
    bind_pointers(arena);
    bound_to_ = arena.version();
  }
  for (std::size_t i = 0; i < steps_.inputs(); ++i)
    steps_.feed(i, read_only(i < feeds.size() ? feeds[i] : kept[i - feeds.size()]));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    steps_.fetch(i, static_cast<std::byte*>(outputs[i].mutable_data()));
  failed_.store(false, std::memory_order_relaxed);
  const SignalShield shield(kernels_.block_signals);
  if (state_->options.self_check || state_->options.nan_guard) {
    try {
      run_checked(feeds, outputs);
    } catch (...) {
      rethrow(std::current_exception());
    }
    return;
  }
  run_threads();
  if (failed_.load(std::memory_order_relaxed)) {
    std::exception_ptr first;
    for (std::exception_ptr& error : errors_) {
      if (error && !first) first = error;
      error = nullptr;
    }
    rethrow(first);
  }
  if (recorder_) recorder_->end_run();
}

/// Other ranks must not wait for exchanges that this one will not start.
void Plan::rethrow(const std::exception_ptr& error) {
  const bool has_peers = communicates_ && state_->communicator != nullptr;
  if (!has_peers) std::rethrow_exception(error);
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    state_->communicator->abort(thrown.what());
    throw;
  }
}

void Plan::run_threads() {
  // While another call has the session's threads, this call computes all shards in its own thread. The
  // shards, and so the bits, are the same.
  if (compilation_->schedule.threads > 1 && state_->pool.try_run(region_)) return;
  const OneDnnSingleThread single;
  if (compilation_->schedule.threads > 1) {
    run_alone();
  } else {
    region_(0);
  }
}

Walk Plan::walk_of(int thread) {
  const Schedule& schedule = compilation_->schedule;
  const auto at = static_cast<std::size_t>(thread);
  return {.shards = share(schedule.shards, schedule.threads, thread),
          .thread = thread,
          .barrier = schedule.threads > 1 ? &barrier_ : nullptr,
          .scratch = scratch_[at],
          .communicator = state_->communicator.get(),
          .failed = &failed_,
          .error = &errors_[at],
          .timed = recorder_ != nullptr};
}

Walk Plan::walk_alone() {
  Walk walk = walk_of(0);
  walk.shards = {.begin = 0, .end = compilation_->schedule.shards};
  walk.barrier = nullptr;
  return walk;
}

void Plan::run_alone() {
  Walk walk = walk_alone();
  if (recorder_) walk.completed = recorder_->completed();
  const std::span<StepList::Step> steps = steps_.steps();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::int64_t begin = recorder_ ? Recorder::now() : 0;
    steps_.run_step(steps[i], walk);
    if (!recorder_) continue;
    const std::int64_t end = Recorder::now();
    for (int thread = 0; thread < recorder_->threads(); ++thread)
      recorder_->row(thread)[i] = {.begin = thread == 0 ? begin : end, .end = end};
  }
}

void Plan::run_thread(int thread) {
  if (thread < compilation_->schedule.threads) steps_.run(walk_of(thread));
}

void Plan::run_thread_recorded(int thread) {
  if (thread >= compilation_->schedule.threads) return;
  Walk walk = walk_of(thread);
  walk.completed = recorder_->completed();
  const auto row = recorder_->row(thread);
  const std::span<StepList::Step> steps = steps_.steps();
  std::int64_t now = Recorder::now();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].barrier_before && walk.barrier != nullptr) {
      walk.barrier->wait();
      now = Recorder::now();
    }
    row[i].begin = now;
    steps_.run_step(steps[i], walk);
    now = Recorder::now();
    row[i].end = now;
  }
}

void Plan::run_checked(std::span<const Tensor> feeds, std::span<const Tensor> outputs) {
  const Lowered& lowered = compilation_->lowered;
  // The stages' reference would be a job of one rank.
  const std::span<const StageProgram> stages =
      communicates_ ? std::span<const StageProgram>() : compilation_->stages;
  check_stages(stages, [&](const Node& node) {
    if (const auto* parameter = node.op.as<Parameter>()) return state_->parameters->at(parameter->label);
    if (node.op.is<RandomKey>()) return key_;
    const auto* fed = node.op.as<Input>();
    if (fed == nullptr) return Tensor();
    const auto at = std::ranges::find(compilation_->inputs, fed->label) - compilation_->inputs.begin();
    return feeds[static_cast<std::size_t>(at)];
  });
  std::map<std::string, Tensor> before;
  for (std::size_t step = 0; step < lowered.steps.size(); ++step) {
    if (!lowered.commits[step]) continue;
    for (const std::size_t written : lowered.storage_of[lowered.steps[step]]) {
      if (lowered.storages[written].place != Place::parameter) continue;
      const std::string& label = lowered.parameters[lowered.storages[written].index];
      before[label] = state_->parameters->at(label).clone();
    }
  }
  ValueWatch watch(*lowered.program.graph);
  for (NodeId id = 0; id < lowered.program.graph->size(); ++id) {
    const auto* parameter = lowered.program.graph->node(id).op.as<Parameter>();
    if (parameter != nullptr) watch.made({.node = id, .output = 0}, state_->parameters->at(parameter->label));
  }
  try {
    run_checked_steps(watch, outputs);
  } catch (...) {
    // A check may fail after an update: the run is undone.
    for (const auto& [label, value] : before)
      std::memcpy(state_->parameters->at(label).mutable_data(), value.data(), value.bytes());
    throw;
  }
}

void Plan::run_checked_steps(ValueWatch& watch, std::span<const Tensor> outputs) {
  const Lowered& lowered = compilation_->lowered;
  const Graph& graph = *lowered.program.graph;
  const StepCheck check = [this](const Lowered& inside, std::size_t step, std::span<const Tensor> inputs,
                                 std::span<const Tensor> made) { check_step(inside, step, inputs, made); };
  Walk walk = walk_alone();
  walk.check = &check;
  for (StepList::Step& step : steps_.steps()) {
    const NodeId id = lowered.steps[step.index];
    const Node& node = graph.node(id);
    std::vector<Tensor> inputs;
    for (const Tensor& input : steps_.inputs_of(step)) {
      watch.expect_kept(node.inputs[inputs.size()], input, node);
      inputs.push_back(input.clone());
    }
    steps_.run_step(step, walk);
    if (errors_[0]) std::rethrow_exception(std::exchange(errors_[0], nullptr));
    const std::vector<Tensor> made = steps_.outputs_of(step);
    for (std::size_t i = 0; i < made.size(); ++i)
      watch.made({.node = id, .output = static_cast<std::uint32_t>(i)}, made[i]);
    check_step(lowered, step.index, inputs, made);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Value& root = lowered.program.roots[i];
    const ValueId value{.node = root.node(), .output = root.output()};
    watch.expect_kept(value, outputs[i], graph.node(root.node()));
  }
}

void Plan::check_step(const Lowered& lowered, std::size_t step, std::span<const Tensor> inputs,
                      std::span<const Tensor> outputs) const {
  const Node& node = lowered.program.graph->node(lowered.steps[step]);
  if (state_->options.nan_guard) check_numbers(node, inputs, outputs);
  if (state_->options.self_check && !lowered.communicates[step])
    check_kernel(node, lowered.kernels[step].name, inputs, outputs);
}

Profile Plan::profile(std::size_t latest) const {
  if (!recorder_)
    throw Error(ErrorCode::invalid_argument,
                "only a session made with `.compile = {.profile = true}` records");
  return summarize(*compilation_, kernels_, std::as_const(steps_), *recorder_, timed_runs_, latest);
}

}  // namespace weft
