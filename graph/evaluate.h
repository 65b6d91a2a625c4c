#pragma once
// The reference interpreter runs every node by its op's reference kernel, one after the other; it shares and
// fuses nothing. It is slow and simple enough to be trusted: passes, fast kernels and plans are compared with
// it, and the constant folder uses it.

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "weft/graph/program.h"
#include "weft/graph/tensor.h"

namespace weft {

/// One op on concrete tensors. Inputs of elementwise ops broadcast.
std::vector<Tensor> evaluate(const Op& op, std::span<const Tensor> inputs);

/// Computes all roots of a program whose shapes are concrete. `feed` gives the tensor of a node that has no
/// inputs and is not a constant. It may throw for a node that it does not know, and returns an empty tensor
/// for a node whose reference kernel is to compute it.
std::vector<Tensor> evaluate(const Program& program, const std::function<Tensor(const Node&)>& feed);

/// The tensor repeated to `sizes` by NumPy's broadcasting rule; throws Error(shape_mismatch).
Tensor broadcast_to_sizes(const Tensor& tensor, std::span<const std::int64_t> sizes);

}  // namespace weft
