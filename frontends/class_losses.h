#pragma once
// The losses of classifiers that can be chosen by name. They take logits [batch, classes] and integer labels
// [batch], and give the loss of each sample, [batch].

#include <span>
#include <string_view>

#include "weft/graph/graph.h"

namespace weft::losses {

struct ClassLoss {
  std::string_view name;  // "cross_entropy"
  std::string_view help;
  /// `smoothing`, in [0, 1], is the share of the target that all classes have in common.
  Value (*build)(const Value& logits, const Value& labels, double smoothing);
};
std::span<const ClassLoss> named_class_losses();
/// Throws Error(invalid_argument), which lists the names.
const ClassLoss& class_loss_named(std::string_view name);

}  // namespace weft::losses
