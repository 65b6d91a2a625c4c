// Quantized numbers q stand for (q - zero point) * scale. Products of integers are made in f64, where they
// are exact.

#include <array>
#include <limits>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/frontends/onnx/windows.h"
#include "weft/graph/error.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/folds.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rounding.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

/// The smallest and the largest number of an integer dtype.
std::array<double, 2> bounds_of(DType dtype) {
  return visit_dtype(dtype, [&]<typename T>(T) -> std::array<double, 2> {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      return {static_cast<double>(std::numeric_limits<T>::lowest()),
              static_cast<double>(std::numeric_limits<T>::max())};
    }
    throw Error(ErrorCode::dtype_mismatch, "quantized numbers are integers");
  });
}

Value saturated(const Value& x, DType dtype) {
  const auto [low, high] = bounds_of(dtype);
  return cast(clip(x, low, high), dtype);
}

/// Input `i` of one number for each place along an axis, or of one number.
Value per_axis(const NodeView& node, std::size_t i, std::int64_t axis, std::size_t rank) {
  const Value x = node.value(i);
  return x.shape().rank() == 1 && !x.shape()[0].is(1) ? along_axis(x, axis, rank) : reshape(x, Shape{});
}

Items quantize_rule(const NodeView& node) {
  node.ignore({"saturate"});
  const Value x = node.value(0);
  const std::size_t rank = x.shape().rank();
  const std::int64_t axis = rank == 0 ? 0 : node.integer("axis", 1);
  const auto place = [&](std::size_t i) {
    const bool is_vector = node.value(i).shape().rank() == 1 && !node.value(i).shape()[0].is(1);
    return per_axis(node, i, is_vector ? positive_axis(axis, rank) : 0, rank);
  };
  const Value wide = is_float(x.dtype()) ? x : cast(x, f32);
  const Value scaled = round(wide / cast(place(1), wide.dtype()));
  if (!node.has(2)) return saturated(scaled, DType::u8);
  return saturated(scaled + cast(place(2), wide.dtype()), node.value(2).dtype());
}

Items dequantize_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::size_t rank = x.shape().rank();
  const std::int64_t axis = rank == 0 ? 0 : node.integer("axis", 1);
  const Value scale = node.value(1);
  const auto place = [&](std::size_t i) {
    const bool is_vector = node.value(i).shape().rank() == 1 && !node.value(i).shape()[0].is(1);
    return per_axis(node, i, is_vector ? positive_axis(axis, rank) : 0, rank);
  };
  const Value wide = cast(x, scale.dtype());
  return (node.has(2) ? wide - cast(place(2), scale.dtype()) : wide) * place(1);
}

/// The scale and the zero point that cover the numbers of x and 0.
Items dynamic_quantize_rule(const NodeView& node) {
  const Value x = node.value(0);
  const Value low = minimum(min(x), 0.0);
  const Value high = maximum(max(x), 0.0);
  const Value scale = (high - low) / 255.0;
  const Value zero = round(clip(neg(low) / scale, 0.0, 255.0));
  const Value y = saturated(round(x / scale) + zero, DType::u8);
  return std::vector<Value>{y, scale, cast(zero, DType::u8)};
}

/// Input `i` in f64 less its zero point, input `zero`, whose numbers, if several, stand along an axis.
Value centred(const NodeView& node, std::size_t i, std::size_t zero, std::int64_t axis) {
  const Value x = cast(node.value(i), f64);
  if (!node.has(zero)) return x;
  const std::size_t rank = x.shape().rank();
  return x - cast(per_axis(node, zero, axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis, rank), f64);
}

Items matmul_integer_rule(const NodeView& node) {
  return cast(any_matmul(centred(node, 0, 2, -2), centred(node, 1, 3, -1)), i32);
}

Items conv_integer_rule(const NodeView& node) {
  return cast(conv_of(node, centred(node, 0, 2, 1), centred(node, 1, 3, 0)), i32);
}

/// A product of quantized numbers, quantized by inputs 6 and 7: the inputs' scales are 1 and 4.
Items requantized(const NodeView& node, const Value& product, std::int64_t axis) {
  const std::size_t rank = product.shape().rank();
  const auto at = [&](std::size_t i) { return cast(per_axis(node, i, axis, rank), f64); };
  const Value scaled = round(product * (at(1) * at(4) / at(6)));
  return saturated(scaled + at(7), node.value(7).dtype());
}

Items qlinear_matmul_rule(const NodeView& node) {
  const Value product = any_matmul(centred(node, 0, 2, -2), centred(node, 3, 5, -1));
  return requantized(node, product, static_cast<std::int64_t>(product.shape().rank()) - 1);
}

Items qlinear_conv_rule(const NodeView& node) {
  Value product = conv_of(node, centred(node, 0, 2, 1), centred(node, 3, 5, 0));
  if (node.has(8)) product = product + along_axis(cast(node.value(8), f64), 1, product.shape().rank());
  return requantized(node, product, 1);
}

constexpr std::array kQuantization{
    RuleEntry{"ConvInteger", conv_integer_rule},
    RuleEntry{"DequantizeLinear", dequantize_rule},
    RuleEntry{"DynamicQuantizeLinear", dynamic_quantize_rule},
    RuleEntry{"MatMulInteger", matmul_integer_rule},
    RuleEntry{"QLinearConv", qlinear_conv_rule},
    RuleEntry{"QLinearMatMul", qlinear_matmul_rule},
    RuleEntry{"QuantizeLinear", quantize_rule},
};

}  // namespace

std::span<const RuleEntry> quantization_rules() { return kQuantization; }

}  // namespace weft::onnx
