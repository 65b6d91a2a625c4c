#include "weft/runtime/ops/packed_ops.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weft/graph/error.h"
#include "weft/graph/evaluate.h"

namespace weft {

std::vector<AxisPlaces> places_of(const BlockedOrder& order) {
  std::vector<AxisPlaces> places;
  for (std::size_t axis = 0; axis < order.sizes.size(); ++axis) {
    AxisPlaces& own = places.emplace_back();
    for (std::int64_t i = 0; i < order.sizes[axis]; ++i) {
      std::int64_t left = i;
      std::int64_t place = 0;
      std::int64_t stride = 1;
      for (std::size_t block = order.blocks.size(); block-- > 0;) {
        const std::int64_t size = order.blocks[block];
        if (order.block_axes[block] == static_cast<std::int64_t>(axis)) {
          place += left % size * stride;
          left /= size;
        }
        stride *= size;
      }
      own.push_back(place + left * order.strides[axis]);
    }
  }
  return places;
}

namespace {

/// Calls `visit` with the place of each element, in row-major order.
template <typename Visit>
void for_each_place(const std::vector<AxisPlaces>& places, std::size_t axis, std::int64_t start,
                    Visit&& visit) {
  for (const std::int64_t place : places[axis]) {
    if (axis + 1 == places.size()) {
      visit(start + place);
    } else {
      for_each_place(places, axis + 1, start + place, visit);
    }
  }
}

TensorType plain_type(const BlockedOrder& order, const Shape& plain, const TensorType& weight) {
  const TensorType packed{DType::f32, Shape{order.elements}};
  if (weight == packed) return {DType::f32, plain};
  throw Error(ErrorCode::shape_mismatch, "the weight is not packed",
              {.expected = to_string(packed), .actual = to_string(weight)});
}

Tensor plain_weight(const BlockedOrder& order, const Shape& plain, const ConstArg& weight) {
  const std::span<const float> packed = weight;
  Tensor elements = Tensor::uninitialized(DType::f32, plain.sizes());
  float* next = elements.mutable_values<float>().data();
  if (elements.elements() > 0) {
    for_each_place(places_of(order), 0, 0,
                   [&](std::int64_t place) { *next++ = packed[static_cast<std::size_t>(place)]; });
  }
  return elements;
}

}  // namespace

std::string attribute_text(const BlockedOrder& order) {
  return fmt::format("{} elements of [{}], strides [{}], blocks [{}] of axes [{}]", order.elements,
                     fmt::join(order.sizes, ", "), fmt::join(order.strides, ", "),
                     fmt::join(order.blocks, ", "), fmt::join(order.block_axes, ", "));
}

TensorType PackWeights::infer(const TensorType& weight) const {
  std::int64_t elements = 1;
  for (const std::int64_t size : order.sizes) elements *= size;
  if (weight.dtype != DType::f32 || weight.shape.elements() != elements) {
    throw Error(ErrorCode::shape_mismatch, "the weight does not fit the order",
                {.expected = fmt::format("{} elements of f32", elements), .actual = to_string(weight)});
  }
  return {DType::f32, Shape{order.elements}};
}

void PackWeights::forward(const KernelArgs& args) const {
  const std::span<const float> from = args.inputs[0];
  const std::span<float> to = args.outputs[0];
  std::ranges::fill(to, 0.0F);
  const float* next = from.data();
  if (from.empty()) return;
  for_each_place(places_of(order), 0, 0,
                 [&](std::int64_t place) { to[static_cast<std::size_t>(place)] = *next++; });
}

Op PackedConvolution::unpacked() const {
  if (last) return ChannelsLastConvolution{convolution};
  return FusedConvolution{convolution};
}

TensorType PackedConvolution::infer(std::span<const TensorType> inputs) const {
  std::vector<TensorType> types(inputs.begin(), inputs.end());
  types.at(1) = plain_type(order, filters, types.at(1));
  return unpacked().infer(types)[0];
}

void PackedConvolution::forward(const KernelArgs& args) const {
  std::vector<Tensor> operands;
  for (const ConstArg& input : args.inputs) operands.push_back(borrow(input));
  operands[1] = plain_weight(order, filters, args.inputs[1]);
  copy_into(evaluate(unpacked(), operands)[0], args.outputs[0]);
}

std::string attribute_text(const PackedWeight& weight) { return attribute_text(weight.order); }

TensorType unpacked_type(const PackedWeight& weight, const TensorType& packed) {
  return plain_type(weight.order, weight.shape, packed);
}

Tensor unpacked(const PackedWeight& weight, const ConstArg& packed) {
  return plain_weight(weight.order, weight.shape, packed);
}

template detail::Model detail::model_of(PackWeights);
template detail::Model detail::model_of(PackedConvolution);

}  // namespace weft
