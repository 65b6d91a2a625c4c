#pragma once
// Changes to gradients before an optimizer uses them. Each function returns one gradient for each given one,
// in the same order.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::optim {

/// Limits every element to [-limit, limit]. Throws Error(invalid_argument) unless limit > 0.
std::vector<Value> clip_by_value(std::span<const Value> gradients, double limit);

/// The square root of the sum of all squares, a scalar; squares do not overflow. Its gradient is 0 where all
/// are 0.
Value global_norm(std::span<const Value> gradients);

/// Multiplies all gradients by min(1, limit / global_norm) (Pascanu, Mikolov and Bengio, ICML 2013). An
/// infinite element becomes NaN and the others 0; a NaN spreads to all. Throws Error(invalid_argument) unless
/// limit > 0.
std::vector<Value> clip_by_global_norm(std::span<const Value> gradients, double limit);

/// Multiplies each gradient by min(1, limit / norm), for its own Euclidean norm (Keras's clipnorm), or for
/// that norm divided by the number of elements (TensorFlow's clip_by_average_norm). Throws
/// Error(invalid_argument) unless limit > 0.
std::vector<Value> clip_by_norm(std::span<const Value> gradients, double limit);
std::vector<Value> clip_by_average_norm(std::span<const Value> gradients, double limit);
/// Divides each gradient by its own norm, or all by that of all together; zeros stay zeros (Deeplearning4j's
/// RenormalizeL2PerParamType and PerLayer, for the gradients of a layer).
std::vector<Value> normalize_each(std::span<const Value> gradients);
std::vector<Value> normalize_together(std::span<const Value> gradients);

struct Penalty {
  double l1 = 0.0;
  double l2 = 0.0;
};

/// g + l1 sign(p) + l2 p: the gradient of the loss plus sum(l1 |p| + l2 / 2 p^2).
std::vector<Value> add_penalty(std::span<const Value> gradients, std::span<const Value> parameters,
                               const Penalty& penalty);
/// The same with a penalty for each parameter (Caffe's decay_mult).
std::vector<Value> add_penalties(std::span<const Value> gradients, std::span<const Value> parameters,
                                 std::span<const Penalty> penalties);

}  // namespace weft::optim
