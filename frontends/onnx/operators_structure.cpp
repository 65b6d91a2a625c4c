#include <algorithm>
#include <array>
#include <limits>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/resize.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

Items identity_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  return node.item(0);
}

Items shape_rule(const NodeView& node) {
  const Shape shape = node.value(0).shape();
  const auto rank = static_cast<std::int64_t>(shape.rank());
  const auto bounded = [&](std::int64_t axis) {
    return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  const std::int64_t start = bounded(node.integer("start", 0));
  const std::int64_t end = bounded(node.integer("end", rank));
  Wholes sizes;
  for (std::int64_t axis = start; axis < end; ++axis) {
    sizes.numbers.emplace_back(shape[static_cast<std::size_t>(axis)]);
  }
  return node.item_of(std::move(sizes));
}

Items size_rule(const NodeView& node) {
  return node.item_of({.numbers = {node.value(0).shape().count()}, .is_scalar = true});
}

Items reshape_rule(const NodeView& node) {
  node.ignore({"consumed_inputs"});
  const Value x = node.value(0);
  const bool zero_is_size = node.integer("allowzero", 0) != 0;
  Wholes wanted;
  if (node.has_attribute("shape")) {
    for (const std::int64_t size : node.integers("shape")) wanted.numbers.emplace_back(size);
  } else {
    wanted = node.wholes(1, "the shape");
  }
  std::vector<Dim> dims;
  std::optional<std::size_t> open;
  Dim others = 1;
  for (std::size_t i = 0; i < wanted.numbers.size(); ++i) {
    const Whole& size = wanted.numbers[i];
    if (size.is(-1)) {
      if (open) throw Error(ErrorCode::shape_mismatch, "the shape leaves two sizes open");
      open = i;
      dims.emplace_back(1);
      continue;
    }
    if (size.is(0) && !zero_is_size) {
      if (i >= x.shape().rank())
        throw Error(ErrorCode::shape_mismatch, "the shape copies an axis that is not there");
      dims.push_back(x.shape()[i]);
    } else {
      dims.push_back(size.dim());
    }
    others = others * dims.back();
  }
  if (open && others.is(0))
    throw Error(ErrorCode::shape_mismatch, "the shape leaves a size open beside a size of 0");
  if (open) dims[*open] = exact_div(x.shape().count(), others).value_or(floor_div(x.shape().count(), others));
  return reshape(x, Shape(std::move(dims)));
}

Items flatten_rule(const NodeView& node) {
  const Value x = node.value(0);
  const auto rank = static_cast<std::int64_t>(x.shape().rank());
  const std::int64_t axis = node.integer("axis", 1);
  if (axis < -rank || axis > rank) throw Error(ErrorCode::invalid_argument, "its axis lies outside");
  return as_matrix(x, axis < 0 ? axis + rank : axis);
}

Items transpose_rule(const NodeView& node) {
  const Value x = node.value(0);
  return x.shape().is_scalar() ? x : transpose(x, node.integers("perm"));
}

Items squeeze_rule(const NodeView& node) {
  const Value x = node.value(0);
  std::vector<std::int64_t> axes;
  if (const auto given = axes_of(node, 1, x.shape().rank())) {
    axes = *given;
  } else {
    for (std::size_t i = 0; i < x.shape().rank(); ++i) {
      if (x.shape()[i].is(1)) axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  std::vector<Dim> dims;
  for (std::size_t i = 0; i < x.shape().rank(); ++i) {
    const bool goes = std::ranges::find(axes, static_cast<std::int64_t>(i)) != axes.end();
    if (goes && x.shape()[i].is_number() && !x.shape()[i].is(1))
      throw Error(ErrorCode::shape_mismatch, "an axis that it takes away has another size than 1");
    if (!goes) dims.push_back(x.shape()[i]);
  }
  return reshape(x, Shape(std::move(dims)));
}

Items unsqueeze_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::size_t added =
      node.has_attribute("axes") ? node.integers("axes").size() : node.integers(1, "the axes").size();
  const std::size_t rank = x.shape().rank() + added;
  std::vector<std::int64_t> axes = axes_of(node, 1, rank).value_or(std::vector<std::int64_t>());
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end())
    throw Error(ErrorCode::invalid_argument, "it puts the same axis in twice");
  std::vector<Dim> dims = x.shape().dims();
  for (const std::int64_t axis : axes) dims.insert(dims.begin() + axis, Dim(1));
  return reshape(x, Shape(std::move(dims)));
}

Items concat_rule(const NodeView& node) {
  const std::vector<Value> all = node.values();
  if (all.empty()) throw Error(ErrorCode::invalid_argument, "there is nothing to join");
  return concat(all, axis_of(node, "axis", 1, all[0].shape().rank()));
}

Items split_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::int64_t axis = axis_of(node, "axis", 0, x.shape().rank());
  const Dim& size = x.shape()[static_cast<std::size_t>(axis)];
  std::vector<Dim> sizes;
  if (node.has_attribute("split")) {
    for (const std::int64_t part : node.integers("split")) sizes.emplace_back(part);
  } else if (node.has(1)) {
    for (const Whole& part : node.wholes(1, "the sizes of the parts").numbers) sizes.push_back(part.dim());
  } else {
    const std::int64_t parts = node.integer("num_outputs", static_cast<std::int64_t>(node.outputs()));
    if (parts < 1 || parts != static_cast<std::int64_t>(node.outputs()))
      throw Error(ErrorCode::invalid_argument, "it makes other numbers of parts and of outputs");
    if (!size.is_number()) return split(x, parts, axis);
    const std::int64_t each = (size.size() + parts - 1) / parts;
    for (std::int64_t i = 0; i < parts; ++i) {
      sizes.emplace_back(std::max<std::int64_t>(0, std::min(each, size.size() - i * each)));
    }
  }
  return split(x, std::span<const Dim>(sizes), axis);
}

