#pragma once
// Stochastic gradient descent.

#include <span>
#include <vector>

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct SgdOptions {
  double momentum = 0.0;
  bool nesterov = false;      // needs momentum
  double weight_decay = 0.0;  // L2: added to the gradient
};

/// p <- p - lr g;  with momentum mu: v <- mu v + g, p <- p - lr v;  with Nesterov's: p <- p - lr (g + mu v)
/// (Sutskever et al., ICML 2013). One update for each parameter, and one for each slot "<p>/momentum".
std::vector<Value> sgd(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                       const SgdOptions& options = {});

}  // namespace weft::optim
