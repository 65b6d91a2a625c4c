#pragma once
// Losses with an op of their own, because one pass computes both the loss and what its gradient needs.

#include "weft/ops/softmax.h"

namespace weft {

/// The cross-entropy between softmax(logits) and integer labels; outputs the loss of each row,
///   loss = ln sum(e^(logits - max)) - (logits[label] - max),
/// and the probabilities softmax(logits), which the gradient reads: dlogits = (probabilities - onehot) dloss.
/// It depends only on differences of logits, so an offset of all logits changes nothing, and a loss or a
/// gradient near 0 keeps its digits.
struct SoftmaxCrossEntropy {
  static constexpr std::string_view name = "softmax_cross_entropy";
  static constexpr Traits traits{.row_wise = true, .can_fail = true};
  std::array<TensorType, 2> infer(const TensorType& logits, const TensorType& labels) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// probabilities - onehot(label) for the probabilities of a softmax. At the label it is computed as minus the
/// sum of the other probabilities, which does not round to 0 where the label's probability rounds to 1.
struct LabelDifference {
  static constexpr std::string_view name = "label_difference";
  static constexpr Traits traits{.row_wise = true, .can_fail = true};
  TensorType infer(const TensorType& probabilities, const TensorType& labels) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value probabilities, Value labels, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// The loss of each row, shape [...], of logits [..., classes] and integer labels [...] in [0, classes). A
/// label outside is an Error(out_of_range) in a run. Take its `mean` for training. In f32 the relative error
/// is at most (10 + d) 1e-7, where d is the gap between the two largest logits. The bound holds for each
/// element of the gradient too, where d is its gap to the largest logit or, at the label, the gap between the
/// two largest.
Value softmax_cross_entropy(const Operand& logits, const Operand& labels);

// Compiled once, in loss.cpp.
extern template detail::Model detail::model_of(SoftmaxCrossEntropy);
extern template detail::Model detail::model_of(LabelDifference);

}  // namespace weft
