#pragma once
// AdaGrad and AdaDelta: rates that shrink where gradients were large.

#include <span>
#include <vector>

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct AdagradOptions {
  double epsilon = 1e-10;
  double weight_decay = 0.0;  // L2
  double initial_sum = 0.0;   // the initial value of s
};

/// s <- s + g^2, p <- p - lr g / (sqrt(s) + eps) (Duchi, Hazan and Singer, JMLR 2011). Slot
/// "<p>/adagrad_sum". Of a table whose gradient comes from look-ups alone, a step visits the rows of the
/// batch and no others, to the same bits, unless there is a weight decay or an epsilon of 0.
std::vector<Value> adagrad(std::span<const Value> parameters, std::span<const Value> gradients,
                           const Rate& rate, const AdagradOptions& options = {});

struct AdadeltaOptions {
  double rho = 0.9;
  double epsilon = 1e-6;
  double weight_decay = 0.0;  // L2
};

/// v <- rho v + (1 - rho) g^2, d = g sqrt(u + eps) / sqrt(v + eps), u <- rho u + (1 - rho) d^2,
/// p <- p - lr d (Zeiler 2012, where lr is 1). Slots "<p>/adadelta_v", "<p>/adadelta_u".
std::vector<Value> adadelta(std::span<const Value> parameters, std::span<const Value> gradients,
                            const Rate& rate, const AdadeltaOptions& options = {});

}  // namespace weft::optim
