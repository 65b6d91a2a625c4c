#pragma once
// Ops that change how a graph is differentiated or run, not its numbers.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

struct StopGradient {  // y = x; autodiff takes it for a constant
  static constexpr std::string_view name = "stop_gradient";
  static constexpr Traits traits{.view = true};
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs& args) const;
  Value gradient(Value, Value, Value) const { return {}; }
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const { return inputs[0]; }
};

struct ScaleGradient {  // y = x; dx = factor * dy
  static constexpr std::string_view name = "scale_gradient";
  static constexpr Traits traits{.view = true};
  double factor = 1.0;
  static constexpr auto attributes = weft::attributes(&ScaleGradient::factor);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const { return inputs[0]; }
};

/// A rule that replaces a gradient; see custom_gradient().
using GradientRule = std::function<std::vector<Value>(const GradientArgs&)>;

/// A rule as an attribute. Two are equal when they are the same object.
struct SharedRule {
  std::shared_ptr<const GradientRule> rule;
  friend bool operator==(const SharedRule&, const SharedRule&) = default;
};
inline std::string attribute_text(const SharedRule&) { return "custom"; }

struct CustomGradient {  // y = inputs[0]; `rule` gives the gradients of the other inputs
  static constexpr std::string_view name = "custom_gradient";
  static constexpr Traits traits{.view = true};
  SharedRule rule;
  static constexpr auto attributes = weft::attributes(&CustomGradient::rule);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  Value simplify(std::span<const Value> inputs) const { return inputs[0]; }
};

struct OptimizationBarrier {  // y = x, as a separate value that is computed after `after`
  static constexpr std::string_view name = "optimization_barrier";
  static constexpr Traits traits{.view = true};
  TensorType infer(const TensorType& x, const TensorType&) const { return x; }
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value, Value, Value, Value dy) const { return {dy, Value()}; }
  std::vector<Value> batch(const BatchArgs& args) const;
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

/// x, whose gradient is multiplied by `factor`: -1 reverses it, 0.1 slows down what comes before x. Floats.
Value scale_gradient(const Operand& x, double factor);

/// y, whose gradient with respect to `inputs` is built by `rule` and not derived from the nodes between them:
/// for gradients that are known to be better (straight-through, clipped, numerically stable). The rule gets
/// `inputs`, y and the gradient of y, and returns for each input a value of its type, or an empty one.
/// Gradients flow from y only through `inputs`.
Value custom_gradient(const Operand& y, std::span<const Value> inputs, GradientRule rule);

/// x, as a value that no pass merges with x and that is computed after `after`, so that nodes built on it are
/// computed again and late.
Value optimization_barrier(const Operand& x, const Operand& after);

/// An update: when it is among a function's updates, a run stores `value` in `parameter`. All reads in the
/// run see the parameter's value from before the run. Types must be equal, and `parameter` must be a
/// parameter.
Value assign(const Operand& parameter, const Operand& value);

// Compiled once, in control.cpp.
extern template detail::Model detail::model_of(StopGradient);
extern template detail::Model detail::model_of(ScaleGradient);
extern template detail::Model detail::model_of(CustomGradient);
extern template detail::Model detail::model_of(OptimizationBarrier);
extern template detail::Model detail::model_of(Assign);

}  // namespace weft
