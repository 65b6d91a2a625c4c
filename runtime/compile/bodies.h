#pragma once
// The programs inside a step as parts of the plan around it: lowered and scheduled like that plan, for the
// same threads and shards, with their values in one workspace of the step.

#include <array>
#include <cstddef>
#include <vector>

#include "weft/runtime/compile/schedule.h"

namespace weft {

/// The programs of a node, lowered. Their inputs are the bodies' arguments, their outputs the results.
std::vector<std::shared_ptr<const Lowered>> lower_bodies(const Op& op, const LowerOptions& options);

/// What a step that holds programs is expected to do, in all of its own steps.
Work work_of_bodies(const Op& op, std::span<const std::shared_ptr<const Lowered>> bodies);

/// Schedules for the programs of all steps of a schedule.
void plan_bodies(const Lowered& lowered, Schedule& schedule);

/// Where things lie in a step's workspace: the values of its programs, of which one runs at a time, and two
/// places for each state, of which a step of a loop reads one and writes the other.
struct Workspace {
  std::size_t bytes = 0;
  std::vector<std::array<std::size_t, 2>> states;
  std::size_t flag = 0;  // where a loop's condition goes
};
Workspace workspace_of(const Op& op, std::span<const std::shared_ptr<const BodyPlan>> plans);

}  // namespace weft
