#include "weft/frontends/verify/model_difference.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "weft/frontends/verify/kernel_check.h"

namespace weft::verify {
namespace {

Numbers difference(Numbers a, const Numbers& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

double state_error(const Tensor& actual, const Tensor& expected, const Tensor& before) {
  constexpr double kLeastChange = 1e-3;  // of the norm; below it, f32's rounding of the sum would matter
  const Numbers b = numbers_of(expected);
  const double change = norm(difference(b, numbers_of(before)));
  return ratio(norm(difference(numbers_of(actual), b)), std::max(change, kLeastChange * norm(b)));
}

}  // namespace

double norm(const Numbers& x) { return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0)); }

double largest(const Numbers& x) {
  double most = 0.0;
  for (const double element : x) most = std::max(most, std::abs(element));
  return most;
}

double ratio(double error, double scale) {
  if (error == 0.0) return 0.0;
  const double found = error / scale;
  return std::isnan(found) ? HUGE_VAL : found;
}

std::vector<StepError> step_errors(const StepResult& actual, const StepResult& expected, const States& before,
                                   std::span<const Value> parameters) {
  std::vector<StepError> errors;
  for (std::size_t i = 0; i < expected.outputs.size(); ++i) {
    const Numbers b = numbers_of(expected.outputs[i]);
    const double error = ratio(norm(difference(numbers_of(actual.outputs[i]), b)), norm(b));
    errors.push_back({i == 0 ? "the loss" : "the gradient of " + label_of(parameters[i - 1]), error});
  }
  for (const auto& [label, tensor] : expected.after) {
    errors.push_back(
        {label + " after a step", state_error(actual.after.at(label), tensor, before.at(label))});
  }
  return errors;
}

}  // namespace weft::verify
