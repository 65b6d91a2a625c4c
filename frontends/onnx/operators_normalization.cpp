#include <array>
#include <cmath>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/norm.h"
#include "weft/ops/powers.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/series.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

Axes axes_from(std::int64_t first, const Value& x) {
  Axes axes;
  for (auto i = first; i < static_cast<std::int64_t>(x.shape().rank()); ++i) axes.push_back(i);
  return axes;
}

/// (x - mean) / sqrt(variance + epsilon) over axes.
Value normalized(const Value& x, const Axes& axes, double epsilon) {
  return (x - mean(x, axes, true)) * rsqrt(variance(x, axes, true) + epsilon);
}

/// A value as one number for each channel of x.
Value of_channels(const Value& vector, const Value& x) { return along_axis(vector, 1, x.shape().rank()); }

struct BatchStatistics {
  Value mean;
  Value variance;
};

/// scale (x - mean) / sqrt(variance + epsilon) + shift, for each channel.
Value batch_normalized(const NodeView& node, const Value& x, const BatchStatistics& of, double epsilon) {
  const Value factor = node.value(1) * cast(rsqrt(of.variance + epsilon), node.value(1).dtype());
  const Value shift = node.value(2) - cast(of.mean, node.value(2).dtype()) * factor;
  return x * of_channels(cast(factor, x.dtype()), x) + of_channels(cast(shift, x.dtype()), x);
}

Items batch_normalization_rule(const NodeView& node) {
  node.ignore({"is_test", "consumed_inputs"});
  const Value x = node.value(0);
  const double epsilon = node.number("epsilon", 1e-5);
  const double momentum = node.number("momentum", 0.9);
  if (node.integer("spatial", 1) == 0 && x.shape().rank() > 2) node.refuse("statistics of single elements");
  const BatchStatistics running{node.buffer(3), node.buffer(4)};
  // Before version 14 a node says by its outputs that it trains: they are the running statistics too, and
  // then the batch's.
  const bool asked = node.integer("training_mode", 0) != 0 || (node.version() < 14 && node.outputs() > 1);
  if (!asked && !node.is_training()) return batch_normalized(node, x, running, epsilon);
  Axes axes = axes_from(2, x);
  axes.insert(axes.begin(), 0);
  const BatchStatistics batch{mean(x, axes), variance(x, axes)};
  const auto moved = [&](const Value& old, const Value& latest) {
    return old * momentum + cast(latest, old.dtype()) * (1.0 - momentum);
  };
  const BatchStatistics next{moved(running.mean, batch.mean), moved(running.variance, batch.variance)};
  if (node.is_training()) {
    node.update(running.mean, next.mean);
    node.update(running.variance, next.variance);
  }
  const Value y = batch_normalized(node, x, batch, epsilon);
  if (node.version() >= 14) return std::vector<Value>{y, next.mean, next.variance};
  return std::vector<Value>{y, next.mean, next.variance, batch.mean, batch.variance};
}

Items instance_normalization_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  const Value x = node.value(0);
  return normalized(x, axes_from(2, x), node.number("epsilon", 1e-5)) * of_channels(node.value(1), x) +
         of_channels(node.value(2), x);
}

Items layer_normalization_rule(const NodeView& node) {
  node.ignore({"stash_type"});
  const Value x = node.value(0);
  const Axes axes = axes_from(axis_of(node, "axis", -1, x.shape().rank()), x);
  const Value middle = mean(x, axes, true);
  const Value inverse = rsqrt(variance(x, axes, true) + node.number("epsilon", 1e-5));
  Value y = (x - middle) * inverse * node.value(1);
  if (node.has(2)) y = y + node.value(2);
  return std::vector<Value>{y, middle, inverse};
}

/// x / sqrt(mean(x^2) + epsilon) * scale (Zhang and Sennrich, NeurIPS 2019).
Items rms_normalization_rule(const NodeView& node) {
  node.ignore({"stash_type"});
  const Value x = node.value(0);
  const Axes axes = axes_from(axis_of(node, "axis", -1, x.shape().rank()), x);
  return x * rsqrt(mean(square(x), axes, true) + node.number("epsilon", 1e-5)) * node.value(1);
}

