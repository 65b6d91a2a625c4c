#include <array>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/series.h"
#include "weft/ops/softmax.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

/// -w[label] x[label] of log-probabilities [n, classes, ...] and labels [n, ...], reduced as the node says.
/// The mean divides by the sum of the weights; a label that is to be ignored has the weight 0.
Value label_loss(const NodeView& node, const Value& log_probabilities, const Value& labels,
                 std::size_t weights) {
  const bool ignores = node.has_attribute("ignore_index");
  const std::int64_t ignored = node.integer("ignore_index", 0);
  const Value is_ignored = ignores ? equal(labels, ignored) : Value();
  const Value classes = ignores ? where(is_ignored, 0, labels) : labels;
  const Value chosen = squeeze(take_along_axis(log_probabilities, expand_dims(classes, 1), 1), 1);
  Value weight;
  if (node.has(weights)) weight = take(node.value(weights), classes);
  if (ignores && !weight.has_value()) weight = full(node.graph(), labels.shape(), 1, chosen.dtype());
  if (ignores) weight = where(is_ignored, 0.0, weight);
  const Value losses = weight.has_value() ? neg(chosen * weight) : neg(chosen);
  const std::string reduction = node.text("reduction", "mean");
  if (reduction == "none") return losses;
  if (reduction == "sum") return sum(losses);
  if (reduction != "mean") node.refuse("its reduction is none of none, sum and mean");
  return weight.has_value() ? sum(losses) / sum(weight) : mean(losses);
}

Items nll_loss_rule(const NodeView& node) { return label_loss(node, node.value(0), node.value(1), 2); }

Items softmax_cross_entropy_loss_rule(const NodeView& node) {
  const Value log_probabilities = log_softmax(node.value(0), 1);
  return std::vector<Value>{label_loss(node, log_probabilities, node.value(1), 2), log_probabilities};
}

constexpr std::array kLosses{
    RuleEntry{"NegativeLogLikelihoodLoss", nll_loss_rule},
    RuleEntry{"SoftmaxCrossEntropyLoss", softmax_cross_entropy_loss_rule},
};

}  // namespace

std::span<const RuleEntry> loss_rules() { return kLosses; }

}  // namespace weft::onnx
