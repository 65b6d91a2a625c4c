#include "weft/frontends/class_losses.h"

#include <array>

#include "weft/frontends/config/choices.h"
#include "weft/frontends/losses.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/softmax.h"

namespace weft::losses {
namespace {

/// Integer labels as rows of probabilities.
Value smoothed_targets(const Value& logits, const Value& labels, double smoothing) {
  const std::int64_t classes = logits.shape()[1].size();
  const Value targets = one_hot(labels, classes, logits.dtype());
  return smoothing == 0.0 ? targets : targets * (1.0 - smoothing) + smoothing / static_cast<double>(classes);
}

Value cross_entropy(const Value& logits, const Value& labels, double smoothing) {
  return sparse_categorical_cross_entropy_with_logits(logits, labels, smoothing);
}
Value squared_error(const Value& logits, const Value& labels, double smoothing) {
  return mean_squared_error(softmax(logits), smoothed_targets(logits, labels, smoothing));
}
Value margin(const Value& logits, const Value& labels, double smoothing) {
  return categorical_hinge(logits, smoothed_targets(logits, labels, smoothing));
}
Value focal(const Value& logits, const Value& labels, double smoothing) {
  return smoothing == 0.0
             ? sparse_categorical_focal_with_logits(logits, labels)
             : categorical_focal_with_logits(logits, smoothed_targets(logits, labels, smoothing));
}

constexpr std::array kClassLosses{
    ClassLoss{"cross_entropy", "-ln of the probability of the label", cross_entropy},
    ClassLoss{"squared_error", "mean of (probability - target)^2 over the classes", squared_error},
    ClassLoss{"hinge", "max(0, 1 + the largest other logit - the label's)", margin},
    ClassLoss{"focal", "cross_entropy times (1 - the probability of the label)^2", focal},
};

}  // namespace

std::span<const ClassLoss> named_class_losses() { return kClassLosses; }

const ClassLoss& class_loss_named(std::string_view name) {
  return choice_named("loss", name, named_class_losses());
}

}  // namespace weft::losses