/// Channels in groups, each normalized over its channels and all places; from version 21 on with a scale and
/// a shift for each channel, before for each group.
Items group_normalization_rule(const NodeView& node) {
  node.ignore({"stash_type"});
  const Value x = node.value(0);
  const std::int64_t groups = node.integer("num_groups", 1);
  const auto channels = x.shape().rank() < 2 ? std::nullopt : exact_div(x.shape()[1], groups);
  if (!channels) throw Error(ErrorCode::shape_mismatch, "its groups do not divide its channels");
  std::vector<Dim> dims{x.shape()[0], groups, *channels};
  dims.insert(dims.end(), x.shape().begin() + 2, x.shape().end());
  const Value grouped = reshape(x, Shape(dims));
  const Value y =
      reshape(normalized(grouped, axes_from(2, grouped), node.number("epsilon", 1e-5)), x.shape());
  const auto each = [&](std::size_t i) {
    const Value numbers = node.value(i);
    return of_channels(node.version() < 21 ? repeat(numbers, channels->size(), 0) : numbers, x);
  };
  return y * each(1) + each(2);
}

/// x / (bias + alpha / size * sum of squares over `size` channels around each)^beta.
Items lrn_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::int64_t size = node.integer("size", 1);
  if (size < 1 || size > 4096) throw Error(ErrorCode::invalid_argument, "its size is out of bounds");
  const Dim& channels = x.shape().dims().at(1);
  PadWidths widths(x.shape().rank());
  widths[1] = {(size - 1) / 2, size - 1 - (size - 1) / 2};
  const Value squares = pad(square(x), widths);
  Value total = slice(squares, 1, 0, channels);
  for (std::int64_t i = 1; i < size; ++i) total = total + slice(squares, 1, i, channels + i);
  const double share = node.number("alpha", 1e-4) / static_cast<double>(size);
  return x * pow(total * share + node.number("bias", 1.0), -node.number("beta", 0.75));
}

Items mean_variance_normalization_rule(const NodeView& node) {
  const Value x = node.value(0);
  const Axes axes = node.integers("axes", {0, 2, 3});
  return (x - mean(x, axes, true)) / (standard_deviation(x, axes, true) + 1e-9);
}

Items lp_normalization_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::int64_t axis = axis_of(node, "axis", -1, x.shape().rank());
  if (node.integer("p", 2) == 1) return x / sum(abs(x), {axis}, true);
  return x / norm(x, {axis}, true);
}

double dropout_ratio(const NodeView& node) {
  const double ratio = node.has(1) ? node.number(1, "the ratio") : node.number("ratio", 0.5);
  return node.has_attribute("is_test") && node.integer("is_test", 0) != 0 ? 0.0 : ratio;
}

/// In inference as the node says, which may ask for training from version 12 on.
Items dropout_rule(const NodeView& node) {
  node.ignore({"seed", "is_test", "consumed_inputs", "ratio"});
  const Value x = node.value(0);
  const bool asked = node.has(2) && node.integer(2, "whether it trains") != 0;
  const double ratio = asked || node.is_training() ? dropout_ratio(node) : 0.0;
  const DType mask_dtype = node.version() < 10 ? x.dtype() : DType::boolean;
  if (ratio == 0.0) {
    Items results(x);
    if (node.wants(1)) results.emplace_back(cast(full(node.graph(), x.shape(), 1, i32), mask_dtype));
    return results;
  }
  if (!node.wants(1)) return dropout(x, ratio);
  const Value mask = random_bernoulli(node.graph(), x.shape(), 1.0 - ratio);
  const Value kept = where(mask, x * (1.0 / (1.0 - ratio)), 0.0);
  return std::vector<Value>{kept, mask_dtype == DType::boolean ? mask : cast(mask, mask_dtype)};
}

constexpr std::array kNormalization{
    RuleEntry{"BatchNormalization", batch_normalization_rule},
    RuleEntry{"Dropout", dropout_rule},
    RuleEntry{"GroupNormalization", group_normalization_rule},
    RuleEntry{"InstanceNormalization", instance_normalization_rule},
    RuleEntry{"LRN", lrn_rule},
    RuleEntry{"LayerNormalization", layer_normalization_rule},
    RuleEntry{"LpNormalization", lp_normalization_rule},
    RuleEntry{"MeanVarianceNormalization", mean_variance_normalization_rule},
    RuleEntry{"RMSNormalization", rms_normalization_rule},
};

}  // namespace

std::span<const RuleEntry> normalization_rules() { return kNormalization; }

}  // namespace weft::onnx
