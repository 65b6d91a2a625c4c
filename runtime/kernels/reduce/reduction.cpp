#include "weft/runtime/kernels/reduce/reduction.h"

namespace weft {

ReductionLoops::ReductionLoops(const Shape& shape, const Axes& axes) {
  std::vector<bool> reduces(shape.rank(), false);
  for (const std::int64_t axis : normalize_axes(axes, shape.rank()))
    reduces[static_cast<std::size_t>(axis)] = true;
  std::size_t stride = 1;
  std::size_t axis = shape.rank();
  // The next loop outwards, over all neighbours of its kind.
  const auto take = [&](bool kind) {
    Loop loop{.size = 1, .stride = stride};
    for (; axis > 0 && (reduces[axis - 1] == kind || shape[axis - 1].is(1)); --axis)
      loop.size *= static_cast<std::size_t>(shape[axis - 1].size());
    stride *= loop.size;
    return loop;
  };
  std::size_t last = shape.rank();
  while (last > 0 && shape[last - 1].is(1)) --last;
  run_is_reduced = last == 0 || reduces[last - 1];
  run = take(run_is_reduced).size;
  bool kind = !run_is_reduced;
  while (axis > 0) {
    auto& list = kind ? reduced : kept;
    list.insert(list.begin(), take(kind));
    kind = !kind;
  }
  // Many short runs are columns of longer ones, a few of which come together in the end.
  constexpr std::size_t kShortRun = 64;
  if (run_is_reduced && run > 1 && run <= kShortRun && !reduced.empty() && !kept.empty() &&
      kept.back().stride == run) {
    fold = run;
    run *= kept.back().size;
    run_is_reduced = false;
    kept.pop_back();
  }
}

std::size_t ReductionLoops::terms() const {
  std::size_t terms = run_is_reduced ? run : fold;
  for (const Loop& loop : reduced) terms *= loop.size;
  return terms;
}

Cut cut_of_reduction(const KernelSite& site, const Axes& axes) {
  const Shape& input = site.inputs[0].shape;
  const Shape& output = site.outputs[0].shape;
  const auto long_axis = [](const Shape& shape) {
    std::size_t axis = 0;
    while (axis < shape.rank() && shape[axis].is(1)) ++axis;
    return axis;
  };
  const std::size_t axis = long_axis(output);
  if (axis == output.rank()) return {.extent = 1, .inputs = {}};
  const std::size_t first = long_axis(input);
  const Axes reduced = normalize_axes(axes, input.rank());
  const bool kept = std::ranges::find(reduced, static_cast<std::int64_t>(first)) == reduced.end();
  return {.extent = output[axis].size(), .inputs = {rows_if(kept)}, .seamless = true};
}

}  // namespace weft
