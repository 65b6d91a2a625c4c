#include "weft/runtime/run/control_run.h"

#include <fmt/format.h>

#include <cstring>

#include "weft/graph/tensor.h"
#include "weft/ops/branch.h"
#include "weft/ops/loop.h"
#include "weft/runtime/compile/bodies.h"
#include "weft/runtime/ops/unrolled_scan.h"

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
  std::span<const StepList> lists() const { return lists_; }
  bool steps_meet() const { return plan_.steps_meet; }

 private:
  const BodyPlan& plan_;
  std::vector<StepList> lists_;
};

/// The steps of a scan, several at a time as long as there are enough left.
class ScanRun final : public ControlRun {
 public:
  ScanRun(const Scan& scan, Workspace workspace, Programs body) : ScanRun(scan, 1, std::move(workspace)) {
    single_.push_back(std::move(body));
  }
  ScanRun(const UnrolledScan& scan, Workspace workspace, Programs block, Programs body)
      : ScanRun(scan.scan(), scan.unroll, std::move(workspace)) {
    block_.push_back(std::move(block));
    single_.push_back(std::move(body));
  }

  void bind(std::byte* workspace) override {
    memory_ = workspace;
    for (auto* programs : {&block_, &single_}) {
      for (Programs& program : *programs) program.bind(workspace);
    }
  }

  void run(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs,
           const Walk& walk) override {
    Position at;
    if (!block_.empty()) walk_through(block_[0], unroll_, at, inputs, outputs, walk);
    walk_through(single_[0], 1, at, inputs, outputs, walk);
    for (std::size_t i = 0; length_ == 0 && leads(walk) && i < states_; ++i)
      copy_bytes(inputs[i], outputs[i], argument_bytes_[i]);
  }

  std::vector<std::span<const StepList>> programs() const override {
    if (block_.empty()) return {single_[0].lists()};
    return {block_[0].lists(), single_[0].lists()};
  }

 private:
  struct Position {
    std::int64_t step = 0;
    std::size_t pass = 0;  // through a program
  };

  ScanRun(const Scan& scan, std::int64_t unroll, Workspace workspace)
      : states_(static_cast<std::size_t>(scan.states)),
        sequences_(static_cast<std::size_t>(scan.sequences)),
        length_(scan.length.size()),
        reverse_(scan.reverse),
        unroll_(unroll),
        workspace_(std::move(workspace)) {
    for (const TensorType& type : scan.body.arguments) argument_bytes_.push_back(bytes_of(type));
    for (const TensorType& type : scan.body.results()) result_bytes_.push_back(bytes_of(type));
  }

  std::size_t place_of(std::int64_t step) const {
    return static_cast<std::size_t>(reverse_ ? length_ - 1 - step : step);
  }

  /// Passes through a program of `count` steps while as many are left.
  void walk_through(Programs& program, std::int64_t count, Position& at, std::span<std::byte* const> inputs,
                    std::span<std::byte* const> outputs, const Walk& walk) const {
    if (length_ - at.step < count) return;
    StepList& list = program.of(walk);
    const std::size_t first_captured = states_ + sequences_;
    const std::size_t skipped = sequences_ * static_cast<std::size_t>(count - 1);
    for (std::size_t i = first_captured; i < argument_bytes_.size(); ++i) list.feed(i + skipped, inputs[i]);
    bool meets = at.pass > 0;  // the program before is another one
    for (; length_ - at.step >= count; at.step += count, ++at.pass) {
      point(list, inputs, outputs, at, count);
      if (meets) meet(walk);
      meets = program.steps_meet();
      run_step_of_loop(list, walk, static_cast<std::int64_t>(place_of(at.step)));
    }
  }

  void point(StepList& list, std::span<std::byte* const> inputs, std::span<std::byte* const> outputs,
             const Position& at, std::int64_t count) const {
    const std::size_t from = at.pass % 2;
    for (std::size_t i = 0; i < states_; ++i) {
      list.feed(i, at.step == 0 ? inputs[i] : memory_ + workspace_.states[i][from]);
      list.fetch(i, at.step + count == length_ ? outputs[i] : memory_ + workspace_.states[i][1 - from]);
    }
    std::size_t argument = states_;
    std::size_t result = states_;
    for (std::int64_t step = at.step; step < at.step + count; ++step) {
      const std::size_t t = place_of(step);
      for (std::size_t i = states_; i < states_ + sequences_; ++i)
        list.feed(argument++, inputs[i] + t * argument_bytes_[i]);
      for (std::size_t i = states_; i < result_bytes_.size(); ++i)
        list.fetch(result++, outputs[i] + t * result_bytes_[i]);
    }
  }

