#include "weft/frontends/losses.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/exponential.h"
#include "weft/ops/gather.h"
#include "weft/ops/loss.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::losses {
namespace {

constexpr double kLowestLog = -100.0;
constexpr double kPoissonEpsilon = 1e-8;
constexpr double kCosineEpsilon = 1e-12;

/// Checked predictions and targets, and a scope with the loss's name.
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

Axes axes_after_first(const Value& x) {
  Axes axes;
  for (std::size_t axis = 1; axis < x.shape().rank(); ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  return axes;
}

/// [batch, ...] -> [batch]
Value mean_of_each(const Value& x) {
  const Axes axes = axes_after_first(x);
  return axes.empty() ? x : mean(x, axes);
}

/// The same of the sums.
Value sum_of_each(const Value& x) {
  const Axes axes = axes_after_first(x);
  return axes.empty() ? x : sum(x, axes);
}

/// The smallest p whose logarithm is not limited.
double smallest_normal(DType dtype) {
  return dtype == DType::f32 ? static_cast<double>(std::numeric_limits<float>::min()) : std::exp(kLowestLog);
}

/// ln p, not below -100. A NaN stays a NaN; the gradient is finite, also at 0.
Value bounded_log(const Value& p) {
  const Value below = p <= smallest_normal(p.dtype());
  return where(below, kLowestLog, log(where(below, 1.0, p)));
}

/// t x, and 0 where t is 0, whatever x is, since an impossible class has the logarithm -infinity.
Value share_of(const Value& t, const Value& x) { return where(equal(t, 0.0), 0.0, t * x); }

/// rate - term, where an infinite rate is larger than any term, which may overflow too.
Value rate_less(const Value& rate, const Value& term) {
  const double largest = rate.dtype() == f32 ? static_cast<double>(std::numeric_limits<float>::max())
                                             : std::numeric_limits<double>::max();
  return rate - where(rate > largest, 0.0, term);
}

/// ln(1 + x), without the loss of x in the sum where it is small (Kahan; Goldberg 1991, theorem 4).
Value log_of_one_plus(const Value& x) {
  const Value sum = 1.0 + x;
  const Value lost = equal(sum, 1.0);
  const Value safe = where(lost, 2.0, sum);
  const Value y = where(lost, x, log(safe) * x / (safe - 1.0));
  return custom_gradient(y, {&x, 1}, [](const GradientArgs& args) {
    return std::vector{args.output_gradients[0] / (1.0 + args.inputs[0])};
  });
}

/// ln(1 - p), bounded as above.
Value bounded_log_of_rest(const Value& p) {
  const Value below = 1.0 - p <= smallest_normal(p.dtype());
  return where(below, kLowestLog, log_of_one_plus(where(below, 0.0, -p)));
}

/// ln(1 + e^x) - t x. The large terms cancel before they are rounded, for both signs of x.
Value binary_cross_entropy_of_each(const Value& x, const Value& t) {
  const Value positive = x > 0.0;
  const Value line = where(positive, share_of(1.0 - t, x), -share_of(t, x));
  return line + softplus(where(positive, -x, x));
}

/// The mean of log-probabilities [..., classes] over the possible classes, which are not -infinity.
Value mean_of_possible(const Value& log_probabilities) {
  const Value possible = log_probabilities > -std::numeric_limits<double>::infinity();
  const Value one = constant(log_probabilities.graph(), 1.0, log_probabilities.dtype());
  const Value count = sum(where(possible, one, 0.0), {-1});
  return sum(where(possible, log_probabilities, 0.0), {-1}) / maximum(count, 1.0);
}

Value smoothed(const Value& targets, double smoothing) {
  if (smoothing == 0.0) return targets;
  return targets * (1.0 - smoothing) + smoothing / static_cast<double>(last_dim(targets).size());
}

/// [batch, classes] at [batch] -> [batch]. Other elements are not read, since they may be infinite.
Value at_labels(const Value& x, const Value& labels) {
  const Value chosen = one_hot(labels, last_dim(x).size(), x.dtype()) > 0.0;
  return sum(where(chosen, x, 0.0), {-1});
}

void expect_labels(std::string_view loss, const Value& x, const Value& labels, const Where& where) {
  const Shape rows(std::vector<Dim>(x.shape().begin(), x.shape().end() - (x.shape().is_scalar() ? 0 : 1)));
  if (!x.shape().is_scalar() && labels.shape() == rows) return;
  throw Error(ErrorCode::shape_mismatch, "there must be one label for each row of predictions",
              {.op = std::string(loss),
               .expected = fmt::format("labels {}", to_string(rows)),
               .actual = to_string(labels.shape()),
               .where = to_string(where)});
}

void expect_smoothing(double smoothing, const Operand& predictions) {
  if (smoothing >= 0.0 && smoothing <= 1.0) return;
  throw Error(ErrorCode::invalid_argument, "label smoothing is a share",
              {.expected = "[0, 1]",
               .actual = fmt::format("{}", smoothing),
               .where = to_string(predictions.where())});
}

/// Throws Error(invalid_argument) unless `holds`.
void expect_option(bool holds, std::string_view loss, std::string_view expected, double actual,
                   const Operand& predictions) {
  if (holds) return;
  throw Error(ErrorCode::invalid_argument, "the loss has no such option",
              {.op = std::string(loss),
               .expected = std::string(expected),
               .actual = fmt::format("{}", actual),
               .where = to_string(predictions.where())});
}

/// rest^gamma. Where the rest underflows it is flat, since the slope of a power below 1 is infinite at 0.
Value focus(const Value& rest, double gamma) {
  constexpr double kSmallestRest = 1e-30;
  return gamma == 1.0 ? rest : pow(maximum(rest, kSmallestRest), gamma);
}

/// What the binary focal loss of logits x is made of: w r^gamma l, where r is the probability of the other
/// class and l the cross-entropy.
struct Focal {
  Focal(const Value& x, const Value& t, const FocalOptions& with)
      : options(with),
        x(x),
        t(t),
        one(sigmoid(x)),
        zero(sigmoid(-x)),
        wrong(t * zero + (1.0 - t) * one),
        weight(t * with.alpha + (1.0 - t) * (1.0 - with.alpha)),
        loss(binary_cross_entropy_of_each(x, t)) {}

  /// The gradient is written out: as it would follow from the product, it has no room for large logits, and
  /// no digits of sigmoid(x) (1 - sigmoid(x)) where the sigmoid is near 1.
  Value value() const {
    const auto rule = [with = options](const GradientArgs& args) {
      return Focal(args.inputs[0], args.inputs[1], with).slopes(args.output_gradients[0]);
    };
    return custom_gradient(weight * focused() * loss, {{x, t}}, rule);
  }

  Value focused() const { return focus(wrong, options.gamma); }

  std::vector<Value> slopes(const Value& dy) const {
    const Value rate = options.gamma * focus(wrong, options.gamma - 1.0);
    const Value focus_of_x = rate * (one * zero * loss) * (1.0 - 2.0 * t);
    const Value focus_of_t = rate * (zero - one) * loss;
    const Value weighted = weight * dy;
    return {weighted * (focus_of_x + focused() * ((1.0 - t) * one - t * zero)),
            weighted * (focus_of_t - focused() * x) + (2.0 * options.alpha - 1.0) * dy * focused() * loss};
  }

  FocalOptions options;
  Value x, t;
  Value one, zero;  // the probabilities of the targets 1 and 0
  Value wrong, weight, loss;
};

void expect_same_type(std::string_view loss, const Operand& x, const Value& other, std::string_view what) {
  const TensorType& type = x.value(loss).type();
  if (other.type() == type) return;
  throw Error(other.dtype() == type.dtype ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
              fmt::format("{} must have the type of the predictions", what),
              {.op = std::string(loss),
               .expected = to_string(type),
               .actual = to_string(other.type()),
               .where = to_string(x.where())});
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
  const Value logs = log_softmax(in.x);
  const Value hard = -sum(share_of(in.t, logs), {-1});
  return smoothing == 0.0 ? hard : (1.0 - smoothing) * hard - smoothing * mean_of_possible(logs);
}

Value sparse_categorical_cross_entropy_with_logits(const Operand& logits, const Operand& labels,
                                                   double smoothing) {
  expect_smoothing(smoothing, logits);
  const Scope origin(logits.value("sparse_categorical_cross_entropy").graph(),
                     "sparse_categorical_cross_entropy", logits.where());
  const Value hard = softmax_cross_entropy(logits, labels);
  if (smoothing == 0.0) return hard;
  return (1.0 - smoothing) * hard - smoothing * mean_of_possible(log_softmax(logits));
}

Value negative_log_likelihood(const Operand& log_probabilities, const Operand& labels) {
  const Value x = log_probabilities.value("negative_log_likelihood");
  const Scope origin(x.graph(), "negative_log_likelihood", log_probabilities.where());
  expect_labels("negative_log_likelihood", x, labels.value("negative_log_likelihood"),
                log_probabilities.where());
  return -at_labels(x, labels.value());
}

Value kl_divergence(const Operand& log_probabilities, const Operand& targets) {
  const Pair in("kl_divergence", log_probabilities, targets);
  const Value nothing = equal(in.t, 0.0);
  return sum(where(nothing, 0.0, in.t * (log(where(nothing, 1.0, in.t)) - in.x)), {-1});
}

Value categorical_hinge(const Operand& scores, const Operand& targets) {
  const Pair in("categorical_hinge", scores, targets);
  const Value right = sum(share_of(in.t, in.x), {-1});
  const Value wrong = max(share_of(1.0 - in.t, in.x), {-1});
  return relu(1.0 + wrong - right);
}

Value multi_margin(const Operand& scores, const Operand& labels, double margin, int power) {
  expect_option(power == 1 || power == 2, "multi_margin", "power 1 or 2", power, scores);
  const Value x = scores.value("multi_margin");
  const Scope origin(x.graph(), "multi_margin", scores.where());
  expect_labels("multi_margin", x, labels.value("multi_margin"), scores.where());
  const std::int64_t classes = last_dim(x).size();
  const Value chosen = one_hot(labels, classes, x.dtype()) > 0.0;
  const Value right = sum(where(chosen, x, 0.0), {-1}, true);
  const Value beyond = where(chosen, 0.0, relu(x - right + margin));
  return sum(power == 1 ? beyond : square(beyond), {-1}) / static_cast<double>(classes);
}

Value categorical_focal_with_logits(const Operand& logits, const Operand& targets, double gamma) {
  expect_option(gamma >= 0.0, "categorical_focal", "gamma >= 0", gamma, logits);
  if (gamma == 0.0) return categorical_cross_entropy_with_logits(logits, targets);
  const Pair in("categorical_focal", logits, targets);
  const Value logs = log_softmax(in.x);
  return -sum(share_of(in.t, focus(-expm1(logs), gamma) * logs), {-1});
}

Value sparse_categorical_focal_with_logits(const Operand& logits, const Operand& labels, double gamma) {
  expect_option(gamma >= 0.0, "sparse_categorical_focal", "gamma >= 0", gamma, logits);
  const Scope origin(logits.value("sparse_categorical_focal").graph(), "sparse_categorical_focal",
                     logits.where());
  const Value plain = softmax_cross_entropy(logits, labels);
  return gamma == 0.0 ? plain : focus(-expm1(-plain), gamma) * plain;
}

Value binary_cross_entropy(const Operand& probabilities, const Operand& targets) {
  const Pair in("binary_cross_entropy", probabilities, targets);
  return mean_of_each(-(in.t * bounded_log(in.x) + (1.0 - in.t) * bounded_log_of_rest(in.x)));
}

Value binary_cross_entropy_with_logits(const Operand& logits, const Operand& targets) {
  const Pair in("binary_cross_entropy", logits, targets);
  return mean_of_each(binary_cross_entropy_of_each(in.x, in.t));
}

Value binary_focal_with_logits(const Operand& logits, const Operand& targets, const FocalOptions& options) {
  expect_option(options.gamma >= 0.0, "binary_focal", "gamma >= 0", options.gamma, logits);
  expect_option(options.alpha >= 0.0 && options.alpha <= 1.0, "binary_focal", "alpha in [0, 1]",
                options.alpha, logits);
  const Pair in("binary_focal", logits, targets);
  return mean_of_each(Focal(in.x, in.t, options).value());
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
  return mean_of_each(0.5 * square(near) + delta * relu(e - delta));
}

Value log_cosh(const Operand& predictions, const Operand& targets) {
  const Pair in("log_cosh", predictions, targets);
  const Value e = in.x - in.t;
  const Value size = abs(e);
  // With u = tanh(e), cosh(e)^2 is 1 / (1 - u^2).
  const Value near = -0.5 * log_of_one_plus(-square(tanh(minimum(size, 1.0))));
  const Value y = where(size < 1.0, near, size + softplus(-2.0 * size) - std::numbers::ln2);
  return mean_of_each(custom_gradient(y, {&e, 1}, [](const GradientArgs& args) {
    return std::vector{args.output_gradients[0] * tanh(args.inputs[0])};
  }));
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
  return mean_of_each(rate_less(exp(in.x), share_of(in.t, in.x)));
}

Value poisson_of_rates(const Operand& rates, const Operand& targets) {
  const Pair in("poisson", rates, targets);
  return mean_of_each(rate_less(in.x, in.t * log(in.x + kPoissonEpsilon)));
}

Value gaussian_negative_log_likelihood(const Operand& predictions, const Operand& variances,
                                       const Operand& targets, const GaussianOptions& options) {
  expect_option(options.epsilon > 0.0, "gaussian_negative_log_likelihood", "epsilon > 0", options.epsilon,
                predictions);
  const Pair in("gaussian_negative_log_likelihood", predictions, targets);
  const Value given = variances.value("gaussian_negative_log_likelihood");
  expect_same_type("gaussian_negative_log_likelihood", predictions, given, "variances");
  const Value v = custom_gradient(maximum(given, options.epsilon), {&given, 1}, [](const GradientArgs& args) {
    return std::vector{args.output_gradients[0]};
  });
  const double constant = options.full ? 0.5 * std::log(2.0 * std::numbers::pi) : 0.0;
  return mean_of_each(0.5 * (log(v) + square(in.x - in.t) / v) + constant);
}

Value dice(const Operand& probabilities, const Operand& targets, const DiceOptions& options) {
  expect_option(options.smoothing >= 0.0, "dice", "smoothing >= 0", options.smoothing, probabilities);
  const Pair in("dice", probabilities, targets);
  const auto size = [&](const Value& x) { return sum_of_each(options.squared ? square(x) : x); };
  const Value both = 2.0 * sum_of_each(in.x * in.t) + options.smoothing;
  return 1.0 - both / (size(in.x) + size(in.t) + options.smoothing);
}

Value mean_absolute_relative_error(const Operand& predictions, const Operand& targets) {
  const Pair in("mean_absolute_relative_error", predictions, targets);
  return mean_of_each(abs(in.x - in.t) / maximum(abs(in.t), 1e-7));
}

Value mean_squared_logarithmic_error(const Operand& predictions, const Operand& targets) {
  const Pair in("mean_squared_logarithmic_error", predictions, targets);
  return mean_of_each(square(log1p(in.x) - log1p(in.t)));
}

Value soft_margin(const Operand& scores, const Operand& targets) {
  const Pair in("soft_margin", scores, targets);
  return mean_of_each(softplus(-in.t * in.x));
}

Value hinge_embedding(const Operand& distances, const Operand& targets, double margin) {
  const Pair in("hinge_embedding", distances, targets);
  return mean_of_each(where(in.t > 0.0, in.x, relu(margin - in.x)));
}

Value margin_ranking(const Operand& a, const Operand& b, const Operand& targets, double margin) {
  const Pair in("margin_ranking", a, b);
  const Value order = targets.value("margin_ranking");
  expect_same_type("margin_ranking", a, order, "targets");
  return mean_of_each(relu(margin - order * (in.x - in.t)));
}

Value multi_label_margin(const Operand& scores, const Operand& targets) {
  const Pair in("multi_label_margin", scores, targets);
  const auto classes = static_cast<double>(last_dim(in.x).size());
  const Value pairs = expand_dims(in.t, 2) * expand_dims(1.0 - in.t, 1);
  return sum(pairs * relu(1.0 - expand_dims(in.x, 2) + expand_dims(in.x, 1)), {1, 2}) / classes;
}

Value infogain(const Operand& probabilities, const Operand& labels, const Value& gain) {
  const Value p = probabilities.value("infogain");
  const Value classes = labels.value("infogain");
  const Scope origin(p.graph(), "infogain", probabilities.where());
  expect_labels("infogain", p, classes, probabilities.where());
  return -sum(share_of(gather(gain, classes), bounded_log(p)), {-1});
}

Value triplet_margin(const Operand& anchors, const Operand& positives, const Operand& negatives,
                     const TripletOptions& options) {
  const Pair in("triplet_margin", anchors, positives);
  const Value other = negatives.value("triplet_margin");
  expect_same_type("triplet_margin", anchors, other, "negatives");
  const auto distance = [](const Value& a, const Value& b) { return norm(a - b, {-1}); };
  const Value apart =
      options.swap ? minimum(distance(in.x, other), distance(in.t, other)) : distance(in.x, other);
  return relu(distance(in.x, in.t) - apart + options.margin);
}

Value contrastive(const Operand& a, const Operand& b, const Operand& same, double margin) {
  const Pair in("contrastive", a, b);
  const Value together = same.value("contrastive");
  const Value distance = norm(in.x - in.t, {-1});
  if (together.type() != distance.type()) {
    throw Error(ErrorCode::shape_mismatch, "there must be a number for each pair",
                {.op = "contrastive",
                 .expected = to_string(distance.type()),
                 .actual = to_string(together.type()),
                 .where = to_string(a.where())});
  }
  return 0.5 * (together * square(distance) + (1.0 - together) * square(relu(margin - distance)));
}

Value cosine(const Operand& predictions, const Operand& targets) {
  const Pair in("cosine", predictions, targets);
  // Each vector is scaled to length 1 first, so that neither squares nor products overflow.
  const auto direction = [](const Value& x) {
    return scale_widely(x, 1.0 / sqrt(square(wide_norm(x, {-1}, true)) + kCosineEpsilon));
  };
  return 1.0 - sum(direction(in.x) * direction(in.t), {-1});
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
    const Value of_class = is_index(options.targets.dtype())
                               ? gather(options.class_weights, options.targets)
                               : sum(options.targets * options.class_weights, {-1});
    expect_fit(of_class, "the class weights at the targets");
    weights = weights.has_value() ? weights * of_class : of_class;
  }
  const bool is_mean = options.reduction == Reduction::mean;
  if (!weights.has_value()) {
    const Value count = apply(Count{.axes = {}, .dtype = each.dtype()}, each);
    return is_mean ? where(equal(count, 0.0), 0.0, mean(each)) : sum(each);
  }
  weights = stop_gradient(weights);
  const Value total = sum(share_of(weights, each));
  if (!is_mean) return total;
  const Value whole = sum(weights);
  return total / where(equal(whole, 0.0), 1.0, whole);
}

}  // namespace weft::losses
