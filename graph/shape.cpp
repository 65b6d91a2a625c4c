#include "weft/graph/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace weft {

Shape Shape::of(std::span<const std::int64_t> sizes) {
  return Shape(std::vector<Dim>(sizes.begin(), sizes.end()));
}

bool Shape::is_concrete() const noexcept { return std::ranges::all_of(dims_, &Dim::is_number); }

std::vector<std::int64_t> Shape::sizes() const {
  std::vector<std::int64_t> sizes;
  sizes.reserve(dims_.size());
  for (const Dim& dim : dims_) sizes.push_back(dim.size());
  return sizes;
}

std::int64_t Shape::elements() const { return checked_elements(sizes()); }

Dim Shape::count() const {
  std::vector<std::int64_t> numbers;
  Dim computed(1);
  for (const Dim& dim : dims_) {
    if (dim.is_number()) {
      numbers.push_back(dim.size());
    } else {
      computed = computed * dim;
    }
  }
  return computed * checked_elements(numbers);
}

Shape Shape::bind(const Bindings& bindings) const {
  Shape bound = *this;
  for (Dim& dim : bound.dims_) dim = dim.bind(bindings);
  return bound;
}

std::string to_string(const Shape& shape) {
  std::vector<std::string> dims;
  dims.reserve(shape.rank());
  for (const Dim& dim : shape) dims.push_back(to_string(dim));
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

void SizeList::throw_too_large(std::uint64_t size) {
  throw Error(ErrorCode::invalid_argument, "a size does not fit 63 bits", {.actual = std::to_string(size)});
}

std::int64_t checked_elements(std::span<const std::int64_t> sizes) {
  if (const auto negative = std::ranges::find_if(sizes, [](std::int64_t size) { return size < 0; });
      negative != sizes.end()) {
    throw Error(ErrorCode::invalid_argument, "a dimension cannot be negative",
                {.expected = "a size >= 0", .actual = std::to_string(*negative)});
  }
  // A zero anywhere makes the product zero, whatever the other sizes are.
  if (std::ranges::find(sizes, 0) != sizes.end()) return 0;
  std::int64_t product = 1;
  for (const std::int64_t size : sizes) {
    if (__builtin_mul_overflow(product, size, &product)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("the number of elements of [{}] does not fit 63 bits", fmt::join(sizes, ", ")));
    }
  }
  return product;
}

std::size_t checked_bytes(std::span<const std::int64_t> sizes, DType dtype) {
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(checked_elements(sizes), static_cast<std::int64_t>(size_of(dtype)), &bytes)) {
    throw Error(ErrorCode::invalid_argument, fmt::format("the size in bytes of {}[{}] does not fit 63 bits",
                                                         name_of(dtype), fmt::join(sizes, ", ")));
  }
  return static_cast<std::size_t>(bytes);
}

Shape broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  std::vector<Dim> dims = longer.dims();
  const std::size_t offset = longer.rank() - shorter.rank();
  for (std::size_t i = 0; i < shorter.rank(); ++i) {
    Dim& dim = dims[offset + i];
    if (dim == shorter[i] || shorter[i].is(1)) continue;
    if (!dim.is(1)) {
      throw Error(ErrorCode::shape_mismatch,
                  fmt::format("shapes {} and {} do not broadcast: {} against {}", to_string(a), to_string(b),
                              to_string(dim), to_string(shorter[i])));
    }
    dim = shorter[i];
  }
  return Shape(std::move(dims));
}

std::size_t normalize_axis(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    throw Error(ErrorCode::invalid_argument, "an axis lies outside the tensor",
                {.expected = fmt::format("an axis in [{}, {})", -signed_rank, signed_rank),
                 .actual = std::to_string(axis)});
  }
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

std::vector<std::int64_t> normalize_axes(std::span<const std::int64_t> axes, std::size_t rank) {
  std::vector<std::int64_t> result;
  if (axes.empty()) {
    result.resize(rank);
    std::iota(result.begin(), result.end(), 0);
    return result;
  }
  for (const std::int64_t axis : axes) {
    result.push_back(static_cast<std::int64_t>(normalize_axis(axis, rank)));
  }
  std::ranges::sort(result);
  if (std::ranges::adjacent_find(result) != result.end()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("an axis comes twice in [{}]", fmt::join(axes, ", ")));
  }
  return result;
}

std::string to_string(const TensorType& type) {
  return fmt::format("{}{}", name_of(type.dtype), to_string(type.shape));
}

}  // namespace weft
