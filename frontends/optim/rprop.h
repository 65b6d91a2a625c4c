#pragma once
// Rprop, for gradients of whole data sets; it uses only their signs.

#include <span>
#include <vector>

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct RpropOptions {
  double shrink = 0.5;
  double grow = 1.2;
  double smallest_step = 1e-6;
  double largest_step = 50.0;
};

/// Each element has a step s of its own, which starts as `rate`. Where g keeps its sign, s <- grow s; where
/// it changes, s <- shrink s, and g counts as 0 now and in the next comparison. Then p <- p - sign(g) s
/// (Riedmiller and Braun, ICNN 1993; without backtracking, as in PyTorch). Slots "<p>/rprop_step",
/// "<p>/rprop_g". Throws Error(invalid_argument) for a rate that is not a number.
std::vector<Value> rprop(std::span<const Value> parameters, std::span<const Value> gradients,
                         const Rate& rate, const RpropOptions& options = {});

}  // namespace weft::optim
