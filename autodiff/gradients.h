#pragma once
// Reverse-mode differentiation as a graph transformation: `gradients` appends to the graph of a loss the
// nodes that compute its gradient. Nothing is executed, and the new nodes can be differentiated again, to any
// order. Rules come from the ops. This file does once for all ops what they have in common: summing over
// broadcast axes, adding up over several uses, and finding the nodes that matter.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// What happens for a value that the loss does not depend on.
enum class Unconnected : std::uint8_t { error, zeros };

/// The gradient of a scalar, floating-point loss with respect to each of `wrt`. Each gradient has the shape
/// of its value and its dtype, but for f16 and bf16, whose gradients are f32. Values may be parameters,
/// inputs or anything in between.
///
/// Throws Error(shape_mismatch) for a loss that is not a scalar, Error(not_differentiable) when a path leads
/// through an op without gradient or through integers (the message names the path), or when a value is
/// unconnected and `unconnected` is `error`.
std::vector<Value> gradients(const Operand& loss, std::span<const Value> wrt,
                             Unconnected unconnected = Unconnected::error);
std::vector<Value> gradients(const Operand& loss, std::initializer_list<Value> wrt,
                             Unconnected unconnected = Unconnected::error);

/// The gradient with respect to one value.
Value gradient(const Operand& loss, const Value& wrt, Unconnected unconnected = Unconnected::error);

/// The vector-Jacobian product: the sum over i of `cotangents[i]` times the derivative of `outputs[i]` with
/// respect to each of `wrt`. Cotangents have the types of the outputs, or f32 for f16 and bf16. The result
/// for a value that no output depends on is an empty Value.
std::vector<Value> vjp(std::span<const Value> outputs, std::span<const Value> cotangents,
                       std::span<const Value> wrt, Where where = Where::current());

}  // namespace weft
