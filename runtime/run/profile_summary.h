#pragma once
// Makes a Profile of what a plan recorded. Internal to runtime/.

#include "weft/runtime/compile/compile.h"
#include "weft/runtime/run/profile.h"
#include "weft/runtime/run/recorder.h"
#include "weft/runtime/run/step_list.h"

namespace weft {

/// Sums up the `latest` runs, or as many as were kept, of a plan with these kernels. Throws
/// Error(invalid_argument) when no run was recorded. `list` has the times of `timed_runs` runs inside of
/// steps.
Profile summarize(const Compilation& compilation, const BoundKernels& bound, const StepList& list,
                  const Recorder& recorder, std::size_t timed_runs, std::size_t latest);

}  // namespace weft
