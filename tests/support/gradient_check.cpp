#include "weft/tests/support/gradient_check.h"

#include <algorithm>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/verify/derivative_check.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::testing_support {
namespace {

verify::GraphFunction whole(const Function& function) {
  return [function](std::span<const Value> inputs) { return std::vector{function(inputs)}; };
}

testing::AssertionResult within(const verify::Worst& worst, double tolerance) {
  if (worst.error <= tolerance) return testing::AssertionSuccess();
  return testing::AssertionFailure() << worst.where << "; error " << worst.error << "; " << replay();
}

Value weighted_sum(const Value& value) {
  TensorSource source("weights");
  Tensor weights = source.away_from_zero(value.shape().sizes(), 0.5, 1.5, value.dtype());
  return sum(value * constant(value.graph(), std::move(weights)));
}

}  // namespace

Function gradient_of(const Function& function) {
  return [function](std::span<const Value> inputs) {
    const Value loss = weighted_sum(function(inputs));
    std::vector<Value> wrt;
    std::ranges::copy_if(inputs, std::back_inserter(wrt), [](const Value& x) { return is_float(x.dtype()); });
    Value total;
    for (const Value& gradient : gradients(loss, wrt, Unconnected::zeros)) {
      const Value part = weighted_sum(gradient);
      total = total.has_value() ? total + part : part;
    }
    return total;
  };
}

testing::AssertionResult gradients_match(const Function& function, std::span<const Tensor> inputs,
                                         double tolerance) {
  TensorSource source("gradients");
  return within(verify::gradient_error(whole(function), inputs, source), tolerance);
}

testing::AssertionResult second_gradients_match(const Function& function, std::span<const Tensor> inputs,
                                                double tolerance) {
  TensorSource source("second gradients");
  return within(verify::second_gradient_error(whole(function), inputs, source), tolerance);
}

}  // namespace weft::testing_support
