#include "weft/ops/norm.h"

#include <cmath>

#include "weft/ops/compare.h"
#include "weft/ops/layout.h"

namespace weft {
namespace {

/// The type that holds squares without overflow: double for float, long double for double.
template <typename T>
void forward_typed(const KernelArgs& args, const Axes& axes) {
  using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;
  const auto x = args.inputs[0].as<const T>();
  std::vector<Wide> sums(static_cast<std::size_t>(args.outputs[0].elements), Wide{0});
  for_each_reduced(args.inputs[0].sizes, axes, [&](std::size_t in, std::size_t out) {
    sums[out] += static_cast<Wide>(x[in]) * static_cast<Wide>(x[in]);
  });
  visit_float(args.outputs[0].dtype, [&]<typename To>(To) {
    const auto y = args.outputs[0].as<To>();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<To>(std::sqrt(sums[i]));
  });
}

}  // namespace

TensorType Norm::infer(const TensorType& x) const {
  TensorType type = reduced_type(float_type(x), axes, keep_dims);
  if (wide) type.dtype = DType::f64;
  return type;
}

void Norm::forward(const KernelArgs& args) const {
  visit_float(args.inputs[0].dtype, [&]<typename T>(T) { forward_typed<T>(args, axes); });
}

// x / y is computed as x times the root of 1 / y, twice, since y may be too large for the dtype of x.
Value Norm::gradient(Value x, Value y, Value dy) const {
  const Shape kept = reduced_type(x.type(), axes, true).shape;
  const auto beside = [&](const Value& value) { return cast(reshape(value, kept), x.dtype()); };
  const Value none = equal(y, 0.0);
  const Value root = where(none, 0.0, 1.0 / sqrt(where(none, 1.0, y)));
  return x * beside(root) * beside(root * dy);
}

Value norm(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(Norm{.axes = axes, .keep_dims = keep_dims}, x);
}

Value wide_norm(const Operand& x, const Axes& axes, bool keep_dims) {
  return apply(Norm{.axes = axes, .keep_dims = keep_dims, .wide = true}, x);
}

Value variance(const Operand& x, const Axes& axes, bool keep_dims, double correction) {
  const Scope origin(x.value().graph(), "variance", x.where());
  const Value squares = mean(square(x.value() - mean(x, axes, true)), axes, keep_dims);
  if (correction == 0.0) return squares;
  const Value count = apply(Count{.axes = axes, .dtype = x.value().dtype()}, x);
  return squares / ((count - correction) / count);
}

Value standard_deviation(const Operand& x, const Axes& axes, bool keep_dims, double correction) {
  const Scope origin(x.value().graph(), "standard_deviation", x.where());
  const Value length = wide_norm(x.value() - mean(x, axes, true), axes, keep_dims);
  const Value count = apply(Count{.axes = axes, .dtype = DType::f64}, x);
  return cast(length / sqrt(correction == 0.0 ? count : count - correction), x.value().dtype());
}

Value scale_widely(const Operand& x, const Value& scale) {
  const Value root = cast(sqrt(scale), x.value().dtype());
  return x * root * root;
}

template detail::Model detail::model_of(Norm);

}  // namespace weft
