#pragma once
// The reference interpreter: every node by its op's reference kernel, one after the other, nothing shared,
// nothing fused. It is slow and obviously right, and so the oracle for passes, fast kernels and plans, and
// what the constant folder computes with.

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "weft/graph/program.h"
#include "weft/graph/tensor.h"

namespace weft {

/// One op on concrete tensors. Inputs of elementwise ops broadcast.
std::vector<Tensor> evaluate(const Op& op, std::span<const Tensor> inputs);

/// All roots of a program whose shapes are concrete. `feed` gives the tensor of a node without inputs that is
/// no constant; it may throw for a node that it does not know, and returns an empty tensor for a node that
/// its own kernel shall compute.
std::vector<Tensor> evaluate(const Program& program, const std::function<Tensor(const Node&)>& feed);

/// The tensor repeated to `sizes` by NumPy's broadcasting rule; throws Error(shape_mismatch).
Tensor broadcast_to_sizes(const Tensor& tensor, std::span<const std::int64_t> sizes);

}  // namespace weft
