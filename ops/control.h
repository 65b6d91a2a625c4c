#pragma once
// Ops that change how a graph is differentiated or run, not its numbers.

#include "weft/graph/graph.h"

namespace weft {

struct StopGradient {  // y = x, and as a constant to autodiff
  static constexpr std::string_view name = "stop_gradient";
  static constexpr Traits traits{.view = true};
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs& args) const;
  Value gradient(Value, Value, Value) const { return {}; }
  Value simplify(std::span<const Value> inputs) const { return inputs[0]; }
};

struct Assign {  // stores `value` in the parameter after the run, and passes it on
  static constexpr std::string_view name = "assign";
  static constexpr Traits traits{.stateful = true};
  TensorType infer(const TensorType& parameter, const TensorType& value) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"it changes state; differentiate what is assigned instead"};
};

/// x, through which no gradient flows.
Value stop_gradient(const Operand& x);

/// An update: when it is among a function's updates, a run stores `value` in `parameter`. All reads of the
/// run see the parameter from before it. Types must be equal; the parameter must be one.
Value assign(const Operand& parameter, const Operand& value);

}  // namespace weft
