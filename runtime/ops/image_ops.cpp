#include "weft/runtime/ops/image_ops.h"

#include "weft/graph/evaluate.h"
#include "weft/graph/print.h"
#include "weft/ops/layout.h"

namespace weft {
namespace {

Tensor permuted(const Tensor& pictures, std::vector<std::int64_t> order) {
  return evaluate(Transpose{std::move(order)}, {{pictures}})[0];
}

}  // namespace

std::string attribute_text(const Convolution& convolution) { return to_string(convolution.op); }

bool is_convolution(const Op& op) {
  return op.is<Conv2d>() || op.is<Conv2dInputGradient>() || op.is<Conv2dWeightGradient>();
}

ConvolutionPictures pictures_of(const Op& convolution) {
  if (convolution.is<Conv2dWeightGradient>()) return {.a = true, .b = true, .result = false};
  return {};
}

TensorType channels_last(const TensorType& pictures) {
  const Shape& s = pictures.shape;
  return {pictures.dtype, Shape({s[0], s[2], s[3], s[1]})};
}
TensorType channels_first(const TensorType& pictures) {
  const Shape& s = pictures.shape;
  return {pictures.dtype, Shape({s[0], s[3], s[1], s[2]})};
}

TensorType ChannelsLastConvolution::infer(const TensorType& a, const TensorType& b) const {
  const ConvolutionPictures pictures = pictures_of(convolution.op);
  const std::array types{pictures.a ? channels_first(a) : a, pictures.b ? channels_first(b) : b};
  const TensorType result = convolution.op.infer(types)[0];
  return pictures.result ? channels_last(result) : result;
}

void ChannelsLastConvolution::forward(const KernelArgs& args) const {
  const ConvolutionPictures pictures = pictures_of(convolution.op);
  const auto taken = [&](std::size_t i, bool is_picture) {
    const Tensor tensor = borrow(args.inputs[i]);
    return is_picture ? permuted(tensor, {0, 3, 1, 2}) : tensor;
  };
  Tensor result = evaluate(convolution.op, {{taken(0, pictures.a), taken(1, pictures.b)}})[0];
  if (pictures.result) result = permuted(result, {0, 2, 3, 1});
  copy_into(result, args.outputs[0]);
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

}  // namespace weft
