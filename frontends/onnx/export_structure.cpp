// Ops that move elements, and sorted ones.

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "weft/frontends/onnx/export_node.h"
#include "weft/ops/layout.h"
#include "weft/ops/sorting.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

NameList export_reshape(ExportNode& n, std::string_view) {
  return {n.reshape(n.in(0), n.op<Reshape>().shape)};
}

NameList export_transpose(ExportNode& n, std::string_view) {
  const auto& permutation = n.op<Transpose>().permutation;
  return {permutation.empty() ? n.in(0) : n.transpose(n.in(0), permutation)};
}

NameList export_broadcast_to(ExportNode& n, std::string_view) {
  const Shape& shape = n.op<BroadcastTo>().shape;
  return {shape.is_scalar() ? n.in(0) : n("Expand", n.in(0), n.sizes(shape))};
}

NameList export_concat(ExportNode& n, std::string_view) {
  return {n.add("Concat", n.inputs(), {attr("axis", n.axis(n.op<Concat>().axis))})};
}

NameList export_slice(ExportNode& n, std::string_view) {
  const auto& op = n.op<Slice>();
  return {n("Slice", n.in(0), n.dim(op.start), n.dim(op.stop), n.ints({n.axis(op.axis)}), n.ints({op.step}))};
}

/// x with zeros before and after it along one axis.
std::string padded(ExportNode& n, const std::string& x, std::size_t rank, std::size_t axis, const Dim& before,
                   const Dim& after) {
  NameList widths;
  for (std::size_t i = 0; i < 2 * rank; ++i) {
    const bool here = i % rank == axis;
    widths.push_back(n.dim(here ? (i < rank ? before : after) : Dim(0)));
  }
  const std::string all = n.add("Concat", std::move(widths), {attr("axis", 0)});
  return n.add("Pad", {x, all, n.number(0.0, n.out().dtype)}, {attr_text("mode", "constant")});
}

/// Each slice with its zeros between and around, one after the other.
NameList export_unslice(ExportNode& n, std::string_view) {
  const auto& op = n.op<Unslice>();
  const std::size_t rank = op.shape.rank();
  NameList parts;
  Dim done = 0;
  const auto axis = normalize_axis(op.slices.front().axis, rank);
  for (std::size_t i = 0; i < op.slices.size(); ++i) {
    const Slice& slice = op.slices[i];
    std::string part = n.in(i);
    Dim length = n.shape(i)[axis];
    if (slice.step != 1) {
      if (!length.is_number()) n.refuse("a slice with steps has a size that only a run knows");
      if (length.is(0)) continue;
      // With its zeros each element is a row of `step`; those after the last one go.
      std::vector<Dim> dims = n.shape(i).dims();
      dims[axis] = length * slice.step;
      part = padded(n, n.unsqueeze(part, {static_cast<std::int64_t>(axis) + 1}), rank + 1, axis + 1, 0,
                    slice.step - 1);
      part = n.reshape(part, Shape(dims));
      length = (length - 1) * slice.step + 1;
      part = n("Slice", part, n.ints({0}), n.dim(length), n.ints({static_cast<std::int64_t>(axis)}));
    }
    parts.push_back(padded(n, part, rank, axis, slice.start - done, 0));
    done = slice.start + length;
  }
  if (parts.empty()) return {n.full(op.shape, 0.0, n.out().dtype)};
  parts.back() = padded(n, parts.back(), rank, axis, 0, op.shape[axis] - done);
  if (parts.size() == 1) return parts;
  return {n.add("Concat", std::move(parts), {attr("axis", static_cast<std::int64_t>(axis))})};
}

NameList export_pad(ExportNode& n, std::string_view) {
  const auto& op = n.op<Pad>();
  std::vector<std::int64_t> widths = op.before;
  widths.insert(widths.end(), op.after.begin(), op.after.end());
  if (widths.empty()) return {n.in(0)};
  Tensor value = Tensor::uninitialized(n.dtype(), {});
  visit_dtype(n.dtype(), [&]<typename T>(T) { value.mutable_values<T>()[0] = op.value.to<T>(); });
  return {n.add("Pad", {n.in(0), n.ints(widths), n.constant(value)}, {attr_text("mode", "constant")})};
}

NameList export_flip(ExportNode& n, std::string_view) {
  const std::vector<std::int64_t> axes = normalize_axes(n.op<Flip>().axes, n.rank());
  if (axes.empty()) return {n.in(0)};
  constexpr std::int64_t kBeforeTheFirst = std::numeric_limits<std::int64_t>::min();
  const std::vector<std::int64_t> ends(axes.size(), kBeforeTheFirst);
  const std::vector<std::int64_t> back(axes.size(), -1);
  return {n("Slice", n.in(0), n.ints(back), n.ints(ends), n.ints(axes), n.ints(back))};
}

NameList export_positions(ExportNode& n, std::string_view) {
  const auto& op = n.op<Positions>();
  const std::string size = n.squeeze(n.dim(n.shape(0)[static_cast<std::size_t>(n.axis(op.axis))]), {0});
  const std::string all = n("Range", n.constant(Tensor::scalar(std::int64_t{0})), size,
                            n.constant(Tensor::scalar(std::int64_t{1})));
  return {n.cast(all, op.dtype)};
}

NameList ordered(ExportNode& n, const Dim& k, std::int64_t axis, bool largest) {
  if (n.dtype() == DType::boolean) n.refuse("ONNX's operator takes no bools");
  return n.add_many("TopK", {n.in(0), n.dim(k)}, 2,
                    {attr("axis", axis), attr("largest", largest ? 1 : 0), attr("sorted", 1)});
}
NameList export_sort(ExportNode& n, std::string_view) {
  const std::int64_t axis = n.axis(n.op<Sort>().axis);
  return ordered(n, n.shape(0)[static_cast<std::size_t>(axis)], axis, n.op<Sort>().descending);
}
NameList export_top_k(ExportNode& n, std::string_view) {
  const auto& op = n.op<TopK>();
  return ordered(n, op.k, n.axis(op.axis), op.largest);
}

/// How many of the sorted numbers are below each value, by comparing all with all.
NameList export_search_sorted(ExportNode& n, std::string_view) {
  const std::string values = n.unsqueeze(n.in(1), {-1});
  const std::string below = n(n.op<SearchSorted>().right ? "LessOrEqual" : "Less", n.in(0), values);
  return {n.sum(n.cast(below, DType::i64), {-1}, false)};
}

constexpr std::array kStructureExports{
    exported<Reshape>(export_reshape),
    exported<Transpose>(export_transpose),
    exported<BroadcastTo>(export_broadcast_to),
    exported<Concat>(export_concat),
    exported<Slice>(export_slice),
    exported<Unslice>(export_unslice),
    exported<Pad>(export_pad),
    exported<Flip>(export_flip),
    exported<Positions>(export_positions),
    exported<Sort>(export_sort),
    exported<TopK>(export_top_k),
    exported<SearchSorted>(export_search_sorted),
};

}  // namespace

std::span<const ExportEntry> structure_exports() { return kStructureExports; }

}  // namespace weft::onnx
