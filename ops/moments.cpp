#include "weft/ops/moments.h"

#include <cmath>

#include "weft/ops/compare.h"
#include "weft/ops/layout.h"

namespace weft {
namespace {

TensorType kept_type(const TensorType& x, const Axes& axes) {
  return reduced_type(float_type(x), axes, true);
}

template <typename T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

template <typename T>
void find_moments(const KernelArgs& args, const Axes& axes) {
  const auto x = args.inputs[0].as<const T>();
  const auto mean = args.outputs[0].as<T>();
  const auto deviation = args.outputs[1].as<double>();
  const std::size_t count = mean.empty() ? 0 : x.size() / mean.size();
  const auto divisor = static_cast<Wide<T>>(std::max<std::size_t>(count, 1));
  std::vector<Wide<T>> means(mean.size(), 0);
  for_each_reduced(args.inputs[0].sizes, axes,
                   [&](std::size_t in, std::size_t out) { means[out] += static_cast<Wide<T>>(x[in]); });
  for (Wide<T>& sum : means) sum /= divisor;
  std::vector<Wide<T>> squares(mean.size(), 0);
  for_each_reduced(args.inputs[0].sizes, axes, [&](std::size_t in, std::size_t out) {
    const Wide<T> gap = static_cast<Wide<T>>(x[in]) - means[out];
    squares[out] += gap * gap;
  });
  for (std::size_t i = 0; i < mean.size(); ++i) {
    mean[i] = static_cast<T>(means[i]);
    deviation[i] = static_cast<double>(std::sqrt(squares[i] / divisor));
  }
}

template <typename T>
void find_sums(const KernelArgs& args, const Axes& axes) {
  const auto y = args.inputs[0].as<const T>();
  const auto x = args.inputs[1].as<const T>();
  const auto mean = args.inputs[2].as<const T>();
  std::vector<Wide<T>> sums(mean.size(), 0);
  std::vector<Wide<T>> products(mean.size(), 0);
  for_each_reduced(args.inputs[0].sizes, axes, [&](std::size_t in, std::size_t out) {
    const Wide<T> factor = static_cast<Wide<T>>(y[in]);
    sums[out] += factor;
    products[out] += factor * (static_cast<Wide<T>>(x[in]) - static_cast<Wide<T>>(mean[out]));
  });
  for (std::size_t i = 0; i < mean.size(); ++i) {
    args.outputs[0].as<T>()[i] = static_cast<T>(sums[i]);
    args.outputs[1].as<double>()[i] = static_cast<double>(products[i]);
  }
}

Value sum_of(const Value& a, const Value& b) {
  if (!a.has_value()) return b;
  return b.has_value() ? a + b : a;
}

}  // namespace

std::array<TensorType, 2> Moments::infer(const TensorType& x) const {
  const TensorType mean = kept_type(x, axes);
  return {mean, {DType::f64, mean.shape}};
}
void Moments::forward(const KernelArgs& args) const {
  visit_float(args.inputs[0].dtype, [&]<typename T>(T) { find_moments<T>(args, axes); });
}
std::vector<Value> Moments::gradient(const GradientArgs& args) const {
  const Value x = args.inputs[0];
  const Value mean = args.outputs[0];
  const Value deviation = args.outputs[1];
  const Value count = apply(Count{.axes = axes, .dtype = f64}, x);
  Value gradient;
  if (const Value slope = args.output_gradients[0]; slope.has_value())
    gradient = broadcast_to(slope / cast(count, x.dtype()), x.shape());
  if (const Value slope = args.output_gradients[1]; slope.has_value()) {
    const Value none = equal(deviation, 0.0);
    const Value factor = where(none, 0.0, slope / (count * where(none, 1.0, deviation)));
    gradient = sum_of(gradient, (x - mean) * cast(factor, x.dtype()));
  }
  return {gradient};
}

std::array<TensorType, 2> CentredSums::infer(const TensorType& y, const TensorType& x,
                                             const TensorType& mean) const {
  const TensorType sums = kept_type(x, axes);
  if (y != x) {
    throw Error(ErrorCode::shape_mismatch, "both factors must have one type",
                {.expected = to_string(x), .actual = to_string(y)});
  }
  if (mean != sums) {
    throw Error(ErrorCode::shape_mismatch, "the mean must have the axes that are summed over, with size 1",
                {.expected = to_string(sums), .actual = to_string(mean)});
  }
  return {sums, {DType::f64, sums.shape}};
}
void CentredSums::forward(const KernelArgs& args) const {
  visit_float(args.inputs[0].dtype, [&]<typename T>(T) { find_sums<T>(args, axes); });
}
std::vector<Value> CentredSums::gradient(const GradientArgs& args) const {
  const Value y = args.inputs[0];
  const Value x = args.inputs[1];
  const Value mean = args.inputs[2];
  Value dy;
  Value dx;
  Value dmean;
  if (const Value slope = args.output_gradients[0]; slope.has_value()) dy = broadcast_to(slope, y.shape());
  if (args.output_gradients[1].has_value()) {
    const Value slope = cast(args.output_gradients[1], x.dtype());
    dy = sum_of(dy, (x - mean) * slope);
    dx = y * slope;
    dmean = -(slope * args.outputs[0]);
  }
  return {dy, dx, dmean};
}

MomentsOf moments(const Operand& x, const Axes& axes) {
  const Value mean = apply(Moments{.axes = axes}, x);
  return {.mean = mean, .deviation = mean.graph().value({mean.node(), 1})};
}

template detail::Model detail::model_of(Moments);
template detail::Model detail::model_of(CentredSums);

}  // namespace weft
