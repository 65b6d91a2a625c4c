#include "weft/frontends/label_losses.h"

#include <fmt/format.h>

#include <cmath>

#include "weft/graph/located.h"
#include "weft/ops/activation.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rounding.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::losses {
namespace {

constexpr double kNoLogit = -1e30;

void expect_sampled(std::string_view loss, const Value& x, const Value& weights, const Value& biases,
                    const Value& labels, const SampledOptions& options) {
  expect_value(weights, loss, "the weights", {});
  expect_value(biases, loss, "the biases", {});
  const bool dtypes = is_float(x.dtype()) && weights.dtype() == x.dtype() && biases.dtype() == x.dtype() &&
                      is_index(labels.dtype());
  const bool shapes = x.shape().rank() == 2 && weights.shape().rank() == 2 && biases.shape().rank() == 1 &&
                      weights.shape()[1] == x.shape()[1] && weights.shape()[0] == biases.shape()[0] &&
                      weights.shape()[0].is_number() && labels.shape() == Shape{x.shape()[0]};
  if (dtypes && shapes && options.samples >= 1) return;
  if (dtypes && shapes) {
    throw Error(ErrorCode::invalid_argument, "classes must be drawn",
                {.expected = "samples >= 1", .actual = std::to_string(options.samples)});
  }
  throw Error(dtypes ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
              "the loss takes x, weights, biases and integer labels",
              {.expected = "[batch, features], [classes, features], [classes] and [batch]",
               .actual = fmt::format("{}, {}, {} and {}", to_string(x.type()), to_string(weights.type()),
                                     to_string(biases.type()), to_string(labels.type()))});
}

/// What the losses of drawn classes are made of.
class Drawn {
 public:
  Drawn(const Value& x, const Value& weights, const Value& biases, const Value& labels,
        const SampledOptions& options)
      : classes_(static_cast<double>(weights.shape()[0].size())), by_rank_(options.log_uniform) {
    Graph& graph = x.graph();
    const Value u = random_uniform(graph, f64, {options.samples}, 0.0, 1.0);
    const Value place = by_rank_ ? exp(u * std::log(classes_ + 1.0)) - 1.0 : u * classes_;
    const Value drawn = cast(clip(floor(place), 0.0, classes_ - 1.0), i64);
    const Value truth = cast(labels, i64);
    right = sum(gather(weights, truth) * x, {-1}) + gather(biases, truth) - log_chance(truth, x.dtype());
    others =
        matmul(x, gather(weights, drawn), false, true) + gather(biases, drawn) - log_chance(drawn, x.dtype());
    same = equal(expand_dims(truth, -1), drawn);
  }

  Value right;   // [batch]: the label's logit less the logarithm of its chance to be drawn
  Value others;  // [batch, samples]
  Value same;    // bool: which of them are the label

 private:
  /// The logarithm of the probability that one draw gives a class.
  Value log_chance(const Value& classes, DType dtype) const {
    const Value c = cast(classes, f64);
    if (!by_rank_) return cast(0.0 * c - std::log(classes_), dtype);
    return cast(log(log1p(1.0 / (c + 1.0)) / std::log(classes_ + 1.0)), dtype);
  }

  double classes_;
  bool by_rank_;
};

/// The loss that a formula makes of the logits of the labels and of classes that are drawn.
template <typename Formula>
Value sampled_loss(std::string_view name, const Operand& x, const Value& weights, const Value& biases,
                   const Operand& labels, const SampledOptions& options, const Formula& formula) {
  return located(name, x.where(), [&] {
    const Value rows = x.value(name);
    const Value truth = labels.value(name);
    expect_sampled(name, rows, weights, biases, truth, options);
    const Scope origin(rows.graph(), name, x.where());
    return formula(Drawn(rows, weights, biases, truth, options));
  });
}

}  // namespace

Counted ignoring(const Operand& labels, std::int64_t ignored, DType dtype) {
  return located("ignoring", labels.where(), [&] {
    const Value truth = labels.value("ignoring");
    if (!is_index(truth.dtype())) {
      throw Error(ErrorCode::dtype_mismatch, "labels are the numbers of classes",
                  {.expected = std::string(kIndexDTypes), .actual = to_string(truth.type())});
    }
    const Scope origin(truth.graph(), "ignoring", labels.where());
    const Value wide = cast(truth, i64);
    const Value off = equal(wide, constant(truth.graph(), ignored, i64));
    return Counted{.labels = where(off, constant(truth.graph(), 0, i64), wide),
                   .weights = cast(logical_not(off), dtype)};
  });
}

Value sampled_softmax(const Operand& x, const Value& weights, const Value& biases, const Operand& labels,
                      const SampledOptions& options) {
  return sampled_loss("sampled_softmax", x, weights, biases, labels, options, [](const Drawn& drawn) {
    const Value right = expand_dims(drawn.right, -1);
    const Value others = where(drawn.same, kNoLogit, drawn.others);
    return logsumexp(concat({right, others}, -1), {-1}) - drawn.right;
  });
}

Value noise_contrastive(const Operand& x, const Value& weights, const Value& biases, const Operand& labels,
                        const SampledOptions& options) {
  return sampled_loss("noise_contrastive", x, weights, biases, labels, options, [&](const Drawn& drawn) {
    const double times = std::log(static_cast<double>(options.samples));
    return softplus(times - drawn.right) + sum(softplus(drawn.others - times), {-1});
  });
}

Value center(const Operand& x, const Value& centers, const Operand& labels) {
  return located("center", x.where(), [&] {
    const Value rows = x.value("center");
    expect_value(centers, "center", "the centers", x.where());
    const Scope origin(rows.graph(), "center", x.where());
    const Value near = gather(centers, labels);
    if (near.type() != rows.type()) {
      throw Error(ErrorCode::shape_mismatch, "each sample has the center of its label",
                  {.expected = to_string(rows.type()), .actual = to_string(near.type())});
    }
    return 0.5 * sum(square(rows - near), {-1});
  });
}

}  // namespace weft::losses
