#include "weft/runtime/run/step_list.h"

#include <algorithm>
#include <utility>

#include "weft/runtime/run/control_run.h"

namespace weft {
namespace {

Error explained(const Error& error, const Lowered& lowered, std::size_t step) {
  const Node& node = lowered.program.graph->node(lowered.steps[step]);
  return error.with({.op = std::string(node.op.name()), .node = node.name, .where = to_string(node.where)});
}

}  // namespace

std::byte* read_only(const Tensor& tensor) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
  return static_cast<std::byte*>(const_cast<void*>(tensor.data()));
}

void fail(const Walk& walk, std::exception_ptr error) {
  *walk.error = std::move(error);
  walk.failed->store(true, std::memory_order_relaxed);
}

StepList::StepList(const Lowered& lowered, const Schedule& schedule, const ArenaPlan& arena,
                   const BoundKernels& kernels)
    : lowered_(lowered), arena_(arena), fetched_(lowered.outputs) {
  for (std::size_t i = 0; i < schedule.order.size(); ++i) {
    const auto& entry = schedule.order[i];
    const NodeId id = lowered.steps[entry.step];
    Step step;
    step.index = entry.step;
    step.barrier_before = entry.barrier_before;
    step.shards = kernels.shards[i];
    step.inputs.resize(lowered.program.graph->node(id).inputs.size());
    step.outputs.resize(lowered.storage_of[id].size());
    if (!schedule.bodies[i].empty())
      step.control = make_control(lowered, entry.step, schedule.bodies[i], kernels.bodies[i], schedule);
    steps_.push_back(std::move(step));
  }
  for (const Storage& storage : lowered.storages) {
    if (storage.place == Place::feed && storage.index >= fed_.size()) fed_.resize(storage.index + 1);
  }
}

StepList::StepList(StepList&&) noexcept = default;
StepList::~StepList() = default;

void StepList::bind(std::byte* arena, const std::function<std::byte*(const Storage&)>& fixed) {
  for (auto& pointers : fed_) pointers.clear();
  for (auto& pointers : fetched_) pointers.clear();
  const Graph& graph = *lowered_.program.graph;
  const auto point = [&](std::byte*& pointer, std::size_t storage) {
    const Storage& place = lowered_.storages[storage];
    if (place.place == Place::feed) {
      fed_[place.index].push_back(&pointer);
    } else if (place.place == Place::output) {
      fetched_[place.index].push_back(&pointer);
    } else if (place.place == Place::arena) {
      pointer = arena + arena_.offsets[storage];
    } else if (place.place == Place::constant) {
      pointer = read_only(*graph.node(static_cast<NodeId>(place.index)).op.constant());
    } else {
      pointer = fixed(place);
    }
  };
  for (std::size_t position = 0; position < steps_.size(); ++position) {
    Step& step = steps_[position];
    const NodeId id = lowered_.steps[step.index];
    const Node& node = graph.node(id);
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      point(step.inputs[i], lowered_.storage_of[node.inputs[i].node][node.inputs[i].output]);
    for (std::size_t i = 0; i < step.outputs.size(); ++i) point(step.outputs[i], lowered_.storage_of[id][i]);
    if (step.control == nullptr) continue;
    step.workspace = arena + arena_.workspaces[position];
    step.control->bind(step.workspace);
  }
}

void StepList::run_step(Step& step, const Walk& walk) {
  if (step.control != nullptr) {
    step.control->run(step.inputs, step.outputs, walk);
    return;
  }
  for (std::int64_t shard = walk.shards.begin; shard < walk.shards.end; ++shard) {
    const auto& kernel = step.shards[static_cast<std::size_t>(shard)];
    // After a failure the threads still meet at the barriers, but nothing more is computed.
    if (kernel != nullptr && !walk.failed->load(std::memory_order_relaxed)) run_shard(step, *kernel, walk);
  }
}

void StepList::run_shard(const Step& step, Kernel& kernel, const Walk& walk) const {
  try {
    kernel.run({.inputs = step.inputs, .outputs = step.outputs, .scratch = walk.scratch});
  } catch (const Error& error) {
    fail(walk, std::make_exception_ptr(explained(error, lowered_, step.index)));
  } catch (...) {
    fail(walk, std::current_exception());
  }
}

}  // namespace weft