/// A bound of a slice with a positive step, in [0, size] where that is known.
Dim forward_bound(const Whole& bound, const Dim& size) {
  if (!bound.is_number()) return bound.dim();
  const std::int64_t number = bound.number();
  if (size.is_number()) {
    return std::clamp<std::int64_t>(number < 0 ? number + size.size() : number, 0, size.size());
  }
  constexpr std::int64_t kEnd =
      std::numeric_limits<std::int32_t>::max();  // what exporters write for "to the end"
  if (number >= kEnd) return size;
  if (number < 0) return number <= -kEnd ? Dim(0) : size - Dim(-number);
  return number;
}

Value sliced(const NodeView& node, const Value& x, std::int64_t axis, const Whole& start, const Whole& end,
             std::int64_t step) {
  const Dim& size = x.shape()[static_cast<std::size_t>(axis)];
  if (step == 0) throw Error(ErrorCode::invalid_argument, "a step is 0");
  if (step > 0) {
    const Dim first = forward_bound(start, size);
    Dim stop = forward_bound(end, size);
    if (first.is_number() && stop.is_number() && stop.size() < first.size()) stop = first;
    return step == 1 ? part(x, axis, first, stop) : slice(x, axis, first, stop, step);
  }
  if (!start.is_number() || !end.is_number()) node.refuse("a slice with a negative step needs known bounds");
  if (!size.is_number()) {  // only the whole axis is known to be meant
    if (step == -1 && (start.number() == -1 || start.number() >= std::numeric_limits<std::int32_t>::max()) &&
        end.number() <= -std::numeric_limits<std::int32_t>::max())
      return flip(x, {axis});
    node.refuse("a slice with a negative step needs a known size");
  }
  const std::int64_t n = size.size();
  const auto bounded = [&](std::int64_t bound) {
    return std::clamp<std::int64_t>(bound < 0 ? bound + n : bound, -1, n - 1);
  };
  const std::int64_t first = bounded(start.number());
  const std::int64_t stop = bounded(end.number());
  if (first <= stop) return slice(x, axis, Dim(0), Dim(0), 1);
  const std::int64_t stride = step < -n ? n : -step;
  const std::int64_t last = first - (first - stop - 1) / stride * stride;
  return flip(slice(x, axis, Dim(last), Dim(first + 1), stride), {axis});
}

