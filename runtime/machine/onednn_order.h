#pragma once
// How oneDNN's own descriptions of memory become a WeightOrder. Internal to runtime/machine/.

#include <oneapi/dnnl/dnnl.hpp>
#include <optional>

#include "weft/runtime/machine/weight_order.h"

namespace weft {

/// Nothing for memory of f32 that is not in blocks.
std::optional<WeightOrder> order_of(const dnnl::memory::desc& desc);

}  // namespace weft
