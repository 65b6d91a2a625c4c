// Convolutions, pooling, and their gradients. Every attribute is written, also where it has its default.

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/frontends/onnx/export_node.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/conv.h"
#include "weft/ops/pool.h"

namespace weft::onnx {
namespace {

using Numbers = std::vector<std::int64_t>;

template <typename Array>
Numbers list_of(const Array& numbers) {
  return {numbers.begin(), numbers.end()};
}

/// How windows slide, as operators say it.
struct Slide {
  Numbers kernel;
  Numbers stride;
  Numbers before;
  Numbers after;
  Numbers dilation;
  std::int64_t group = 1;

  Attributes attributes() const {
    Numbers pads = before;
    pads.insert(pads.end(), after.begin(), after.end());
    return {attr("dilations", dilation), attr("kernel_shape", kernel), attr("pads", pads),
            attr("strides", stride)};
  }
  Attributes with_group() const {
    Attributes made = attributes();
    made.push_back(attr("group", group));
    return made;
  }
};

/// The sizes after batch and channels.
Numbers spatial_sizes(ExportNode& n, const Shape& shape) {
  Numbers sizes;
  for (std::size_t i = 2; i < shape.rank(); ++i) {
    if (!shape[i].is_number()) n.refuse("the sizes of pictures must be numbers");
    sizes.push_back(shape[i].size());
  }
  return sizes;
}

template <typename Options>
Slide slide_of(const Options& options, Numbers kernel) {
  return {std::move(kernel), list_of(options.stride.values()), list_of(options.padding.before()),
          list_of(options.padding.after()), list_of(options.dilation.values())};
}

template <std::size_t Axes>
NameList export_conv(ExportNode& n, std::string_view) {
  const auto& op = n.op<Conv<Axes>>();
  Slide slide = slide_of(op, spatial_sizes(n, n.shape(1)));
  slide.group = op.groups;
  return {n.add("Conv", n.inputs(), slide.with_group())};
}

/// What no window reaches at the end of the result of a transposed convolution.
Numbers output_padding(const Slide& slide, const Numbers& from, const Numbers& to) {
  Numbers rest;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::int64_t reach = (slide.kernel[i] - 1) * slide.dilation[i] + 1;
    rest.push_back(to[i] - ((from[i] - 1) * slide.stride[i] + reach - slide.before[i] - slide.after[i]));
  }
  return rest;
}

template <std::size_t Axes>
NameList export_conv_input_gradient(ExportNode& n, std::string_view) {
  const auto& op = n.op<ConvInputGradient<Axes>>();
  Slide slide = slide_of(op, spatial_sizes(n, n.shape(1)));
  slide.group = op.groups;
  const Numbers from = spatial_sizes(n, n.shape(0));
  const Numbers to = spatial_sizes(n, op.shape);
  Attributes attributes = slide.with_group();
  attributes.push_back(attr("output_padding", output_padding(slide, from, to)));
  return {n.add("ConvTranspose", n.inputs(), std::move(attributes))};
}

/// dw[c, o] is a convolution of x[c, n] with dy[o, n] that has strides for dilations and the reverse. Groups
/// are side by side in the axis of samples.
template <std::size_t Axes>
NameList export_conv_weight_gradient(ExportNode& n, std::string_view) {
  const auto& op = n.op<ConvWeightGradient<Axes>>();
  Slide slide = slide_of(op, spatial_sizes(n, n.shape(1)));
  std::swap(slide.stride, slide.dilation);
  slide.group = op.groups;
  const Shape& x = n.shape(0);
  std::vector<Dim> grouped{x[0], op.groups, floor_div(x[1], op.groups)};
  Numbers inner{2, 1, 0};  // [channels of a group, groups, samples, ...]
  Numbers swapped{1, 0};
  std::vector<Dim> joined{grouped[2], x[0] * op.groups};
  Numbers axes;
  for (std::size_t i = 0; i < Axes; ++i) {
    const auto axis = static_cast<std::int64_t>(i) + 2;
    grouped.push_back(x[i + 2]);
    joined.push_back(x[i + 2]);
    inner.push_back(axis + 1);
    swapped.push_back(axis);
    axes.push_back(axis);
  }
  const std::string samples =
      n.reshape(n.transpose(n.reshape(n.in(0), Shape(grouped)), inner), Shape(joined));
  const std::string slopes = n.transpose(n.in(1), swapped);
  const std::string all = n.add("Conv", {samples, slopes}, slide.with_group());
  const std::string taps = n("Slice", all, n.ints(Numbers(Axes, 0)), n.ints(spatial_sizes(n, op.shape)),
                             n.ints(axes), n.ints(Numbers(Axes, 1)));
  return {n.transpose(taps, swapped)};
}

template <typename Options>
Slide pool_slide(const Options& op) {
  Slide slide = slide_of(op, list_of(op.window.values()));
  for (std::size_t i = 0; i < slide.stride.size(); ++i) {
    if (slide.stride[i] == 0) slide.stride[i] = slide.kernel[i];
  }
  return slide;
}

NameList export_max_pool(ExportNode& n, std::string_view) {
  const auto& op = n.op<MaxPool2d>();
  Attributes attributes = pool_slide(op).attributes();
  attributes.push_back(attr("ceil_mode", op.ceil_mode ? 1 : 0));
  attributes.push_back(attr("storage_order", 0));
  const NameList both = n.add_many("MaxPool", n.inputs(), 2, std::move(attributes));
  const Numbers sizes = spatial_sizes(n, n.shape(0));
  const std::string plane = n.constant(Tensor::scalar(sizes[0] * sizes[1]));
  return {both[0], n.cast(n.add("Mod", {both[1], plane}, {attr("fmod", 0)}), DType::i32)};
}

/// What the sum over each window is divided by: the number of its elements, or of those in the picture.
template <typename Op>
std::string divisor(ExportNode& n, const Op& op, const Numbers& picture) {
  if (op.ceil_mode) n.refuse("runtimes of ONNX differ in what a window beyond the padding is divided by");
  const auto area = static_cast<double>(op.window.height * op.window.width);
  if (op.count_include_pad) return n.number(area);
  Tensor ones = Tensor::uninitialized(DType::f64, {1, 1, picture[0], picture[1]});
  std::ranges::fill(ones.mutable_values<double>(), 1.0);
  AvgPool2d shares;  // of each window: how much of it is in the picture
  static_cast<Pool2dOptions&>(shares) = op.options();
  const Tensor made = evaluate(shares, std::array{ones})[0];
  Tensor counts = Tensor::uninitialized(n.dtype(), made.sizes());
  visit_float(n.dtype(), [&]<typename T>(T) {
    const auto to = counts.mutable_values<T>();
    for (std::size_t i = 0; i < to.size(); ++i)
      to[i] = static_cast<T>(std::round(area * made.values<double>()[i]));
  });
  return n.constant(counts);
}

/// Each picture of a batch and each channel for itself.
Shape single_planes(const Shape& shape) { return {shape[0] * shape[1], 1, shape[2], shape[3]}; }
std::string window_of_ones(ExportNode& n, const Slide& slide) {
  return n.full(Shape{1, 1, slide.kernel[0], slide.kernel[1]}, 1.0, n.dtype());
}

/// Operator set 17 has no averages with dilation; these are a convolution with a window of ones.
NameList export_avg_pool(ExportNode& n, std::string_view) {
  const auto& op = n.op<AvgPool2d>();
  const Slide slide = pool_slide(op);
  if (op.dilation != Size2d(1)) {
    const std::string by = divisor(n, op, spatial_sizes(n, n.shape(0)));
    const std::string planes = n.reshape(n.in(0), single_planes(n.shape(0)));
    const std::string sums = n.add("Conv", {planes, window_of_ones(n, slide)}, slide.with_group());
    return {n.reshape(n("Div", sums, by), n.out().shape)};
  }
  if (op.ceil_mode) n.refuse("runtimes of ONNX differ in what a window beyond the padding is divided by");
  Attributes attributes = slide.attributes();
  attributes.erase(attributes.begin());  // dilations
  attributes.push_back(attr("ceil_mode", 0));
  attributes.push_back(attr("count_include_pad", op.count_include_pad ? 1 : 0));
  return {n.add("AveragePool", n.inputs(), std::move(attributes))};
}

/// A transposed convolution with a window of ones.
NameList export_avg_pool_gradient(ExportNode& n, std::string_view) {
  const auto& op = n.op<AvgPool2dGradient>();
  const Slide slide = pool_slide(op);
  const Numbers from = spatial_sizes(n, n.shape(0));
  const Numbers to = spatial_sizes(n, op.shape);
  const std::string by = divisor(n, op, to);
  const std::string slopes = n("Div", n.reshape(n.in(0), single_planes(n.shape(0))), by);
  Attributes attributes = slide.with_group();
  attributes.push_back(attr("output_padding", output_padding(slide, from, to)));
  return {
      n.reshape(n.add("ConvTranspose", {slopes, window_of_ones(n, slide)}, std::move(attributes)), op.shape)};
}

constexpr std::array kWindowExports{
    exported<Conv2d>(export_conv<2>),
    exported<Conv3d>(export_conv<3>),
    exported<Conv2dInputGradient>(export_conv_input_gradient<2>),
    exported<Conv3dInputGradient>(export_conv_input_gradient<3>),
    exported<Conv2dWeightGradient>(export_conv_weight_gradient<2>),
    exported<Conv3dWeightGradient>(export_conv_weight_gradient<3>),
    exported<MaxPool2d>(export_max_pool),
    exported<AvgPool2d>(export_avg_pool),
    exported<AvgPool2dGradient>(export_avg_pool_gradient),
};

}  // namespace

std::span<const ExportEntry> window_exports() { return kWindowExports; }

}  // namespace weft::onnx
