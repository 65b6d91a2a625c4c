#pragma once
// L-BFGS: minimizes a loss over all data at once. It works between runs, with a line search that asks for the
// loss and its gradients as often as it needs, so it does not build updates as the other optimizers do. The
// method is that of Nocedal (1980) with a backtracking line search for Wolfe's conditions, by libLBFGS, in
// f64.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "weft/runtime/session.h"

namespace weft::optim {

struct LbfgsOptions {
  std::int64_t history = 10;          // pairs of steps and gradients that approximate the Hessian; >= 1
  std::int64_t max_iterations = 100;  // 0: no limit
  std::int64_t max_line_search = 40;  // evaluations in one line search; >= 1
  double gradient_tolerance = 1e-5;   // converged if |g| < this * max(1, |p|)
  double loss_tolerance = 0.0;        // converged if the loss falls by less than this share; 0: not tested
};

struct LbfgsResult {
  double loss = 0.0;  // at the parameters that the session now holds
  std::int64_t iterations = 0;
  std::int64_t evaluations = 0;
  bool converged = false;
  std::string reason;  // "converged", "the line search found no better point", ...
};

/// The function that `lbfgs` evaluates, to be compiled. It returns the scalar loss and its gradients.
FunctionSpec loss_and_gradients(std::span<const Value> inputs, const Value& loss,
                                std::span<const Value> parameters);

/// Minimizes from the current values of the session's parameters, f32 or f64, and leaves them as the last
/// complete iteration made them. `function` was compiled by this session from loss_and_gradients for the same
/// parameters; it is fed `inputs` in each evaluation and must give the same result for the same parameters,
/// so it must not have dropout.
///
/// Throws Error(invalid_argument) for options out of range and a function with other outputs, Error(numeric)
/// for a loss that is not finite at the start, and what an evaluation throws; then the parameters are
/// unchanged. If the loss is not finite later, the step counts as too long.
LbfgsResult lbfgs(Session& session, Function& function, std::span<const Value> parameters,
                  std::span<const Tensor> inputs, const LbfgsOptions& options = {});

}  // namespace weft::optim
