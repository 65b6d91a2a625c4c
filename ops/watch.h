#pragma once
// Values that are looked at while they are computed.

#include <string>

#include "weft/graph/graph.h"

namespace weft {

/// x, if all of `condition` hold.
struct Ensure {
  static constexpr std::string_view name = "ensure";
  static constexpr Traits traits{.can_fail = true};
  std::string message;
  static constexpr auto attributes = weft::attributes(&Ensure::message);
  TensorType infer(const TensorType& x, const TensorType& condition) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value, Value, Value, Value dy) const { return {dy, Value()}; }
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// x, which is written to stderr.
struct Show {
  static constexpr std::string_view name = "show";
  static constexpr Traits traits{.stateful = true, .can_fail = false};
  std::string label;
  static constexpr auto attributes = weft::attributes(&Show::label);
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs& args) const;
  Value gradient(Value, Value, Value dy) const { return dy; }
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// x; but where an element of `condition`, bool of any shape, is false, the run throws Error(numeric) with
/// the message, the number of the first such element and your line, and changes nothing. What nothing needs
/// is not computed: go on with the result. (TensorFlow's Assert.)
Value ensure(const Operand& x, const Operand& condition, std::string message);

/// x; each run that computes it writes a line to stderr: the label, the type, the first eight numbers, and
/// the least and the largest. Runs in threads at the same time write whole lines. (Theano's and TensorFlow's
/// Print.)
Value show(const Operand& x, std::string label);

// Compiled once, in watch.cpp.
extern template detail::Model detail::model_of(Ensure);
extern template detail::Model detail::model_of(Show);

}  // namespace weft
