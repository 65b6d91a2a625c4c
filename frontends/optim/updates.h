#pragma once
// What can be done to the updates of any optimizer. Updates are `assign`s; each function returns as many, in
// the same order, with other values to store.

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "weft/frontends/optim/rate.h"
#include "weft/ops/reduce.h"

namespace weft::optim {

/// p <- next - lr decay p for each of `parameters`: weight decay beside the step and not in the gradient
/// (Loshchilov and Hutter, ICLR 2019).
std::vector<Value> decay_weights(std::span<const Value> updates, std::span<const Value> parameters,
                                 const Rate& rate, double decay);

/// What a parameter shall obey: from its next value to one that does.
using Constraint = std::function<Value(const Value&)>;

/// Scales down what has a norm above `limit` along `axes`: for a dense layer's weight [inputs, units] and
/// axis 0 the weights of each unit (Srivastava et al., JMLR 2014).
Constraint max_norm(double limit, Axes axes = {0});
/// max(p, 0).
Constraint non_negative();
/// Scales to norm 1 along `axes`; zeros stay.
Constraint unit_norm(Axes axes = {0});

/// p <- constraint(next) for each of `parameters`.
std::vector<Value> constrain(std::span<const Value> updates, std::span<const Value> parameters,
                             const Constraint& constraint);

/// Stores only where `condition`, a bool scalar, holds; otherwise everything stays as it is.
std::vector<Value> only_if(const Value& condition, std::span<const Value> updates);

/// How an optimizer turns gradients into updates: `[&](auto g) { return sgd(parameters, g, 0.1); }`.
using Optimizer = std::function<std::vector<Value>(std::span<const Value> gradients)>;

/// One step of `optimizer` on the mean of the gradients of `runs` runs; the runs between store sums only, in
/// "<p>/accumulated", and count in "accumulation/run". Throws Error(invalid_argument) unless runs >= 1.
std::vector<Value> accumulate(std::span<const Value> parameters, std::span<const Value> gradients,
                              std::int64_t runs, const Optimizer& optimizer,
                              const Where& where = Where::current());

}  // namespace weft::optim
