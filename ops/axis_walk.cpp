#include "weft/ops/axis_walk.h"

namespace weft {

AxisSizes axis_sizes(std::span<const std::int64_t> sizes, std::int64_t axis) {
  const std::size_t along = normalize_axis(axis, sizes.size());
  AxisSizes view{.outer = 1, .length = static_cast<std::size_t>(sizes[along]), .inner = 1};
  for (std::size_t i = 0; i < along; ++i) view.outer *= static_cast<std::size_t>(sizes[i]);
  for (std::size_t i = along + 1; i < sizes.size(); ++i) view.inner *= static_cast<std::size_t>(sizes[i]);
  return view;
}

std::vector<bool> reduced_axes(const Axes& axes, std::size_t rank) {
  std::vector<bool> reduced(rank, false);
  for (const std::int64_t axis : normalize_axes(axes, rank)) reduced[static_cast<std::size_t>(axis)] = true;
  return reduced;
}

std::vector<FoldAxis> fold_axes(std::span<const std::int64_t> sizes, const Axes& axes) {
  const std::vector<bool> reduced = reduced_axes(axes, sizes.size());
  std::vector<FoldAxis> walk;
  std::size_t stride = 1;
  bool last_reduced = false;
  for (std::size_t axis = sizes.size(); axis-- > 0;) {
    const auto size = static_cast<std::size_t>(sizes[axis]);
    if (walk.empty() || reduced[axis] != last_reduced) {
      walk.insert(walk.begin(), {.size = size, .stride = reduced[axis] ? 0 : stride});
    } else {
      walk.front().size *= size;
    }
    last_reduced = reduced[axis];
    if (!reduced[axis]) stride *= size;
  }
  if (walk.empty()) walk.push_back({.size = 1, .stride = 0});
  return walk;
}

}  // namespace weft
