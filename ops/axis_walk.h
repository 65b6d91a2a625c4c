#pragma once
// How reference kernels walk along axes: in runs of memory, without a division for each element.

#include <cstdint>
#include <span>
#include <vector>

#include "weft/ops/elementwise.h"

namespace weft {

using Axes = std::vector<std::int64_t>;

/// The elements of a tensor seen as [outer, length of an axis, inner].
struct AxisSizes {
  std::size_t outer = 1;
  std::size_t length = 1;
  std::size_t inner = 1;
};
AxisSizes axis_sizes(std::span<const std::int64_t> sizes, std::int64_t axis);

/// Whether each axis of a tensor is among `axes`.
std::vector<bool> reduced_axes(const Axes& axes, std::size_t rank);

/// Axes of the input that lie one after the other and are reduced, or kept, together.
struct FoldAxis {
  std::size_t size = 1;
  std::size_t stride = 0;  // of the output; 0 where the axis is reduced
};
/// At least one; the last runs fastest.
std::vector<FoldAxis> fold_axes(std::span<const std::int64_t> sizes, const Axes& axes);

/// Calls `visit(input index, output index)` for every element of the input and the element of the output that
/// it is reduced into, in the order of the input.
template <typename F>
void for_each_reduced(std::span<const std::int64_t> sizes, const Axes& axes, F visit) {
  const std::vector<FoldAxis> walk = fold_axes(sizes, axes);
  std::size_t runs = 1;
  for (std::size_t i = 0; i + 1 < walk.size(); ++i) runs *= walk[i].size;
  const FoldAxis last = walk.back();
  std::vector<std::size_t> at(walk.size(), 0);
  std::size_t in = 0;
  std::size_t out = 0;
  for (std::size_t run = 0; run < runs; ++run, in += last.size) {
    if (last.stride == 0) {
      for (std::size_t i = 0; i < last.size; ++i) visit(in + i, out);
    } else {
      for (std::size_t i = 0; i < last.size; ++i) visit(in + i, out + i);
    }
    for (std::size_t axis = walk.size() - 1; axis-- > 0;) {
      out += walk[axis].stride;
      if (++at[axis] < walk[axis].size) break;
      out -= walk[axis].size * walk[axis].stride;
      at[axis] = 0;
    }
  }
}

/// y = the index of the first extreme along `axis`, where `holds(so far, other)` says that the other is no
/// better; or of the first NaN if there is one. The axis has at least one element.
template <typename T, typename Holds>
void find_first_extreme(View<const T> x, std::int64_t axis, View<std::int64_t> y, Holds holds) {
  const auto [outer, length, inner] = axis_sizes(x.sizes, axis);
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const T* from = x.data.data() + i / inner * length * inner + i % inner;
    std::size_t best = 0;
    for (std::size_t j = 1; j < length; ++j) {
      const T so_far = from[best * inner];
      if (so_far == so_far && !holds(from[j * inner], so_far)) best = j;
    }
    y[i] = static_cast<std::int64_t>(best);
  }
}

}  // namespace weft
