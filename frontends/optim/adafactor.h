#pragma once
// Adafactor, which keeps a row and a column of second moments in place of a matrix.

#include <span>
#include <vector>

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct AdafactorOptions {
  double decay = 0.8;              // the memory of step t is 1 - t^-decay
  double smallest_square = 1e-30;  // added to g^2
  double smallest_scale = 1e-3;    // of a parameter, whose root mean square scales its steps
  double largest_change = 1.0;     // root mean square above which a step is scaled down
  double weight_decay = 0.0;       // beside the step
};

/// With averages R over the last axis and C over the last but one of g^2, V = R C / mean(R), u = g / sqrt(V)
/// and rms(x) = sqrt(mean(x^2)):
///   p <- p - min(lr, 1 / sqrt(t)) max(smallest scale, rms(p)) u / max(1, rms(u) / largest change) - lr decay
///   p
/// (Shazeer and Stern, ICML 2018, algorithm 4 with relative steps; as in PyTorch). Parameters of fewer than
/// two axes keep all of V. Slots "<p>/adafactor_rows" and "<p>/adafactor_columns", or "<p>/adafactor_v".
std::vector<Value> adafactor(std::span<const Value> parameters, std::span<const Value> gradients,
                             const Rate& rate, const AdafactorOptions& options = {});

}  // namespace weft::optim
