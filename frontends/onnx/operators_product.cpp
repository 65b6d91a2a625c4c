#include <algorithm>
#include <array>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/frontends/onnx/windows.h"
#include "weft/graph/error.h"
#include "weft/ops/conv.h"
#include "weft/ops/einsum.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/linalg.h"
#include "weft/ops/matmul.h"
#include "weft/ops/structure.h"

namespace weft::onnx {

Value any_matmul(const Value& a, const Value& b) {
  if (a.shape().is_scalar() || b.shape().is_scalar())
    throw Error(ErrorCode::shape_mismatch, "a product takes vectors or matrices");
  if (!is_float(a.dtype())) return cast(any_matmul(cast(a, f64), cast(b, f64)), a.dtype());
  const bool row = a.shape().rank() == 1;
  const bool column = b.shape().rank() == 1;
  Value product = matmul(row ? expand_dims(a, 0) : a, column ? expand_dims(b, 1) : b);
  const auto rank = static_cast<std::int64_t>(product.shape().rank());
  if (column) product = squeeze(product, rank - 1);
  if (row) product = squeeze(product, rank - 2);
  return product;
}

namespace {

Items matmul_rule(const NodeView& node) { return any_matmul(node.value(0), node.value(1)); }

Items gemm_rule(const NodeView& node) {
  node.ignore({"broadcast"});  // before version 7 the sum broadcasts where this says so
  const Value a = node.value(0);
  const Value b = node.value(1);
  const double alpha = node.number("alpha", 1.0);
  const double beta = node.number("beta", 1.0);
  const bool transpose_a = node.integer("transA", 0) != 0;
  const bool transpose_b = node.integer("transB", 0) != 0;
  Value y = in_floats(a, [&](const Value& u) {
    const Value product = matmul(u, cast(b, u.dtype()), transpose_a, transpose_b);
    return alpha == 1.0 ? product : product * alpha;
  });
  if (!node.has(2)) return y;
  const Value c = node.value(2);
  return y + (beta == 1.0 ? c : in_floats(c, [&](const Value& u) { return u * beta; }));
}

Items einsum_rule(const NodeView& node) {
  const std::vector<Value> operands = node.values();
  return einsum(node.text("equation", ""), operands);
}

Items det_rule(const NodeView& node) { return det(node.value(0)); }

template <std::size_t Axes>
Value convolve(const Value& x, const Value& w, const Windows& windows, std::int64_t groups) {
  const auto options = conv_options<Axes>(windows, groups);
  if constexpr (Axes == 1) return conv1d(x, w, options);
  if constexpr (Axes == 2) return conv2d(x, w, options);
  if constexpr (Axes == 3) return conv3d(x, w, options);
}

template <std::size_t Axes>
Value convolve_transposed(const Value& x, const Value& w, const Windows& windows, std::int64_t groups,
                          const std::vector<std::int64_t>& output_padding) {
  ConvTransposeOptions<Axes> options;
  static_cast<ConvOptions<Axes>&>(options) = conv_options<Axes>(windows, groups);
  options.output_padding = window_size<Axes>(output_padding);
  if constexpr (Axes == 1) return conv_transpose1d(x, w, options);
  if constexpr (Axes == 2) return conv_transpose2d(x, w, options);
  if constexpr (Axes == 3) return conv_transpose3d(x, w, options);
}

/// y plus a bias for each channel.
Value with_bias(const NodeView& node, const Value& y, std::size_t i) {
  return node.has(i) ? y + along_axis(node.value(i), 1, y.shape().rank()) : y;
}

Items conv_rule(const NodeView& node) {
  return with_bias(node, conv_of(node, node.value(0), node.value(1)), 2);
}

/// The paddings by which the result has these sizes; the odd element is at the beginning, or at the
/// end for SAME_UPPER.
void pad_to_output(const NodeView& node, const Value& x, Windows& windows,
                   const std::vector<std::int64_t>& output_padding, const std::vector<std::int64_t>& sizes) {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Dim& size = x.shape()[i + 2];
    if (!size.is_number()) node.refuse("its padding depends on a size that is only known in a run");
    const auto is_small = [](std::int64_t number) {
      return number >= 0 && number <= (std::int64_t{1} << 31U);
    };
    if (!is_small(output_padding[i]) || !is_small(sizes[i]))
      throw Error(ErrorCode::invalid_argument, "its output sizes are out of bounds");
    const std::int64_t reach = (windows.window[i] - 1) * windows.dilation[i] + 1;
    const std::int64_t total =
        windows.stride[i] * (window_extent(size) - 1) + output_padding[i] + reach - sizes[i];
    const std::int64_t half = total / 2;
    windows.before[i] = windows.auto_pad == "SAME_UPPER" ? half : total - half;
    if (total < 0) windows.before[i] = 0;  // zeros are added at the end
    windows.after[i] = total - windows.before[i];
  }
}

/// A transposed convolution with paddings below 0 is one without, and zeros around it.
Value with_negative_padding(const Value& y, const std::vector<std::int64_t>& before,
                            const std::vector<std::int64_t>& after) {
  PadWidths widths;
  bool any = false;
  for (std::size_t i = 0; i < before.size(); ++i) {
    widths.emplace_back(std::max<std::int64_t>(0, -before[i]), std::max<std::int64_t>(0, -after[i]));
    any = any || before[i] < 0 || after[i] < 0;
  }
  return any ? pad(y, widths) : y;
}

Items conv_transpose_rule(const NodeView& node) {
  const Value x = node.value(0);
  const Value w = node.value(1);
  Windows windows = windows_of(node, x, kernel_sizes(node, w));
  const std::size_t axes = windows.axes();
  const auto output_padding = node.integers("output_padding", std::vector<std::int64_t>(axes, 0));
  if (output_padding.size() != axes)
    throw Error(ErrorCode::invalid_argument, "its output padding has other axes");
  std::vector<std::int64_t> sizes = node.integers("output_shape");
  if (sizes.size() == axes + 2) sizes.erase(sizes.begin(), sizes.begin() + 2);
  if (sizes.empty() && windows.is_same()) {
    for (std::size_t i = 0; i < axes; ++i) {
      if (!x.shape()[i + 2].is_number())
        node.refuse("its padding depends on a size that is only known in a run");
      sizes.push_back(window_extent(x.shape()[i + 2]) * windows.stride[i]);
    }
  }
  if (!sizes.empty()) pad_to_output(node, x, windows, output_padding, sizes);
  const std::int64_t groups = node.integer("group", 1);
  Windows natural = windows;
  for (std::size_t i = 0; i < axes; ++i) {
    natural.before[i] = std::max<std::int64_t>(0, windows.before[i]);
    natural.after[i] = std::max<std::int64_t>(0, windows.after[i]);
  }
  Value y;
  if (axes == 1) y = convolve_transposed<1>(x, w, natural, groups, output_padding);
  if (axes == 2) y = convolve_transposed<2>(x, w, natural, groups, output_padding);
  if (axes == 3) y = convolve_transposed<3>(x, w, natural, groups, output_padding);
  return with_bias(node, with_negative_padding(y, windows.before, windows.after), 2);
}

constexpr std::array kProducts{
    RuleEntry{"Conv", conv_rule}, RuleEntry{"ConvTranspose", conv_transpose_rule},
    RuleEntry{"Det", det_rule},   RuleEntry{"Einsum", einsum_rule},
    RuleEntry{"Gemm", gemm_rule}, RuleEntry{"MatMul", matmul_rule},
};

/// Whether weights of pictures are there for a symbol's worth of channels, as the gradient of a convolution's
/// weights sums over a batch.
bool sums_over_symbol(const Value& x, const Value& w) {
  const auto is_picture = [](const Value& u) {
    return u.shape().rank() == 4 && u.shape()[2].is_number() && u.shape()[3].is_number();
  };
  return is_picture(x) && is_picture(w) && !w.shape()[1].is_number() && x.shape()[1] == w.shape()[1] &&
         x.shape()[0].is_number() && w.shape()[0].is_number();
}

/// The convolution of x [c, n, ...] with w [o, n, ...] as the gradient, for weights [o, c, ...], of the
/// convolution that has strides for dilations and the reverse.
Value convolve_over_symbol(const NodeView& node, const Value& x, const Value& w, Windows windows) {
  std::vector<Dim> shape{w.shape()[0], x.shape()[0]};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t size = x.shape()[i + 2].size();
    const WindowAxis axis{.window = windows.window[i],
                          .stride = windows.stride[i],
                          .dilation = windows.dilation[i],
                          .before = windows.before[i],
                          .after = windows.after[i]};
    shape.push_back(window_positions(axis, size, spatial_axis_name(i, 2)));
    const std::int64_t steps = (shape.back().size() - 1) * axis.stride;
    if (size + axis.before + axis.after - axis.reach() - steps >= axis.dilation)
      node.refuse("its weights have channels that only a run counts, and its windows do not reach the end");
  }
  std::swap(windows.stride, windows.dilation);
  const Value made = conv2d_weight_gradient(transpose(x, {1, 0, 2, 3}), transpose(w, {1, 0, 2, 3}),
                                            Shape(std::move(shape)), conv_options<2>(windows, 1));
  return transpose(made, {1, 0, 2, 3});
}

}  // namespace

Value conv_of(const NodeView& node, const Value& x, const Value& w) {
  if (node.integer("group", 1) == 1 && sums_over_symbol(x, w)) {
    const std::vector<std::int64_t> window{w.shape()[2].size(), w.shape()[3].size()};
    if (node.integers("kernel_shape", window) != window)
      throw Error(ErrorCode::shape_mismatch, "its kernel_shape is not that of its weights");
    return convolve_over_symbol(node, x, w, resolved(node, windows_of(node, x, window), x));
  }
  const Windows windows = resolved(node, windows_of(node, x, kernel_sizes(node, w)), x);
  const std::int64_t groups = node.integer("group", 1);
  switch (windows.axes()) {
    case 1:
      return convolve<1>(x, w, windows, groups);
    case 2:
      return convolve<2>(x, w, windows, groups);
    case 3:
      return convolve<3>(x, w, windows, groups);
    default:
      node.refuse("convolutions have one to three axes");
  }
}

std::span<const RuleEntry> product_rules() { return kProducts; }

}  // namespace weft::onnx