Items slice_rule(const NodeView& node) {
  Value x = node.value(0);
  std::vector<Whole> starts;
  std::vector<Whole> ends;
  if (node.has_attribute("starts")) {
    for (const std::int64_t start : node.integers("starts")) starts.emplace_back(start);
    for (const std::int64_t end : node.integers("ends")) ends.emplace_back(end);
  } else {
    starts = node.wholes(1, "the starts").numbers;
    ends = node.wholes(2, "the ends").numbers;
  }
  std::vector<std::int64_t> axes(starts.size());
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<std::int64_t>(i);
  if (const auto given = axes_of(node, 3, x.shape().rank())) axes = *given;
  const std::vector<std::int64_t> steps =
      node.has(4) ? node.integers(4, "the steps") : std::vector<std::int64_t>(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    throw Error(ErrorCode::invalid_argument, "its starts, ends, axes and steps are not equally many");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (static_cast<std::size_t>(axes[i]) >= x.shape().rank())
      throw Error(ErrorCode::invalid_argument, "it has more starts than its input has axes");
    x = sliced(node, x, axes[i], starts[i], ends[i], steps[i]);
  }
  return x;
}

PadMode pad_mode(const NodeView& node) {
  const std::string mode = node.text("mode", "constant");
  if (mode == "constant") return PadMode::constant;
  if (mode == "reflect") return PadMode::reflect;
  if (mode == "edge") return PadMode::edge;
  if (mode == "wrap") return PadMode::wrap;
  node.refuse("its mode is none of constant, reflect, edge and wrap");
}

Scalar pad_value(const NodeView& node) {
  if (!node.has(2)) return node.number("value", 0.0);
  const Tensor value = node.constant(2, "the number to pad with");
  return visit_dtype(value.dtype(), [&]<typename T>(T) {
    if constexpr (std::is_arithmetic_v<T>) return Scalar(value.item<T>());
    return Scalar(static_cast<double>(static_cast<float>(value.item<T>())));
  });
}

Items pad_rule(const NodeView& node) {
  Value x = node.value(0);
  const std::size_t rank = x.shape().rank();
  const std::string_view name = node.has_attribute("paddings") ? "paddings" : "pads";
  const auto pads = node.has_attribute(name) ? node.integers(name) : node.integers(1, "the widths");
  std::vector<std::int64_t> axes;
  if (const auto given = axes_of(node, 3, rank)) {
    axes = *given;
  } else {
    for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (pads.size() != 2 * axes.size())
    throw Error(ErrorCode::invalid_argument, "its widths are not two for each axis");
  constexpr std::int64_t kMost = std::int64_t{1} << 40U;
  if (std::ranges::any_of(pads, [](std::int64_t width) { return width > kMost || width < -kMost; }))
    throw Error(ErrorCode::invalid_argument, "its widths are out of bounds");
  PadWidths widths(rank);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axes[i];
    const Dim size = x.shape()[static_cast<std::size_t>(axis)];
    const std::int64_t before = pads[i];
    const std::int64_t after = pads[axes.size() + i];
    x = part(x, axis, std::max<std::int64_t>(0, -before), after < 0 ? size - Dim(-after) : size);
    widths[static_cast<std::size_t>(axis)] = {std::max<std::int64_t>(0, before),
                                              std::max<std::int64_t>(0, after)};
  }
  const PadMode mode = pad_mode(node);
  const Scalar value = pad_value(node);
  if (std::ranges::all_of(widths, [](const auto& width) { return width.first == 0 && width.second == 0; }))
    return x;
  return pad(x, widths, mode, value);
}

/// The middle of each axis, or the axis in the middle of zeros; an odd element is cut, or added, at the end.
Items center_crop_pad_rule(const NodeView& node) {
  Value x = node.value(0);
  const auto sizes = node.integers(1, "the shape");
  std::vector<std::int64_t> axes = node.integers("axes");
  if (axes.empty()) {
    for (std::size_t k = 0; k < x.shape().rank(); ++k) axes.push_back(static_cast<std::int64_t>(k));
  }
  if (axes.size() != sizes.size())
    throw Error(ErrorCode::invalid_argument, "its axes and sizes are not equally many");
  PadWidths widths(x.shape().rank());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = positive_axis(axes[i], x.shape().rank());
    const Dim& size = x.shape()[static_cast<std::size_t>(axis)];
    if (!size.is_number() || sizes[i] < 0) node.refuse("the sizes that it changes must be known numbers");
    const std::int64_t more = sizes[i] - size.size();
    if (more > 0) widths[static_cast<std::size_t>(axis)] = {more / 2, more - more / 2};
    if (more < 0) x = part(x, axis, -more / 2, -more / 2 + sizes[i]);
  }
  return pad(x, widths);
}

