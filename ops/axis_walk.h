#pragma once
// How reference kernels walk along axes: in runs of memory, without a division for each element.

#include <cstdint>
#include <span>
#include <vector>

#include "weft/ops/reduce.h"

namespace weft {

/// The elements of a tensor seen as [outer, length of an axis, inner].
struct AxisSizes {
  std::size_t outer = 1;
  std::size_t length = 1;
  std::size_t inner = 1;
};
AxisSizes axis_sizes(std::span<const std::int64_t> sizes, std::int64_t axis);

/// Axes of the input that lie one after the other and are reduced, or kept, together.
struct FoldAxis {
  std::size_t size = 1;
  std::size_t stride = 0;  // of the output; 0 where the axis is reduced
};
/// At least one; the last runs fastest.
std::vector<FoldAxis> fold_axes(std::span<const std::int64_t> sizes, const Axes& axes);

/// Calls `visit(element of x, element of y)` for every element of x and that of y which it is reduced into.
template <typename X, typename Y, typename F>
void for_each_fold(std::span<const std::int64_t> sizes, const Axes& axes, const X* x, Y* y, F visit) {
  const std::vector<FoldAxis> walk = fold_axes(sizes, axes);
  std::size_t runs = 1;
  for (std::size_t i = 0; i + 1 < walk.size(); ++i) runs *= walk[i].size;
  const FoldAxis last = walk.back();
  std::vector<std::size_t> at(walk.size(), 0);
  std::size_t out = 0;
  for (std::size_t run = 0; run < runs; ++run, x += last.size) {
    if (last.stride == 0) {
      for (std::size_t i = 0; i < last.size; ++i) visit(x[i], y[out]);
    } else {
      for (std::size_t i = 0; i < last.size; ++i) visit(x[i], y[out + i]);
    }
    for (std::size_t axis = walk.size() - 1; axis-- > 0;) {
      out += walk[axis].stride;
      if (++at[axis] < walk[axis].size) break;
      out -= walk[axis].size * walk[axis].stride;
      at[axis] = 0;
    }
  }
}

/// A reduced value beside what it was reduced from: its axes given back with size 1, and repeated along them.
Value spread(const Value& reduced, const Value& x, const Axes& axes);

}  // namespace weft
