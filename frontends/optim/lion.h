#pragma once
// Lion, which keeps one average and steps by its sign.

#include <span>
#include <vector>

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct LionOptions {
  double beta1 = 0.9;         // the average's share of a step's direction
  double beta2 = 0.99;        // memory of the average
  double weight_decay = 0.0;  // beside the step
};

/// p <- p - lr (sign(b1 m + (1 - b1) g) + decay p), m <- b2 m + (1 - b2) g (Chen et al., "Symbolic discovery
/// of optimization algorithms", NeurIPS 2023). All elements step equally far, so that the rate should be 3 to
/// 10 times smaller than Adam's. Slot "<p>/lion_m".
std::vector<Value> lion(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const LionOptions& options = {});

}  // namespace weft::optim
