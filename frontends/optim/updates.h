#pragma once
// Changes to the updates of any optimizer. Updates are `assign`s; each function returns as many, in the same
// order, with other values to store.

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "weft/frontends/optim/rate.h"
#include "weft/ops/reduce.h"

namespace weft::optim {

/// What an update stores, and where. Throws Error(invalid_argument) for a value that is no `assign`.
struct Assignment {
  Value target;
  Value next;
};
Assignment assignment_of(const Value& update);

/// The value that one of the updates stores in a parameter. Throws Error(invalid_argument) if none does.
Value next_of(std::span<const Value> updates, const Value& parameter);

/// p <- change(i, next) for each of `parameters`, of which this is number i. Throws Error(invalid_argument)
/// unless each has an update.
std::vector<Value> change_next(std::span<const Value> updates, std::span<const Value> parameters,
                               const std::function<Value(std::size_t i, const Value& next)>& change);

/// p <- next - lr decay p for each of `parameters`: weight decay separate from the gradient (Loshchilov and
/// Hutter, ICLR 2019).
std::vector<Value> decay_weights(std::span<const Value> updates, std::span<const Value> parameters,
                                 const Rate& rate, double decay);

/// Maps the next value of a parameter to one that is allowed.
using Constraint = std::function<Value(const Value&)>;

/// Scales down vectors along `axes` whose norm is above `limit`: with axis 0 of a dense layer's weight
/// [inputs, units], the weights of each unit (Srivastava et al., JMLR 2014).
Constraint max_norm(double limit, Axes axes = {0});
/// max(p, 0).
Constraint non_negative();
/// Scales vectors along `axes` to norm 1; zeros stay zeros.
Constraint unit_norm(Axes axes = {0});

/// p <- constraint(next) for each of `parameters`.
std::vector<Value> constrain(std::span<const Value> updates, std::span<const Value> parameters,
                             const Constraint& constraint);

/// Stores only if `condition`, a bool scalar, is true; otherwise nothing changes.
std::vector<Value> only_if(const Value& condition, std::span<const Value> updates);

/// How an optimizer turns gradients into updates: `[&](auto g) { return sgd(parameters, g, 0.1); }`.
using Optimizer = std::function<std::vector<Value>(std::span<const Value> gradients)>;

/// One step of `optimizer` on the mean of the gradients of `runs` runs; the other runs only add to sums, in
/// "<p>/accumulated", and count in "accumulation/run". Throws Error(invalid_argument) unless runs >= 1.
std::vector<Value> accumulate(std::span<const Value> parameters, std::span<const Value> gradients,
                              std::int64_t runs, const Optimizer& optimizer,
                              const Where& where = Where::current());

}  // namespace weft::optim
