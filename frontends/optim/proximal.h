#pragma once
// Methods for weights that are to be sparse: a step along the gradient of the loss, then the exact step of an
// L1 and an L2 penalty. See also ftrl.h.

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct ProximalOptions {
  double l1 = 0.0;
  double l2 = 0.0;
};

/// q = p - lr g, p <- sign(q) max(|q| - lr l1, 0) / (1 + lr l2) (Duchi and Singer, JMLR 2009, "FOBOS";
/// TensorFlow's ProximalGradientDescent). It keeps no slots.
std::vector<Value> proximal_sgd(std::span<const Value> parameters, std::span<const Value> gradients,
                                const Rate& rate, const ProximalOptions& options = {});

struct ProximalAdagradOptions {
  double l1 = 0.0;
  double l2 = 0.0;
  double initial_sum = 0.1;  // > 0: the initial value of s
};

/// The same with lr / sqrt(s) for lr, where s <- s + g^2 (Duchi, Hazan and Singer, JMLR 2011). Slot
/// "<p>/proximal_adagrad_sum". Error(invalid_argument) unless the initial sum is positive.
std::vector<Value> proximal_adagrad(std::span<const Value> parameters, std::span<const Value> gradients,
                                    const Rate& rate, const ProximalAdagradOptions& options = {});

/// z <- z + g, s <- s + g^2, and for the step number t p <- -lr sign(z) max(|z| - l1 t, 0) / (l2 t lr +
/// sqrt(s)): all steps so far at once, from 0, so that it forgets the initial value of p (the primal-dual
/// update of Duchi, Hazan and Singer, JMLR 2011; TensorFlow's AdagradDA). Slots "<p>/adagrad_da_z" and
/// "<p>/adagrad_da_sum".
std::vector<Value> adagrad_da(std::span<const Value> parameters, std::span<const Value> gradients,
                              const Rate& rate, const ProximalAdagradOptions& options = {});

}  // namespace weft::optim
