#include "weft/runtime/ops/image_ops.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "weft/graph/evaluate.h"
#include "weft/graph/print.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"

namespace weft {
namespace {

Tensor permuted(const Tensor& pictures, std::vector<std::int64_t> order) {
  return evaluate(Transpose{std::move(order)}, {{pictures}})[0];
}

/// Pictures that lie interleaved, as [batch, channels, height, width].
Tensor without_lanes(const Tensor& pictures) {
  const Shape plain = deinterleaved(pictures.type()).shape;
  std::vector<std::int64_t> order(pictures.sizes().size());
  std::iota(order.begin(), order.end(), 0);  // blocks, height, width, channels, lanes
  std::rotate(order.begin() + 1, order.end() - 2, order.end());
  std::swap(order[1], order[2]);  // blocks, lanes, channels, height, width
  return permuted(pictures, std::move(order)).reshaped(plain.sizes());
}

Tensor with_lanes(const Tensor& pictures, std::int64_t lanes) {
  std::vector<std::int64_t> sizes(pictures.sizes().begin(), pictures.sizes().end());
  sizes[0] /= lanes;
  sizes.insert(sizes.begin() + 1, lanes);
  std::vector<std::int64_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);  // blocks, lanes, channels, height, width
  std::rotate(order.begin() + 1, order.begin() + 3, order.end());
  std::swap(order[order.size() - 1], order[order.size() - 2]);  // blocks, height, width, channels, lanes
  return permuted(pictures.reshaped(sizes), std::move(order));
}

/// The type of a convolution whose pictures lie in another order; `plain` and `moved` lead there and back.
template <typename Plain, typename Moved>
TensorType in_order(const Convolution& convolution, std::span<const TensorType> inputs, const Plain& plain,
                    const Moved& moved) {
  const ConvolutionPictures pictures = pictures_of(convolution.op);
  const std::array types{pictures.a ? plain(inputs[0]) : inputs[0],
                         pictures.b ? plain(inputs[1]) : inputs[1]};
  const TensorType result = convolution.op.infer(types)[0];
  if (convolution.bias && inputs[2] != TensorType{result.dtype, Shape{result.shape[1]}}) {
    throw Error(ErrorCode::shape_mismatch, "the bias does not fit the filters",
                {.expected = to_string(TensorType{result.dtype, Shape{result.shape[1]}}),
                 .actual = to_string(inputs[2])});
  }
  return pictures.result ? moved(result) : result;
}

template <typename Plain, typename Moved>
void convolve(const Convolution& convolution, const KernelArgs& args, const Plain& plain,
              const Moved& moved) {
  const ConvolutionPictures pictures = pictures_of(convolution.op);
  const auto taken = [&](std::size_t i, bool is_picture) -> Tensor {
    const Tensor tensor = borrow(args.inputs[i]);
    return is_picture ? plain(tensor) : tensor;
  };
  Tensor result = evaluate(convolution.op, {{taken(0, pictures.a), taken(1, pictures.b)}})[0];
  if (convolution.bias) {
    std::vector<std::int64_t> sizes(result.sizes().size() - 1, 1);
    sizes[0] = result.sizes()[1];
    result = evaluate(Add{}, {{result, borrow(args.inputs[2]).reshaped(sizes)}})[0];
  }
  if (pictures.result) result = moved(result);
  copy_into(result, args.outputs[0]);
  apply(convolution.activation, args.outputs[0]);
}

}  // namespace

std::string attribute_text(const Convolution& convolution) {
  std::string text = to_string(convolution.op);
  if (convolution.bias) text += " + bias";
  if (convolution.activation.op) text += ", " + attribute_text(convolution.activation);
  return text;
}

std::optional<Convolution> plain_convolution(const Op& op) {
  if (const auto* fused = op.as<FusedConvolution>()) return fused->convolution;
  return is_convolution(op) ? std::optional(Convolution{.op = op}) : std::nullopt;
}

bool is_weight_gradient(const Op& op) {
  return op.is<Conv2dWeightGradient>() || op.is<Conv3dWeightGradient>();
}

bool is_convolution(const Op& op) {
  return op.is<Conv2d>() || op.is<Conv2dInputGradient>() || op.is<Conv3d>() || op.is<Conv3dInputGradient>() ||
         is_weight_gradient(op);
}

ConvolutionPictures pictures_of(const Op& convolution) {
  if (is_weight_gradient(convolution)) return {.a = true, .b = true, .result = false};
  return {};
}

std::vector<std::int64_t> order_with_channels_last(std::size_t rank) {
  std::vector<std::int64_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return order;
}
std::vector<std::int64_t> order_with_channels_first(std::size_t rank) {
  std::vector<std::int64_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return order;
}

TensorType channels_last(const TensorType& pictures) {
  std::vector<Dim> dims = pictures.shape.dims();
  std::rotate(dims.begin() + 1, dims.begin() + 2, dims.end());
  return {pictures.dtype, Shape(std::move(dims))};
}
TensorType channels_first(const TensorType& pictures) {
  std::vector<Dim> dims = pictures.shape.dims();
  std::rotate(dims.begin() + 1, dims.end() - 1, dims.end());
  return {pictures.dtype, Shape(std::move(dims))};
}

