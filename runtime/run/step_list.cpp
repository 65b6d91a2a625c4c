#include "weft/runtime/run/step_list.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "weft/runtime/ranks/communicator.h"
#include "weft/runtime/run/control_run.h"
#include "weft/runtime/run/recorder.h"

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
    : lowered_(lowered), schedule_(schedule), arena_(arena), fetched_(lowered.outputs) {
  for (std::size_t i = 0; i < schedule.order.size(); ++i) {
    const auto& entry = schedule.order[i];
    const NodeId id = lowered.steps[entry.step];
    Step step;
    step.index = entry.step;
    step.barrier_before = entry.barrier_before;
    step.shards = kernels.shards[i];
    step.inputs.resize(lowered.program.graph->node(id).inputs.size());
    step.outputs.resize(lowered.storage_of[id].size());
    step.finishes = finished_by(lowered, schedule, i);
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
    step.tests.clear();
    for (const std::size_t start : schedule_.order[position].tests)
      step.tests.push_back({.position = start, .ticket = steps_[start].outputs.back()});
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
  } else {
    run_shards(step, walk);
  }
  if (walk.thread != 0 || walk.communicator == nullptr) return;
  if (!step.tests.empty()) move_exchanges_on(step, walk);
  if (step.finishes && !walk.completed.empty() && walk.completed[*step.finishes] == 0)
    walk.completed[*step.finishes] = Recorder::now();
}

/// Some libraries only move messages while they are asked about them.
void StepList::move_exchanges_on(const Step& step, const Walk& walk) {
  if (walk.failed->load(std::memory_order_relaxed)) return;
  try {
    for (const UnderWay& exchange : step.tests) {
      Ticket ticket = 0;
      std::memcpy(&ticket, exchange.ticket, sizeof ticket);
      const bool complete = walk.communicator->test(ticket);
      if (complete && !walk.completed.empty() && walk.completed[exchange.position] == 0)
        walk.completed[exchange.position] = Recorder::now();
    }
  } catch (...) {
    fail(walk, std::current_exception());
  }
}

void StepList::run_shards(const Step& step, const Walk& walk) const {
  for (std::int64_t shard = walk.shards.begin; shard < walk.shards.end; ++shard) {
    const auto& kernel = step.shards[static_cast<std::size_t>(shard)];
    // After a failure the threads still meet at the barriers, but nothing more is computed.
    if (kernel != nullptr && !walk.failed->load(std::memory_order_relaxed)) run_shard(step, *kernel, walk);
  }
}

std::vector<Tensor> StepList::inputs_of(const Step& step) const {
  const Graph& graph = *lowered_.program.graph;
  const Node& node = graph.node(lowered_.steps[step.index]);
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const TensorType& type = graph.type(node.inputs[i]);
    tensors.push_back(Tensor::borrow(step.inputs[i], type.dtype, type.shape.sizes()));
  }
  return tensors;
}

std::vector<Tensor> StepList::outputs_of(const Step& step) const {
  const Node& node = lowered_.program.graph->node(lowered_.steps[step.index]);
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < step.outputs.size(); ++i)
    tensors.push_back(Tensor::borrow(step.outputs[i], node.outputs[i].dtype, node.outputs[i].shape.sizes()));
  return tensors;
}

void StepList::run_watched(const Walk& walk) {
  for (Step& step : steps_) {
    if (step.barrier_before && walk.barrier != nullptr) walk.barrier->wait();
    const std::int64_t begin = Recorder::now();
    if (walk.check != nullptr) {
      run_checked(step, walk);
    } else {
      run_step(step, walk);
    }
    step.nanoseconds += Recorder::now() - begin;
    ++step.runs;
  }
}

void StepList::run_checked(Step& step, const Walk& walk) {
  if (walk.failed->load(std::memory_order_relaxed)) return;
  std::vector<Tensor> inputs;  // as they are before a step that writes over them
  for (const Tensor& input : inputs_of(step)) inputs.push_back(input.clone());
  run_step(step, walk);
  if (walk.failed->load(std::memory_order_relaxed)) return;
  try {
    (*walk.check)(lowered_, step.index, inputs, outputs_of(step));
  } catch (...) {
    fail(walk, std::current_exception());
  }
}

void StepList::run_shard(const Step& step, Kernel& kernel, const Walk& walk) const {
  try {
    kernel.run({.inputs = step.inputs,
                .outputs = step.outputs,
                .scratch = walk.scratch,
                .communicator = walk.communicator});
  } catch (const Error& error) {
    fail(walk, std::make_exception_ptr(explained(error, lowered_, step.index)));
  } catch (...) {
    fail(walk, std::current_exception());
  }
}

}  // namespace weft
