#pragma once
// A choice among several bodies, made of the choice between two (branch.h).

#include <span>

#include "weft/ops/branch.h"

namespace weft {

/// The values of branch number `index`, an integer scalar; a run computes only that one. All branches must
/// return as many values, of the same types. Gradients flow through the branch that is taken. Errors:
/// invalid_argument without branches and for branches that differ; in the run out_of_range for an index that
/// no branch has. (JAX's switch, TensorFlow's case.)
std::vector<Value> switch_case(const Operand& index, std::span<const BranchFunction> branches);
std::vector<Value> switch_case(const Operand& index, std::initializer_list<BranchFunction> branches);

}  // namespace weft
