#include "weft/ops/loss.h"

#include <fmt/format.h>

#include "weft/ops/compare.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"

namespace weft {
namespace {

/// [...] -> [..., 1]
Value as_column(const Value& x) {
  std::vector<Dim> dims = x.shape().dims();
  dims.emplace_back(1);
  return reshape(x, Shape(std::move(dims)));
}

template <typename T>
void forward_rows(const KernelArgs& args) {
  const auto logits = args.inputs[0].as<const T>();
  const auto loss = args.outputs[0].as<T>();
  const auto probabilities = args.outputs[1].as<T>();
  const std::int64_t classes = args.inputs[0].sizes.back();
  for (std::size_t row = 0; row < loss.size(); ++row) {
    const auto start = row * static_cast<std::size_t>(classes);
    const auto x = logits.subspan(start, static_cast<std::size_t>(classes));
    const RowExponentials found = exponentials_of(x);
    const auto above = [&](std::int64_t i) {
      return static_cast<double>(x[static_cast<std::size_t>(i)]) - found.largest;
    };
    loss[row] =
        static_cast<T>(found.log_sum() - above(index_at(args.inputs[1], static_cast<std::int64_t>(row))));
    for (std::int64_t i = 0; i < classes; ++i) {
      probabilities[start + static_cast<std::size_t>(i)] =
          static_cast<T>(std::exp(above(i)) / (1.0 + found.others));
    }
  }
}

template <typename T>
void subtract_labels(const KernelArgs& args) {
  const auto p = args.inputs[0].as<const T>();
  const auto y = args.outputs[0].as<T>();
  const std::int64_t classes = args.inputs[0].sizes.back();
  for (std::int64_t row = 0; row < args.inputs[1].elements; ++row) {
    const std::int64_t start = row * classes;
    const std::int64_t at = start + index_at(args.inputs[1], row);
    double others = 0.0;
    for (std::int64_t i = start; i < start + classes; ++i) {
      const T probability = p[static_cast<std::size_t>(i)];
      if (i != at) others += static_cast<double>(probability);
      y[static_cast<std::size_t>(i)] = probability;
    }
    y[static_cast<std::size_t>(at)] = static_cast<T>(-others);
  }
}

}  // namespace

std::array<TensorType, 2> SoftmaxCrossEntropy::infer(const TensorType& logits,
                                                     const TensorType& labels) const {
  normalized_type(logits);
  if (!is_index(labels.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "labels must be integers",
                {.expected = std::string(kIndexDTypes), .actual = to_string(labels)});
  }
  const Shape rows(std::vector<Dim>(logits.shape.begin(), logits.shape.end() - 1));
  if (labels.shape != rows) {
    throw Error(ErrorCode::shape_mismatch, "there must be one label for each row of logits",
                {.expected = fmt::format("labels {}", to_string(rows)), .actual = to_string(labels.shape)});
  }
  return {TensorType{logits.dtype, rows}, logits};
}

void SoftmaxCrossEntropy::forward(const KernelArgs& args) const {
  check_indices(args.inputs[1], args.inputs[0].sizes.back(), "label");
  visit_float(args.inputs[0].dtype, [&]<typename T>(T) { forward_rows<T>(args); });
}

std::vector<Value> SoftmaxCrossEntropy::gradient(const GradientArgs& args) const {
  const Value p = args.outputs[1];
  Value gradient;
  if (const Value dloss = args.output_gradients[0]; dloss.has_value()) {
    gradient = apply(LabelDifference{}, p, args.inputs[1]) * as_column(dloss);
  }
  if (const Value dp = args.output_gradients[1]; dp.has_value()) {
    const Value through = apply(SoftmaxGradient{}, p, dp);
    gradient = gradient.has_value() ? gradient + through : through;
  }
  return {gradient, Value()};
}

TensorType LabelDifference::infer(const TensorType& probabilities, const TensorType& labels) const {
  return SoftmaxCrossEntropy{}.infer(probabilities, labels)[1];
}

void LabelDifference::forward(const KernelArgs& args) const {
  check_indices(args.inputs[1], args.inputs[0].sizes.back(), "label");
  visit_float(args.inputs[0].dtype, [&]<typename T>(T) { subtract_labels<T>(args); });
}

std::array<Value, 2> LabelDifference::gradient(Value probabilities, Value labels, Value, Value dy) const {
  const Dim& classes = probabilities.shape()[probabilities.shape().rank() - 1];
  const Value here = one_hot(labels, classes.size(), probabilities.dtype()) > 0.0;
  return {where(here, 0.0, dy - sum(where(here, dy, 0.0), {-1}, true)), Value()};
}

Value softmax_cross_entropy(const Operand& logits, const Operand& labels) {
  return apply(SoftmaxCrossEntropy{}, logits, labels);
}

template detail::Model detail::model_of(SoftmaxCrossEntropy);
template detail::Model detail::model_of(LabelDifference);

}  // namespace weft
