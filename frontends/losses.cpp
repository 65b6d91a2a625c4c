#include "weft/frontends/losses.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/loss.h"
#include "weft/ops/reduce.h"

namespace weft::losses {
namespace {

constexpr double kLowestLog = -100.0;
constexpr double kPoissonEpsilon = 1e-8;
constexpr double kCosineEpsilon = 1e-12;

/// Predictions and targets that were checked, with their graph's nodes under the loss's name.
struct Pair {
  Pair(std::string_view name, const Operand& predictions, const Operand& targets)
      : x(predictions.value(name)), t(targets.value(name)), scope(x.graph(), name, predictions.where()) {
    if (x.type() == t.type() && is_float(x.dtype()) && x.shape().rank() > 0) return;
    const bool dtypes = x.dtype() != t.dtype() || !is_float(x.dtype());
    throw Error(dtypes ? ErrorCode::dtype_mismatch : ErrorCode::shape_mismatch,
                "predictions and targets must have one floating-point type, first axis the batch",
                {.op = std::string(name),
                 .expected = fmt::format("targets {}", to_string(x.type())),
                 .actual = to_string(t.type()),
                 .where = to_string(predictions.where())});
  }
  Value x;
  Value t;
  Scope scope;
};

const Dim& last_dim(const Value& x) { return x.shape()[x.shape().rank() - 1]; }

/// [batch, ...] -> [batch]
Value mean_of_each(const Value& x) {
  Axes axes;
  for (std::size_t axis = 1; axis < x.shape().rank(); ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  return axes.empty() ? x : mean(x, axes);
}

/// ln p, not below -100. What is no number stays so; the gradient is finite, also at 0.
Value bounded_log(const Value& p) {
  const double smallest =
      p.dtype() == DType::f32 ? static_cast<double>(std::numeric_limits<float>::min()) : std::exp(kLowestLog);
  const Value below = p <= smallest;
  return where(below, kLowestLog, log(where(below, 1.0, p)));
}

Value smoothed(const Value& targets, double smoothing) {
  if (smoothing == 0.0) return targets;
  return targets * (1.0 - smoothing) + smoothing / static_cast<double>(last_dim(targets).size());
}

/// [batch, classes] at [batch] -> [batch]. Elements beside are not touched: they may be infinite.
Value at_labels(const Value& x, const Value& labels) {
  const Value chosen = one_hot(labels, last_dim(x).size(), x.dtype()) > 0.0;
  return sum(where(chosen, x, 0.0), {-1});
}

void expect_smoothing(double smoothing, const Operand& predictions) {
  if (smoothing >= 0.0 && smoothing <= 1.0) return;
  throw Error(ErrorCode::invalid_argument, "label smoothing is a share",
              {.expected = "[0, 1]",
               .actual = fmt::format("{}", smoothing),
               .where = to_string(predictions.where())});
}

}  // namespace

Value categorical_cross_entropy(const Operand& probabilities, const Operand& targets, double smoothing) {
  expect_smoothing(smoothing, probabilities);
  const Pair in("categorical_cross_entropy", probabilities, targets);
  return -sum(smoothed(in.t, smoothing) * bounded_log(in.x), {-1});
}

Value categorical_cross_entropy_with_logits(const Operand& logits, const Operand& targets, double smoothing) {
  expect_smoothing(smoothing, logits);
  const Pair in("categorical_cross_entropy", logits, targets);
  return -sum(smoothed(in.t, smoothing) * log_softmax(in.x), {-1});
}

Value sparse_categorical_cross_entropy_with_logits(const Operand& logits, const Operand& labels,
                                                   double smoothing) {
  expect_smoothing(smoothing, logits);
  const Scope origin(logits.value("sparse_categorical_cross_entropy").graph(),
                     "sparse_categorical_cross_entropy", logits.where());
  const Value hard = softmax_cross_entropy(logits, labels);
  if (smoothing == 0.0) return hard;
  return (1.0 - smoothing) * hard - smoothing * mean(log_softmax(logits), {-1});
}

Value negative_log_likelihood(const Operand& log_probabilities, const Operand& labels) {
  const Value x = log_probabilities.value("negative_log_likelihood");
  const Scope origin(x.graph(), "negative_log_likelihood", log_probabilities.where());
  const Shape rows(std::vector<Dim>(x.shape().begin(), x.shape().end() - (x.shape().is_scalar() ? 0 : 1)));
  if (x.shape().is_scalar() || labels.value("negative_log_likelihood").shape() != rows) {
    throw Error(ErrorCode::shape_mismatch, "there must be one label for each row of log-probabilities",
                {.op = "negative_log_likelihood",
                 .expected = fmt::format("labels {}", to_string(rows)),
                 .actual = to_string(labels.value().shape()),
                 .where = to_string(log_probabilities.where())});
  }
  return -at_labels(x, labels.value());
}

Value kl_divergence(const Operand& log_probabilities, const Operand& targets) {
  const Pair in("kl_divergence", log_probabilities, targets);
  const Value nothing = equal(in.t, 0.0);
  return sum(where(nothing, 0.0, in.t * (log(where(nothing, 1.0, in.t)) - in.x)), {-1});
}

Value categorical_hinge(const Operand& scores, const Operand& targets) {
  const Pair in("categorical_hinge", scores, targets);
  const Value right = sum(in.t * in.x, {-1});
  const Value wrong = max((1.0 - in.t) * in.x, {-1});
  return relu(1.0 + wrong - right);
}

Value binary_cross_entropy(const Operand& probabilities, const Operand& targets) {
  const Pair in("binary_cross_entropy", probabilities, targets);
  return mean_of_each(-(in.t * bounded_log(in.x) + (1.0 - in.t) * bounded_log(1.0 - in.x)));
}

Value binary_cross_entropy_with_logits(const Operand& logits, const Operand& targets) {
  const Pair in("binary_cross_entropy", logits, targets);
  return mean_of_each(softplus(in.x) - in.t * in.x);
}

Value mean_squared_error(const Operand& predictions, const Operand& targets) {
  const Pair in("mean_squared_error", predictions, targets);
  return mean_of_each(square(in.x - in.t));
}

Value mean_absolute_error(const Operand& predictions, const Operand& targets) {
  const Pair in("mean_absolute_error", predictions, targets);
  return mean_of_each(abs(in.x - in.t));
}

Value huber(const Operand& predictions, const Operand& targets, double delta) {
  if (!(delta > 0.0)) {
    throw Error(ErrorCode::invalid_argument, "the bound between square and line must be positive",
                {.op = "huber",
                 .expected = "delta > 0",
                 .actual = fmt::format("{}", delta),
                 .where = to_string(predictions.where())});
  }
  const Pair in("huber", predictions, targets);
  const Value e = abs(in.x - in.t);
  const Value near = minimum(e, delta);
  return mean_of_each(0.5 * square(near) + delta * (e - near));
}

Value log_cosh(const Operand& predictions, const Operand& targets) {
  const Pair in("log_cosh", predictions, targets);
  const Value e = in.x - in.t;
  return mean_of_each(e + softplus(-2.0 * e) - std::numbers::ln2);
}

Value hinge(const Operand& scores, const Operand& targets) {
  const Pair in("hinge", scores, targets);
  return mean_of_each(relu(1.0 - in.t * in.x));
}

Value squared_hinge(const Operand& scores, const Operand& targets) {
  const Pair in("squared_hinge", scores, targets);
  return mean_of_each(square(relu(1.0 - in.t * in.x)));
}

Value poisson(const Operand& log_rates, const Operand& targets) {
  const Pair in("poisson", log_rates, targets);
  return mean_of_each(exp(in.x) - in.t * in.x);
}

Value poisson_of_rates(const Operand& rates, const Operand& targets) {
  const Pair in("poisson", rates, targets);
  return mean_of_each(in.x - in.t * log(in.x + kPoissonEpsilon));
}

Value cosine(const Operand& predictions, const Operand& targets) {
  const Pair in("cosine", predictions, targets);
  const auto length = [](const Value& x) { return sum(square(x), {-1}) + kCosineEpsilon; };
  return 1.0 - sum(in.x * in.t, {-1}) / sqrt(length(in.x) * length(in.t));
}

Value reduce(const Operand& losses, const ReduceOptions& options) {
  const Value each = losses.value("reduce");
  const Scope origin(each.graph(), "reduce", losses.where());
  if (options.class_weights.has_value() && !options.targets.has_value()) {
    throw Error(ErrorCode::invalid_argument, "class weights need the targets that they belong to",
                {.op = "reduce", .where = to_string(losses.where())});
  }
  const auto expect_fit = [&](const Value& weights, std::string_view what) {
    if (weights.shape() == each.shape()) return;
    throw Error(ErrorCode::shape_mismatch, fmt::format("there must be one weight for each sample: {}", what),
                {.op = "reduce",
                 .expected = to_string(each.shape()),
                 .actual = to_string(weights.shape()),
                 .where = to_string(losses.where())});
  };
  Value weights = options.sample_weights;
  if (weights.has_value()) expect_fit(weights, "the sample weights");
  if (options.class_weights.has_value()) {
    const Value of_class = is_integer(options.targets.dtype())
                               ? gather(options.class_weights, options.targets)
                               : sum(options.targets * options.class_weights, {-1});
    expect_fit(of_class, "the class weights at the targets");
    weights = weights.has_value() ? weights * of_class : of_class;
  }
  if (!weights.has_value()) return options.reduction == Reduction::mean ? mean(each) : sum(each);
  weights = stop_gradient(weights);
  const Value total = sum(weights * each);
  return options.reduction == Reduction::mean ? total / sum(weights) : total;
}

}  // namespace weft::losses