TensorType interleaved(const TensorType& pictures, std::int64_t lanes) {
  std::vector<Dim> dims = pictures.shape.dims();
  std::rotate(dims.begin() + 1, dims.begin() + 2, dims.end());
  const bool is_one = dims[0].is(1);
  dims.emplace_back(is_one ? 1 : lanes);
  if (!is_one) dims[0] = Dim(dims[0].size() / lanes);
  return {pictures.dtype, Shape(std::move(dims))};
}
TensorType deinterleaved(const TensorType& pictures) {
  std::vector<Dim> dims = pictures.shape.dims();
  dims[0] = Dim(dims[0].size() * dims.back().size());
  dims.pop_back();
  std::rotate(dims.begin() + 1, dims.end() - 1, dims.end());
  return {pictures.dtype, Shape(std::move(dims))};
}

TensorType FusedConvolution::infer(std::span<const TensorType> inputs) const {
  return in_order(convolution, inputs, std::identity(), std::identity());
}

void FusedConvolution::forward(const KernelArgs& args) const {
  convolve(convolution, args, std::identity(), std::identity());
}

TensorType ChannelsLastConvolution::infer(std::span<const TensorType> inputs) const {
  return in_order(convolution, inputs, channels_first, [](const TensorType& y) { return channels_last(y); });
}

void ChannelsLastConvolution::forward(const KernelArgs& args) const {
  convolve(
      convolution, args,
      [](const Tensor& x) { return permuted(x, order_with_channels_first(x.sizes().size())); },
      [](const Tensor& y) { return permuted(y, order_with_channels_last(y.sizes().size())); });
}

TensorType InterleavedConvolution::infer(std::span<const TensorType> inputs) const {
  return in_order(convolution, inputs, deinterleaved,
                  [this](const TensorType& y) { return interleaved(y, lanes); });
}

void InterleavedConvolution::forward(const KernelArgs& args) const {
  convolve(convolution, args, without_lanes, [this](const Tensor& y) { return with_lanes(y, lanes); });
}

std::string attribute_text(const Pooling& pooling) { return to_string(pooling.op); }

std::vector<TensorType> ChannelsLastPooling::infer(std::span<const TensorType> inputs) const {
  const std::array plain{channels_first(inputs[0])};
  std::vector<TensorType> results = pooling.op.infer(plain);
  for (TensorType& type : results) type = channels_last(type);
  return results;
}

void ChannelsLastPooling::forward(const KernelArgs& args) const {
  const auto order = order_with_channels_first(4);
  const auto results = evaluate(pooling.op, {{permuted(borrow(args.inputs[0]), order)}});
  for (std::size_t i = 0; i < results.size(); ++i)
    copy_into(permuted(results[i], order_with_channels_last(4)), args.outputs[i]);
}

TensorType ChannelsLastMaxPoolGradient::infer(const TensorType& dy, const TensorType& index) const {
  if (dy.shape != index.shape) {
    throw Error(ErrorCode::shape_mismatch, "the index does not fit the gradient",
                {.expected = to_string(dy.shape), .actual = to_string(index.shape)});
  }
  return {dy.dtype, shape};
}

void ChannelsLastMaxPoolGradient::forward(const KernelArgs& args) const {
  const auto order = order_with_channels_first(4);
  const Shape plain = channels_first({DType::f32, shape}).shape;
  const Tensor dx =
      evaluate(PlaneScatterAdd{.shape = plain},
               {{permuted(borrow(args.inputs[0]), order), permuted(borrow(args.inputs[1]), order)}})[0];
  copy_into(permuted(dx, order_with_channels_last(4)), args.outputs[0]);
}

std::vector<TensorType> WeightGradientTerms::infer(std::span<const TensorType> inputs) const {
  return std::vector(static_cast<std::size_t>(terms), convolution.op.infer(inputs)[0]);
}

void WeightGradientTerms::forward(const KernelArgs& args) const {
  for (std::int64_t term = 0; term < terms; ++term) {
    std::vector<Tensor> operands;
    for (const ConstArg& arg : args.inputs) {
      const std::int64_t batch = arg.sizes[0];
      const Slice pictures{.axis = 0, .start = batch * term / terms, .stop = batch * (term + 1) / terms};
      operands.push_back(evaluate(pictures, {{borrow(arg)}})[0]);
    }
    copy_into(evaluate(convolution.op, operands)[0], args.outputs[static_cast<std::size_t>(term)]);
  }
}

template detail::Model detail::model_of(FusedConvolution);
template detail::Model detail::model_of(ChannelsLastConvolution);
template detail::Model detail::model_of(InterleavedConvolution);
template detail::Model detail::model_of(ChannelsLastPooling);
template detail::Model detail::model_of(ChannelsLastMaxPoolGradient);
template detail::Model detail::model_of(WeightGradientTerms);

}  // namespace weft
