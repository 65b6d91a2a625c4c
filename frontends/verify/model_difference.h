#pragma once
// How far two results of a training function are apart. Internal to verify/.

#include <span>
#include <string>
#include <vector>

#include "weft/frontends/verify/model_reference.h"
#include "weft/frontends/verify/numbers.h"

namespace weft::verify {

double norm(const Numbers& x);
/// The largest absolute value; 0 of none.
double largest(const Numbers& x);
/// error / scale; no error is 0 at any scale, and a NaN is as far away as can be.
double ratio(double error, double scale);

/// The error of one part of a step: the loss, a gradient, or a parameter or slot after it, in the units that
/// ModelBounds::step has.
struct StepError {
  std::string what;
  double error;
};

/// Of each part of `expected`, which started from `before`.
std::vector<StepError> step_errors(const StepResult& actual, const StepResult& expected, const States& before,
                                   std::span<const Value> parameters);

}  // namespace weft::verify
