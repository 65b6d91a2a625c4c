#pragma once
// Losses that are worth an op of their own because one pass computes the loss and what its gradient needs.

#include "weft/ops/softmax.h"

namespace weft {

/// The cross-entropy between softmax(logits) and integer labels; outputs the loss of each row,
///   loss = ln sum(e^logits) - logits[label],
/// and the probabilities softmax(logits), which the gradient reads: dlogits = (probabilities - onehot) dloss.
struct SoftmaxCrossEntropy {
  static constexpr std::string_view name = "softmax_cross_entropy";
  static constexpr Traits traits{.row_wise = true, .can_fail = true};
  std::array<TensorType, 2> infer(const TensorType& logits, const TensorType& labels) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
};

/// The loss of each row, shape [...], of logits [..., classes] and integer labels [...] in [0, classes). A
/// label outside is an Error(out_of_range) when it runs. Take the `mean` of it for training.
Value softmax_cross_entropy(const Operand& logits, const Operand& labels);

}  // namespace weft
