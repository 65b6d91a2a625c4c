#pragma once
// Steps along lines: each goes along a direction as far as the loss falls. It works between runs, as lbfgs.h
// does, and keeps two vectors where that keeps its history.

#include <cstdint>
#include <span>

#include "weft/runtime/session.h"

namespace weft::optim {

struct ConjugateGradientOptions {
  /// Whether a direction takes the last one into account, by b = max(0, g . (g - last g) / |last g|^2) (Polak
  /// and Ribiere 1969; Nocedal and Wright, "Numerical optimization", 5.2); otherwise it is the gradient's:
  /// steepest descent.
  bool conjugate = true;
  std::int64_t max_iterations = 100;  // >= 1
  std::int64_t max_line_search = 40;  // evaluations along one line; >= 1
  double gradient_tolerance = 1e-5;   // converged if |g| < this * max(1, |p|)
};

struct ConjugateGradientResult {
  double loss = 0.0;  // at the parameters that the session holds after it
  std::int64_t iterations = 0;
  std::int64_t evaluations = 0;
  bool converged = false;  // otherwise all iterations are done, or a line search found no better point
};

/// Minimizes from the current values of the session's parameters, f32 or f64, in f64. `function` is that of
/// loss_and_gradients (lbfgs.h) for the same parameters, fed `inputs` in each evaluation; it must give the
/// same result for the same parameters. A step is taken where the loss falls by a ten-thousandth of what the
/// slope promises (Armijo 1966); a loss that is not finite counts as too far. Errors: invalid_argument for
/// options out of range, numeric for a loss that is not finite at the start, and what an evaluation throws;
/// then the parameters are as they were.
ConjugateGradientResult conjugate_gradient(Session& session, Function& function,
                                           std::span<const Value> parameters, std::span<const Tensor> inputs,
                                           const ConjugateGradientOptions& options = {});

}  // namespace weft::optim
