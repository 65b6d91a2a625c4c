#include "weft/runtime/images/picture_order.h"

#include <algorithm>
#include <numeric>

#include "weft/ops/layout.h"

namespace weft {
namespace {

/// Where the axes of more than one element keep their order, all elements lie as they are to lie.
Value moved_axes(const Value& value, const std::vector<std::int64_t>& order) {
  const Shape& shape = value.shape();
  std::vector<Dim> dims;
  std::vector<std::int64_t> longer;
  for (const std::int64_t axis : order) {
    dims.push_back(shape[static_cast<std::size_t>(axis)]);
    if (!dims.back().is(1)) longer.push_back(axis);
  }
  return std::ranges::is_sorted(longer) ? reshape(value, Shape(std::move(dims))) : transpose(value, order);
}

}  // namespace

PictureOrder PictureOrder::channels_last() { return PictureOrder(1); }
PictureOrder PictureOrder::interleaved(std::int64_t lanes) { return PictureOrder(lanes); }

bool PictureOrder::fits(const Shape& plain) const { return plain[0].is(1) || plain[0].size() % lanes_ == 0; }

Shape PictureOrder::split(const Shape& plain) const {
  std::vector<Dim> dims = plain.dims();
  if (!has_lanes()) return Shape(std::move(dims));
  const bool is_one = dims[0].is(1);
  dims.insert(dims.begin() + 1, Dim(is_one ? 1 : lanes_));
  if (!is_one) dims[0] = Dim(dims[0].size() / lanes_);
  return Shape(std::move(dims));
}

std::vector<std::int64_t> PictureOrder::order(std::size_t rank) const {
  if (!has_lanes()) return order_with_channels_last(rank);
  std::vector<std::int64_t> order(rank + 1);
  std::iota(order.begin(), order.end(), 0);  // blocks, lanes, channels, height, width
  std::rotate(order.begin() + 1, order.begin() + 3, order.end());
  std::swap(order[rank], order[rank - 1]);  // blocks, height, width, channels, lanes
  return order;
}

Shape PictureOrder::shape(const Shape& plain) const {
  const TensorType type{DType::f32, plain};
  return has_lanes() ? weft::interleaved(type, lanes_).shape : weft::channels_last(type).shape;
}

Axes PictureOrder::axes(const Axes& plain, std::size_t rank) const {
  const std::vector<std::int64_t> places = order(rank);
  Axes moved;
  const auto take = [&](std::int64_t split_axis) {
    moved.push_back(std::ranges::find(places, split_axis) - places.begin());
  };
  for (const std::int64_t axis : normalize_axes(plain, rank)) {
    take(has_lanes() && axis > 0 ? axis + 1 : axis);
    if (has_lanes() && axis == 0) take(1);
  }
  std::ranges::sort(moved);
  return moved;
}

Op PictureOrder::convolution(const Convolution& plain) const {
  if (has_lanes()) return InterleavedConvolution{.convolution = plain, .lanes = lanes_};
  return ChannelsLastConvolution{plain};
}

Value PictureOrder::enter(const Value& plain) const {
  const Shape& shape = plain.shape();
  return moved_axes(has_lanes() ? reshape(plain, split(shape)) : plain, order(shape.rank()));
}

Value PictureOrder::leave(const Value& moved, const Shape& plain) const {
  const std::vector<std::int64_t> forth = order(plain.rank());
  std::vector<std::int64_t> back(forth.size());
  for (std::size_t i = 0; i < forth.size(); ++i)
    back[static_cast<std::size_t>(forth[i])] = static_cast<std::int64_t>(i);
  const Value split = moved_axes(moved, back);
  return has_lanes() ? reshape(split, plain) : split;
}

}  // namespace weft