  std::size_t states_;
  std::size_t sequences_;
  std::int64_t length_;
  bool reverse_;
  std::int64_t unroll_;
  Workspace workspace_;
  std::vector<Programs> block_;   // one of unroll_ steps, or none
  std::vector<Programs> single_;  // one
  std::vector<std::size_t> argument_bytes_;
  std::vector<std::size_t> result_bytes_;
  std::byte* memory_ = nullptr;
};

class WhileRun final : public ControlRun {
 public:
  WhileRun(const WhileLoop& loop, Workspace workspace, Programs condition, Programs body, int threads)
      : states_(static_cast<std::size_t>(loop.states)),
        max_steps_(loop.max_steps),
        recorded_(loop.recorded.begin(), loop.recorded.end()),
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
      if (leads(walk)) record(inputs, outputs, steps);
      run_step_of_loop(body, walk, steps);
      meet(walk);
      ++steps;
    }
    if (!leads(walk)) return;
    for (std::size_t i = 0; i < recorded_.size(); ++i) {
      const std::size_t bytes = argument_bytes_[recorded_[i]];
      const std::size_t left = static_cast<std::size_t>(max_steps_ - steps) * bytes;
      if (left > 0) std::memset(outputs[states_ + 1 + i] + static_cast<std::size_t>(steps) * bytes, 0, left);
    }
    for (std::size_t i = 0; i < states_; ++i)
      copy_bytes(state(inputs, i, steps), outputs[i], argument_bytes_[i]);
    std::memcpy(outputs[states_], &steps, sizeof(steps));
  }

  std::vector<std::span<const StepList>> programs() const override {
    return {condition_.lists(), body_.lists()};
  }

 private:
  struct alignas(64) Count {
    std::int64_t count = 0;
  };

  /// One thread decides for all, so that a failure ends the loop for all at the same step. What it decides
  /// lies in the workspace, since a loop inside of a program is another object for each thread.
  bool goes_on(const Walk& walk, std::int64_t steps) const {
    std::byte& flag = block_[workspace_.flag];
    meet(walk);
    if (leads(walk)) {
      const bool more = max_steps_ < 0 || steps < max_steps_;
      if (!more || walk.failed->load(std::memory_order_relaxed)) flag = std::byte{0};
    }
    meet(walk);
    return flag != std::byte{0};
  }

  std::byte* state(std::span<std::byte* const> inputs, std::size_t i, std::int64_t steps) const {
    return steps == 0 ? inputs[i] : block_ + workspace_.states[i][static_cast<std::size_t>(steps % 2)];
  }

  /// Keeps the states before a step.
  void record(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs,
              std::int64_t steps) const {
    for (std::size_t i = 0; i < recorded_.size(); ++i) {
      const std::size_t bytes = argument_bytes_[recorded_[i]];
      copy_bytes(state(inputs, recorded_[i], steps),
                 outputs[states_ + 1 + i] + static_cast<std::size_t>(steps) * bytes, bytes);
    }
  }

  /// What stays the same in all steps, and the number of steps.
  void feed_rest(StepList& list, std::span<std::byte* const> inputs, std::int64_t* steps) const {
    list.feed(states_, reinterpret_cast<std::byte*>(steps));
    for (std::size_t i = states_; i < inputs.size(); ++i) list.feed(i + 1, inputs[i]);
  }

  std::size_t states_;
  std::int64_t max_steps_;
  std::vector<std::size_t> recorded_;
  Workspace workspace_;
  Programs condition_;
  Programs body_;
  std::vector<Count> steps_;  // for each thread
  std::vector<std::size_t> argument_bytes_;
  std::byte* block_ = nullptr;
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

  std::vector<std::span<const StepList>> programs() const override {
    return {then_.lists(), otherwise_.lists()};
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
  if (const auto* scan = node.op.as<UnrolledScan>())
    return std::make_unique<ScanRun>(*scan, std::move(workspace), programs(0), programs(1));
  if (const auto* loop = node.op.as<WhileLoop>()) {
    return std::make_unique<WhileRun>(*loop, std::move(workspace), programs(0), programs(1),
                                      schedule.threads);
  }
  if (node.op.is<Cond>()) return std::make_unique<CondRun>(programs(0), programs(1), node.outputs.size());
  throw Error(ErrorCode::internal, "a step holds programs that the plan cannot run",
              {.op = std::string(node.op.name())});
}

}  // namespace weft
