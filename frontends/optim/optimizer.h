#pragma once
// What the optimizers are made of. Slots are parameters of the graph, named after the parameter that they
// belong to ("dense1/weight/momentum"), so a checkpoint holds them too.

#include <functional>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

/// A slot of a parameter, "<parameter>/<name>", of its type and filled with `initial` at the start. Throws
/// Error(invalid_argument) for a value that is not a parameter.
Value slot(const Value& parameter, std::string_view name, double initial = 0.0);
/// The same with a shape of its own.
Value slot_of_shape(const Value& parameter, std::string_view name, const Shape& shape, double initial = 0.0);

/// A slot that starts as its parameter does.
Value copied_slot(const Value& parameter, std::string_view name);

/// State of a whole method: the scalar "<method>/<name>" in the dtype of `like`.
Value method_slot(const Value& like, std::string_view method, std::string_view name, double initial);

/// What one call of a method in a graph stands in: a transaction, so that a call that throws leaves no state
/// behind, and a scope for names.
struct MethodScope {
  Transaction whole;
  Scope names;
};

/// The scope separates its state from that of earlier calls: without a name for the first call, and
/// "<method>_2", "<method>_3" for later calls whose state exists already. `slots` are the names that the
/// method gives to its slots. Its nodes count as written where the rate was.
MethodScope method_scope(std::string_view method, std::span<const Value> parameters,
                         std::initializer_list<std::string_view> slots, const Where& where);

/// The number t of the current step, from 1, and the update that counts it. It is kept in "<method>/step".
struct StepNumber {
  Value t;
  Value update;
};
StepNumber step_number(std::span<const Value> parameters, std::string_view method);

/// What a method computes for one parameter: its next value, and the updates of its slots.
struct Change {
  Value next;
  std::vector<Value> slots;
};
using Rule = std::function<Change(const Value& parameter, const Value& gradient, const Operand& rate)>;

/// The updates of all parameters by one rule; every node counts as written where the rate was. Throws
/// Error(invalid_argument) unless there is at least one parameter, a gradient for each, and a multiplier for
/// each if there are any.
std::vector<Value> update_each(std::string_view method, std::span<const Value> parameters,
                               std::span<const Value> gradients, const Rate& rate, const Rule& rule);

/// g + decay p: weight decay as an L2 penalty, which adds the gradient of decay / 2 * p^2.
Value with_l2(const Value& parameter, const Value& gradient, double decay);

/// b average + (1 - b) x: the step of an exponential moving average.
Value moving_average(const Value& average, const Value& x, double b);

/// -1, 0 or 1; no gradient flows through it.
Value sign(const Value& x);

}  // namespace weft::optim
