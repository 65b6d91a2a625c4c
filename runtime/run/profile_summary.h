#pragma once
// Makes a Profile of what a plan recorded. Internal to runtime/.

#include "weft/runtime/compile/compile.h"
#include "weft/runtime/run/profile.h"
#include "weft/runtime/run/recorder.h"

namespace weft {

/// Sums up the `latest` runs, or as many as were kept, of a plan with these kernels. Throws
/// Error(invalid_argument) when no run was recorded.
Profile summarize(const Compilation& compilation, const BoundKernels& bound, const Recorder& recorder,
                  std::size_t latest);

}  // namespace weft
