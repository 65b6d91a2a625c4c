#pragma once
// How far apart two results of a training function are. Internal to verify/.

#include <span>
#include <string>
#include <vector>

#include "weft/frontends/verify/model_reference.h"
#include "weft/frontends/verify/numbers.h"

namespace weft::verify {

double norm(const Numbers& x);
/// The largest absolute value; 0 if there are none.
double largest(const Numbers& x);
/// error / scale. Without an error it is 0 at any scale; for a NaN it is infinite.
double ratio(double error, double scale);

/// The error of one result of a step: the loss, a gradient, or a parameter or slot after it, in the units of
/// ModelBounds::step.
struct StepError {
  std::string what;
  double error;
};

/// The errors of all results in `expected`, of a step that started from `before`.
std::vector<StepError> step_errors(const StepResult& actual, const StepResult& expected, const States& before,
                                   std::span<const Value> parameters);

}  // namespace weft::verify
