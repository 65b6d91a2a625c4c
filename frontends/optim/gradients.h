#pragma once
// What can be done to gradients before any optimizer takes them. Each function returns one gradient for each
// that it was given, in their order.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::optim {

/// Every element limited to [-limit, limit]; limit > 0, else Error(invalid_argument).
std::vector<Value> clip_by_value(std::span<const Value> gradients, double limit);

/// The square root of the sum of all squares, a scalar; squares do not overflow. Its gradient where all are 0
/// is 0.
Value global_norm(std::span<const Value> gradients);

/// All gradients times min(1, limit / global_norm) (Pascanu, Mikolov and Bengio, ICML 2013). An
/// infinite element becomes NaN and the others 0; a NaN spreads to all. limit > 0, else
/// Error(invalid_argument).
std::vector<Value> clip_by_global_norm(std::span<const Value> gradients, double limit);

struct Penalty {
  double l1 = 0.0;
  double l2 = 0.0;
};

/// g + l1 sign(p) + l2 p: the gradient of the loss plus sum(l1 |p| + l2 / 2 p^2).
std::vector<Value> add_penalty(std::span<const Value> gradients, std::span<const Value> parameters,
                               const Penalty& penalty);

}  // namespace weft::optim
