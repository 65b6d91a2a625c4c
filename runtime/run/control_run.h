#pragma once
// How a plan runs a step that holds programs: a loop or a branch. Every thread of the plan runs it, walks the
// programs' steps with addresses of its own, and meets the others at their barriers. Internal to runtime/.

#include <memory>
#include <span>
#include <vector>

#include "weft/runtime/run/step_list.h"

namespace weft {

class ControlRun {
 public:
  ControlRun() = default;
  ControlRun(const ControlRun&) = delete;
  ControlRun& operator=(const ControlRun&) = delete;
  virtual ~ControlRun() = default;

  /// `workspace` is where the programs' values lie, and states between steps (workspace_bytes in
  /// compile/bodies.h).
  virtual void bind(std::byte* workspace) = 0;
  /// A thread's part. Inputs and outputs are those of the node.
  virtual void run(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs,
                   const Walk& walk) = 0;
  /// For each program that the step holds: its steps, for each thread.
  virtual std::vector<std::span<const StepList>> programs() const = 0;
};

std::unique_ptr<ControlRun> make_control(const Lowered& lowered, std::size_t step,
                                         std::span<const std::shared_ptr<const BodyPlan>> plans,
                                         std::span<const BoundKernels> kernels, const Schedule& schedule);

}  // namespace weft
