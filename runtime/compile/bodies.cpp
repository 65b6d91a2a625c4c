#include "weft/runtime/compile/bodies.h"

#include <algorithm>

#include "weft/graph/tensor.h"
#include "weft/ops/bodies.h"
#include "weft/ops/loop.h"
#include "weft/runtime/compile/access.h"
#include "weft/runtime/ops/unrolled_scan.h"

namespace weft {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t round_up(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// How often a program of an op runs; a guess where only the run knows.
double times_of(const Op& op, std::size_t program) {
  constexpr double kGuess = 16.0;
  if (const auto* scan = op.as<UnrolledScan>()) {
    const std::int64_t length = scan->length.size();
    return static_cast<double>(program == 0 ? length / scan->unroll : length % scan->unroll);
  }
  if (const auto* scan = op.as<Scan>()) return static_cast<double>(scan->length.size());
  if (const auto* loop = op.as<WhileLoop>(); loop != nullptr && loop->max_steps >= 0)
    return std::min(kGuess, static_cast<double>(loop->max_steps));
  return op.is<WhileLoop>() ? kGuess : 1.0;
}

std::vector<TensorType> states_of(const Op& op) {
  const auto first = [](const Body& body, std::int64_t count) {
    return std::vector(body.arguments.begin(), body.arguments.begin() + count);
  };
  if (const auto* scan = op.as<Scan>()) return first(scan->body, scan->states);
  if (const auto* scan = op.as<UnrolledScan>()) return first(scan->single, scan->states);
  if (const auto* loop = op.as<WhileLoop>()) return first(loop->body, loop->states);
  return {};
}

/// All that the steps of a program touch.
struct Touch {
  Access access;
  std::size_t begin = 0;  // in the arena
  std::size_t end = 0;
  std::size_t value = 0;  // equal for a state and what the next step takes for it
};

std::vector<Touch> touches_of(const Lowered& lowered, const Schedule& schedule, const ArenaPlan& arena,
                              std::size_t states) {
  std::vector<Touch> touches;
  for (const Schedule::Entry& entry : schedule.order) {
    for (const Access& access : accesses_of(lowered, entry.step, entry.home)) {
      const Storage& place = lowered.storages[access.storage];
      Touch touch{.access = access, .value = states + access.storage};
      const bool is_state = place.place == Place::feed || place.place == Place::output;
      if (is_state && place.index < states) touch.value = place.index;
      if (place.place == Place::arena) {
        touch.begin = arena.offsets[access.storage];
        touch.end = touch.begin + place.bytes;
      }
      touches.push_back(touch);
    }
  }
  return touches;
}

/// Whether a step of a loop must not begin in one thread before the last one has ended in all.
bool steps_meet(const Lowered& lowered, const Schedule& schedule, const ArenaPlan& arena,
                std::size_t states) {
  if (schedule.threads == 1) return false;
  const std::vector<Touch> touches = touches_of(lowered, schedule, arena, states);
  return std::ranges::any_of(touches, [&](const Touch& a) {
    return std::ranges::any_of(touches, [&](const Touch& b) {
      if (!a.access.writes && !b.access.writes) return false;
      const bool same = a.value == b.value;
      const bool overlap = a.begin < b.end && b.begin < a.end;
      if (!same) return overlap;
      Access other = b.access;
      other.storage = a.access.storage;
      return conflict(a.access, other);
    });
  });
}

}  // namespace

std::vector<std::shared_ptr<const Lowered>> lower_bodies(const Op& op, const LowerOptions& options) {
  std::vector<std::shared_ptr<const Lowered>> lowered;
  for (const Body& body : op.bodies()) {
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < body.arguments.size(); ++i) labels.push_back(std::to_string(i));
    lowered.push_back(
        std::make_shared<Lowered>(lower(*body.program, body.program->roots.size(), labels, options)));
  }
  return lowered;
}

Work work_of_bodies(const Op& op, std::span<const std::shared_ptr<const Lowered>> bodies) {
  Work work;
  for (std::size_t program = 0; program < bodies.size(); ++program) {
    const double times = times_of(op, program);
    for (const KernelChoice& kernel : bodies[program]->kernels) {
      work.flops += times * kernel.work.flops;
      work.bytes += times * kernel.work.bytes;
      work.traffic += times * std::max(kernel.work.bytes, kernel.work.traffic);
      work.entries += times * kernel.work.entries;
    }
  }
  return work;
}

void plan_bodies(const Lowered& lowered, Schedule& schedule) {
  schedule.bodies.assign(schedule.order.size(), {});
  for (std::size_t i = 0; i < schedule.order.size(); ++i) {
    const std::size_t step = schedule.order[i].step;
    const std::size_t states = states_of(lowered.program.graph->node(lowered.steps[step]).op).size();
    for (const auto& body : lowered.bodies[step]) {
      auto plan = std::make_shared<BodyPlan>();
      plan->schedule = weft::schedule(*body, schedule.threads, schedule.shards);
      plan->arena = plan_arena(*body, plan->schedule);
      plan->steps_meet = steps_meet(*body, plan->schedule, plan->arena, states);
      schedule.bodies[i].push_back(std::move(plan));
    }
  }
}

Workspace workspace_of(const Op& op, std::span<const std::shared_ptr<const BodyPlan>> plans) {
  Workspace workspace;
  for (const auto& plan : plans) workspace.bytes = std::max(workspace.bytes, round_up(plan->arena.bytes));
  const auto take = [&](std::size_t bytes) {
    const std::size_t begin = workspace.bytes;
    workspace.bytes += round_up(bytes);
    return begin;
  };
  for (const TensorType& state : states_of(op)) {
    const std::size_t bytes = checked_bytes(state.shape.sizes(), state.dtype);
    workspace.states.push_back({take(bytes), take(bytes)});
  }
  workspace.flag = take(1);
  return workspace;
}

}  // namespace weft
