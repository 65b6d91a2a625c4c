#pragma once
// Optimizers: functions from parameters and gradients to updates, which are ordinary graph. Their slots are
// parameters of the graph named after the parameter that they serve ("dense1/weight/momentum"), so that a
// checkpoint holds them too. A learning rate is a number or a scalar value.

#include <source_location>
#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::optim {

struct SgdOptions {
  double momentum = 0.0;
  bool nesterov = false;  // needs momentum
};

/// p <- p - lr g;  with momentum mu: v <- mu v + g, p <- p - lr v;  with Nesterov's: p <- p - lr (g + mu v)
/// (Sutskever et al., ICML 2013). One update for each parameter, and one for each slot.
std::vector<Value> sgd(std::span<const Value> parameters, std::span<const Value> gradients,
                       const Operand& learning_rate, const SgdOptions& options = {});

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// m <- b1 m + (1-b1) g, v <- b2 v + (1-b2) g^2, p <- p - lr mhat / (sqrt(vhat) + eps), where mhat and vhat
/// are m / (1 - b1^t) and v / (1 - b2^t) (Kingma and Ba, ICLR 2015). The step t is the slot "adam/step".
std::vector<Value> adam(std::span<const Value> parameters, std::span<const Value> gradients,
                        const Operand& learning_rate, const AdamOptions& options = {});

}  // namespace weft::optim
