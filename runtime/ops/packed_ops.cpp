#include "weft/runtime/ops/packed_ops.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weft/graph/error.h"
#include "weft/graph/evaluate.h"

namespace weft {
namespace {

using Places = std::vector<std::int64_t>;

/// For each axis where its elements lie: that of an index is at the sum of the places of its parts.
std::vector<Places> places_of(const BlockedOrder& order) {
  std::vector<Places> places;
  for (std::size_t axis = 0; axis < order.sizes.size(); ++axis) {
    Places& own = places.emplace_back();
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

/// Calls `visit` with the place of each element, in row-major order.
template <typename Visit>
void for_each_place(const std::vector<Places>& places, std::size_t axis, std::int64_t start, Visit&& visit) {
  for (const std::int64_t place : places[axis]) {
    if (axis + 1 == places.size()) {
      visit(start + place);
    } else {
      for_each_place(places, axis + 1, start + place, visit);
    }
  }
}

/// The types of an op's inputs where the second was not packed.
std::vector<TensorType> with_unpacked(std::span<const TensorType> inputs, const BlockedOrder& order,
                                      const Shape& plain) {
  const TensorType packed{DType::f32, Shape{order.elements}};
  if (inputs.size() < 2 || inputs[1] != packed) {
    throw Error(
        ErrorCode::shape_mismatch, "the weight is not packed",
        {.expected = to_string(packed), .actual = inputs.size() < 2 ? "nothing" : to_string(inputs[1])});
  }
  std::vector<TensorType> types(inputs.begin(), inputs.end());
  types[1].shape = plain;
  return types;
}

std::vector<Tensor> with_unpacked(const KernelArgs& args, const BlockedOrder& order, const Shape& plain) {
  std::vector<Tensor> operands;
  for (const ConstArg& input : args.inputs) operands.push_back(borrow(input));
  const std::span<const float> packed = args.inputs[1];
  Tensor weight = Tensor::uninitialized(DType::f32, plain.sizes());
  float* next = weight.mutable_values<float>().data();
  if (weight.elements() > 0) {
    for_each_place(places_of(order), 0, 0,
                   [&](std::int64_t place) { *next++ = packed[static_cast<std::size_t>(place)]; });
  }
  operands[1] = weight;
  return operands;
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
  return unpacked().infer(with_unpacked(inputs, order, filters))[0];
}

void PackedConvolution::forward(const KernelArgs& args) const {
  copy_into(evaluate(unpacked(), with_unpacked(args, order, filters))[0], args.outputs[0]);
}

TensorType PackedMatMul::infer(std::span<const TensorType> inputs) const {
  return product.infer(with_unpacked(inputs, order, weight));
}

void PackedMatMul::forward(const KernelArgs& args) const {
  copy_into(evaluate(product, with_unpacked(args, order, weight))[0], args.outputs[0]);
}

}  // namespace weft
