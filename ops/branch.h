#pragma once
// A choice between two bodies (body.h), of which a run computes one.

#include <span>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/ops/body.h"

namespace weft {

/// Inputs: the predicate, bool [], and what the bodies captured, which are their arguments. Outputs: the
/// results of one of them.
struct Cond {
  static constexpr std::string_view name = "cond";
  static constexpr Traits traits{.can_fail = true};
  Body then;
  Body otherwise;
  static constexpr auto attributes = weft::attributes(&Cond::then, &Cond::otherwise);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  /// The gradients of the branch that was taken, which computes again what it needs of the branch.
  std::vector<Value> gradient(const GradientArgs& args) const;
  /// The branch for all examples where they share the predicate. Otherwise both branches, of which each
  /// example takes one; no form where one of these may fail.
  std::vector<Value> batch(const BatchArgs& args) const;
};

using BranchFunction = std::function<std::vector<Value>()>;

/// The values of `then` where the predicate is true, else those of `otherwise`; a run computes only one of
/// them. Both must return as many values, of the same types. Gradients flow through the branch that is taken.
/// Errors: shape_mismatch for a predicate that is not bool [], invalid_argument for branches that differ.
std::vector<Value> cond(const Operand& predicate, const BranchFunction& then,
                        const BranchFunction& otherwise);

// Compiled once, in branch.cpp.
extern template detail::Model detail::model_of(Cond);

}  // namespace weft
