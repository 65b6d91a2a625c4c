#include "weft/runtime/run/control_run.h"

#include <fmt/format.h>

#include <atomic>
#include <cstring>

#include "weft/graph/tensor.h"
#include "weft/ops/branch.h"
#include "weft/ops/loop.h"
#include "weft/runtime/compile/bodies.h"

namespace weft {
namespace {

std::size_t bytes_of(const TensorType& type) { return checked_bytes(type.shape.sizes(), type.dtype); }

void copy_bytes(const std::byte* from, std::byte* to, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void meet(const Walk& walk) {
  if (walk.barrier != nullptr) walk.barrier->wait();
}

/// Of the threads of a region, the one that does what is to be done once.
bool leads(const Walk& walk) { return walk.shards.begin == 0 && walk.thread == 0; }

/// Walks a program's steps in one step of a loop; an error of this thread tells which.
void run_step_of_loop(StepList& list, const Walk& walk, std::int64_t step) {
  const bool failed_before = *walk.error != nullptr;
  list.run(walk);
  if (failed_before || *walk.error == nullptr) return;
  try {
    std::rethrow_exception(*walk.error);
  } catch (const Error& error) {
    *walk.error = std::make_exception_ptr(
        Error(error.code(), fmt::format("{} (in step {} of a loop)", error.message(), step), error.trail()));
  } catch (...) {
    return;  // what a user's op threw stays as it is
  }
}

/// One program of a step, for each thread.
class Programs {
 public:
  Programs(const Lowered& lowered, const BodyPlan& plan, const BoundKernels& kernels) : plan_(plan) {
    lists_.reserve(static_cast<std::size_t>(plan.schedule.threads));
    for (int thread = 0; thread < plan.schedule.threads; ++thread)
      lists_.emplace_back(lowered, plan.schedule, plan.arena, kernels);
  }

  void bind(std::byte* arena) {
    for (StepList& list : lists_) {
      list.bind(arena, [](const Storage&) -> std::byte* {
        throw Error(ErrorCode::internal, "a program inside of a step reads its arguments alone");
      });
    }
  }
  StepList& of(const Walk& walk) { return lists_[static_cast<std::size_t>(walk.thread)]; }
  bool steps_meet() const { return plan_.steps_meet; }

 private:
  const BodyPlan& plan_;
  std::vector<StepList> lists_;
};

class ScanRun final : public ControlRun {
 public:
  ScanRun(const Scan& scan, Workspace workspace, Programs body)
      : states_(static_cast<std::size_t>(scan.states)),
        sequences_(static_cast<std::size_t>(scan.sequences)),
        length_(scan.length.size()),
        reverse_(scan.reverse),
        workspace_(std::move(workspace)),
        body_(std::move(body)) {
    for (const TensorType& type : scan.body.arguments) argument_bytes_.push_back(bytes_of(type));
    for (const TensorType& type : scan.body.results()) result_bytes_.push_back(bytes_of(type));
  }

  void bind(std::byte* workspace) override {
    block_ = workspace;
    body_.bind(workspace);
  }

  void run(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs,
           const Walk& walk) override {
    StepList& list = body_.of(walk);
    for (std::size_t i = states_ + sequences_; i < argument_bytes_.size(); ++i) list.feed(i, inputs[i]);
    for (std::int64_t step = 0; step < length_; ++step) {
      point(list, inputs, outputs, step);
      if (step > 0 && body_.steps_meet()) meet(walk);
      run_step_of_loop(list, walk, reverse_ ? length_ - 1 - step : step);
    }
    for (std::size_t i = 0; length_ == 0 && leads(walk) && i < states_; ++i)
      copy_bytes(inputs[i], outputs[i], argument_bytes_[i]);
  }

 private:
  void point(StepList& list, std::span<std::byte* const> inputs, std::span<std::byte* const> outputs,
             std::int64_t step) const {
    const auto t = static_cast<std::size_t>(reverse_ ? length_ - 1 - step : step);
    const auto from = static_cast<std::size_t>(step % 2);
    for (std::size_t i = 0; i < states_; ++i) {
      list.feed(i, step == 0 ? inputs[i] : block_ + workspace_.states[i][from]);
      list.fetch(i, step + 1 == length_ ? outputs[i] : block_ + workspace_.states[i][1 - from]);
    }
    for (std::size_t i = states_; i < states_ + sequences_; ++i)
      list.feed(i, inputs[i] + t * argument_bytes_[i]);
    for (std::size_t i = states_; i < result_bytes_.size(); ++i)
      list.fetch(i, outputs[i] + t * result_bytes_[i]);
  }

  std::size_t states_;
  std::size_t sequences_;
  std::int64_t length_;
  bool reverse_;
  Workspace workspace_;
  Programs body_;
  std::vector<std::size_t> argument_bytes_;
  std::vector<std::size_t> result_bytes_;
  std::byte* block_ = nullptr;
};

class WhileRun final : public ControlRun {
 public:
  WhileRun(const WhileLoop& loop, Workspace workspace, Programs condition, Programs body, int threads)
      : states_(static_cast<std::size_t>(loop.states)),
        max_steps_(loop.max_steps),
        workspace_(std::move(workspace)),
        condition_(std::move(condition)),
        body_(std::move(body)),
        steps_(static_cast<std::size_t>(threads)) {
    for (const TensorType& type : loop.body.arguments) argument_bytes_.push_back(bytes_of(type));
  }

  void bind(std::byte* workspace) override {
    block_ = workspace;
    condition_.bind(workspace);
    body_.bind(workspace);
  }

  void run(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs,
           const Walk& walk) override {
    std::int64_t& steps = steps_[static_cast<std::size_t>(walk.thread)].count;
    steps = 0;
    StepList& condition = condition_.of(walk);
    StepList& body = body_.of(walk);
    condition.fetch(0, block_ + workspace_.flag);
    feed_rest(condition, inputs, &steps);
    feed_rest(body, inputs, &steps);
    while (true) {
      for (std::size_t i = 0; i < states_; ++i) condition.feed(i, state(inputs, i, steps));
      condition.run(walk);
      if (!goes_on(walk, steps)) break;
      for (std::size_t i = 0; i < states_; ++i) {
        body.feed(i, state(inputs, i, steps));
        body.fetch(i, block_ + workspace_.states[i][static_cast<std::size_t>((steps + 1) % 2)]);
      }
      run_step_of_loop(body, walk, steps);
      meet(walk);
      ++steps;
    }
    if (!leads(walk)) return;
    for (std::size_t i = 0; i < states_; ++i)
      copy_bytes(state(inputs, i, steps), outputs[i], argument_bytes_[i]);
    std::memcpy(outputs[states_], &steps, sizeof(steps));
  }

 private:
  struct alignas(64) Count {
    std::int64_t count = 0;
  };

  /// One thread decides for all, so that a failure ends the loop for all at the same step.
  bool goes_on(const Walk& walk, std::int64_t steps) {
    meet(walk);
    if (leads(walk)) {
      const bool holds = block_[workspace_.flag] != std::byte{0};
      const bool more = max_steps_ < 0 || steps < max_steps_;
      goes_on_.store(holds && more && !walk.failed->load(std::memory_order_relaxed));
    }
    meet(walk);
    return goes_on_.load();
  }

  std::byte* state(std::span<std::byte* const> inputs, std::size_t i, std::int64_t steps) const {
    return steps == 0 ? inputs[i] : block_ + workspace_.states[i][static_cast<std::size_t>(steps % 2)];
  }

  /// What stays the same in all steps, and the number of steps.
  void feed_rest(StepList& list, std::span<std::byte* const> inputs, std::int64_t* steps) const {
    list.feed(states_, reinterpret_cast<std::byte*>(steps));
    for (std::size_t i = states_; i < inputs.size(); ++i) list.feed(i + 1, inputs[i]);
  }

  std::size_t states_;
  std::int64_t max_steps_;
  Workspace workspace_;
  Programs condition_;
  Programs body_;
  std::vector<Count> steps_;  // for each thread
  std::vector<std::size_t> argument_bytes_;
  std::byte* block_ = nullptr;
  std::atomic<bool> goes_on_{false};
};

class CondRun final : public ControlRun {
 public:
  CondRun(Programs then, Programs otherwise, std::size_t results)
      : then_(std::move(then)), otherwise_(std::move(otherwise)), results_(results) {}

  void bind(std::byte* workspace) override {
    then_.bind(workspace);
    otherwise_.bind(workspace);
  }

  void run(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs,
           const Walk& walk) override {
    StepList& list = (*inputs[0] != std::byte{0} ? then_ : otherwise_).of(walk);
    for (std::size_t i = 1; i < inputs.size(); ++i) list.feed(i - 1, inputs[i]);
    for (std::size_t i = 0; i < results_; ++i) list.fetch(i, outputs[i]);
    list.run(walk);
  }

 private:
  Programs then_;
  Programs otherwise_;
  std::size_t results_;
};

}  // namespace

std::unique_ptr<ControlRun> make_control(const Lowered& lowered, std::size_t step,
                                         std::span<const std::shared_ptr<const BodyPlan>> plans,
                                         std::span<const BoundKernels> kernels, const Schedule& schedule) {
  const Node& node = lowered.program.graph->node(lowered.steps[step]);
  const auto programs = [&](std::size_t i) {
    return Programs(*lowered.bodies[step][i], *plans[i], kernels[i]);
  };
  Workspace workspace = workspace_of(node.op, plans);
  if (const auto* scan = node.op.as<Scan>())
    return std::make_unique<ScanRun>(*scan, std::move(workspace), programs(0));
  if (const auto* loop = node.op.as<WhileLoop>()) {
    return std::make_unique<WhileRun>(*loop, std::move(workspace), programs(0), programs(1),
                                      schedule.threads);
  }
  if (node.op.is<Cond>()) return std::make_unique<CondRun>(programs(0), programs(1), node.outputs.size());
  throw Error(ErrorCode::internal, "a step holds programs that the plan cannot run",
              {.op = std::string(node.op.name())});
}

}  // namespace weft
