#pragma once
// Filters that no call changes, in the order in which oneDNN reads them.

#include <optional>
#include <span>

#include "weft/graph/program.h"
#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// Packs the filters of convolutions, and of gradients with respect to pictures, that come from parameters
/// and constants alone (PackedConvolution). Nothing where there are none, or where the program has updates or
/// draws random numbers: then nothing is kept from call to call. Convolutions that a kernel of `own` takes
/// stay as they are.
std::optional<Program> pack_filters(const Program& program, std::span<const KernelEntry> own);

}  // namespace weft