Items expand_rule(const NodeView& node) {
  const Value x = node.value(0);
  std::vector<Dim> dims;
  for (const Whole& size : node.wholes(1, "the shape").numbers) dims.push_back(size.dim());
  return broadcast_to(x, broadcast(x.shape(), Shape(std::move(dims))));
}

Items tile_rule(const NodeView& node) {
  const Value x = node.value(0);
  const auto counts = node.integers(1, "the counts");
  if (node.version() >= 6) return tile(x, counts);
  std::vector<std::int64_t> one_axis(x.shape().rank(), 1);
  one_axis.at(static_cast<std::size_t>(positive_axis(node.integer(2, "the axis"), x.shape().rank()))) =
      node.integer(1, "the count");
  return tile(x, one_axis);
}

Items depth_to_space_rule(const NodeView& node) {
  return depth_to_space(node.value(0), node.integer("blocksize", 0), node.text("mode", "DCR") == "CRD");
}

Items space_to_depth_rule(const NodeView& node) {
  return space_to_depth(node.value(0), node.integer("blocksize", 0));
}

Items trilu_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::int64_t k = node.has(1) ? node.integer(1, "the diagonal") : 0;
  const bool upper = node.integer("upper", 1) != 0;
  const std::size_t rank = x.shape().rank();
  if (rank < 2) throw Error(ErrorCode::shape_mismatch, "it takes matrices");
  // Element (i, j) lies on diagonal j - i.
  const auto row = static_cast<std::int64_t>(rank) - 2;
  const Value rows = with_trailing_axes(positions(x, row), 1);
  const Value diagonals = sub(positions(x, row + 1), rows);
  const Value kept = upper ? greater_equal(diagonals, k) : less_equal(diagonals, k);
  if (x.dtype() == DType::boolean) return where(kept, x, constant(x.graph(), Tensor::scalar(false)));
  return where(kept, x, 0);
}

/// Row b of the result is row b of x, whose first `lengths[b]` elements along the time axis are reversed.
Items reverse_sequence_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::size_t rank = x.shape().rank();
  const std::int64_t batch_axis = axis_of(node, "batch_axis", 1, rank);
  const std::int64_t time_axis = axis_of(node, "time_axis", 0, rank);
  const Value lengths = along_axis(cast(node.value(1), i64), batch_axis, rank);
  const Value time = along_axis(positions(x, time_axis), time_axis, rank);
  const Value from = where(less(time, lengths), lengths - 1 - time, time);
  return take_along_axis(x, broadcast_to(from, x.shape()), time_axis);
}

constexpr std::array kStructure{
    RuleEntry{"CenterCropPad", center_crop_pad_rule},
    RuleEntry{"Concat", concat_rule},
    RuleEntry{"DepthToSpace", depth_to_space_rule},
    RuleEntry{"Expand", expand_rule},
    RuleEntry{"Flatten", flatten_rule},
    RuleEntry{"Identity", identity_rule},
    RuleEntry{"Pad", pad_rule},
    RuleEntry{"Reshape", reshape_rule},
    RuleEntry{"ReverseSequence", reverse_sequence_rule},
    RuleEntry{"Shape", shape_rule},
    RuleEntry{"Size", size_rule},
    RuleEntry{"Slice", slice_rule},
    RuleEntry{"SpaceToDepth", space_to_depth_rule},
    RuleEntry{"Split", split_rule},
    RuleEntry{"Squeeze", squeeze_rule},
    RuleEntry{"Tile", tile_rule},
    RuleEntry{"Transpose", transpose_rule},
    RuleEntry{"Trilu", trilu_rule},
    RuleEntry{"Unsqueeze", unsqueeze_rule},
};

}  // namespace

std::span<const RuleEntry> structure_rules() { return kStructure; }

}  // namespace weft::onnx
