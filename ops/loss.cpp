#include "weft/ops/loss.h"

#include <fmt/format.h>

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
    const double norm = log_sum_exp(x);
    const std::int64_t label = index_at(args.inputs[1], static_cast<std::int64_t>(row));
    loss[row] = static_cast<T>(norm - static_cast<double>(x[static_cast<std::size_t>(label)]));
    for (std::size_t i = 0; i < x.size(); ++i) {
      probabilities[start + i] = static_cast<T>(std::exp(static_cast<double>(x[i]) - norm));
    }
  }
}

}  // namespace

std::array<TensorType, 2> SoftmaxCrossEntropy::infer(const TensorType& logits,
                                                     const TensorType& labels) const {
  normalized_type(logits);
  if (!is_integer(labels.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "labels must be integers",
                {.expected = "i32, i64 or u8", .actual = to_string(labels)});
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
  if (args.inputs[0].dtype == DType::f32) {
    forward_rows<float>(args);
  } else {
    forward_rows<double>(args);
  }
}

std::vector<Value> SoftmaxCrossEntropy::gradient(const GradientArgs& args) const {
  const Value logits = args.inputs[0];
  const Value p = args.outputs[1];
  Value gradient;
  if (const Value dloss = args.output_gradients[0]; dloss.has_value()) {
    const Dim& classes = logits.shape()[logits.shape().rank() - 1];
    gradient = (p - one_hot(args.inputs[1], classes.size(), logits.dtype())) * as_column(dloss);
  }
  if (const Value dp = args.output_gradients[1]; dp.has_value()) {
    const Value through = p * (dp - sum(dp * p, {-1}, true));
    gradient = gradient.has_value() ? gradient + through : through;
  }
  return {gradient, Value()};
}

Value softmax_cross_entropy(const Operand& logits, const Operand& labels) {
  return apply(SoftmaxCrossEntropy{}, logits, labels);
}

}  // namespace weft
