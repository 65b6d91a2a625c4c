// Ops whose inputs are indices. ONNX counts negative ones from the end, where weft refuses them in a run.

#include <array>

#include "weft/frontends/onnx/export_node.h"
#include "weft/ops/gather.h"
#include "weft/ops/indexing.h"
#include "weft/ops/pool.h"

namespace weft::onnx {
namespace {

std::string indices_of(ExportNode& n, std::size_t i) { return n.cast(n.in(i), DType::i64); }

std::string_view reduction_name(ExportNode& n, Reduction reduction) {
  switch (reduction) {
    case Reduction::set:
      return "none";
    case Reduction::add:
      return "add";
    case Reduction::mul:
      return "mul";
    case Reduction::min:
    case Reduction::max:
      break;
  }
  n.refuse("operator set 17 scatters no smallest or largest elements");
}

NameList export_gather(ExportNode& n, std::string_view) {
  return {n.add("Gather", {n.in(0), indices_of(n, 1)}, {attr("axis", 0)})};
}
NameList export_scatter_add(ExportNode& n, std::string_view) {
  const std::string zeros = n.full(n.op<ScatterAdd>().shape, 0.0, n.dtype());
  const std::string places = n.unsqueeze(indices_of(n, 1), {-1});
  return {n.add("ScatterND", {zeros, places, n.in(0)}, {attr_text("reduction", "add")})};
}
NameList export_one_hot(ExportNode& n, std::string_view) {
  return {n.one_hot(n.in(0), n.op<OneHot>().depth, n.op<OneHot>().dtype)};
}

NameList export_take_along_axis(ExportNode& n, std::string_view) {
  return {n.add("GatherElements", {n.in(0), indices_of(n, 1)},
                {attr("axis", n.axis(n.op<TakeAlongAxis>().axis))})};
}
NameList export_gather_nd(ExportNode& n, std::string_view) {
  return {n.add("GatherND", {n.in(0), indices_of(n, 1)}, {attr("batch_dims", 0)})};
}
NameList export_scatter(ExportNode& n, std::string_view) {
  const auto& op = n.op<Scatter>();
  return {n.add("ScatterElements", {n.in(0), indices_of(n, 1), n.in(2)},
                {attr("axis", n.axis(op.axis)), attr_text("reduction", reduction_name(n, op.reduction))})};
}
NameList export_scatter_nd(ExportNode& n, std::string_view) {
  return {n.add("ScatterND", {n.in(0), indices_of(n, 1), n.in(2)},
                {attr_text("reduction", reduction_name(n, n.op<ScatterNd>().reduction))})};
}

/// A picture's planes as rows.
Shape plane_rows(const Shape& shape) { return {shape[0], shape[1], shape[2] * shape[3]}; }

NameList export_plane_gather(ExportNode& n, std::string_view) {
  const std::string rows = n.reshape(n.in(0), plane_rows(n.shape(0)));
  const std::string places = n.reshape(indices_of(n, 1), plane_rows(n.shape(1)));
  return {n.reshape(n.add("GatherElements", {rows, places}, {attr("axis", 2)}), n.out().shape)};
}
NameList export_plane_scatter_add(ExportNode& n, std::string_view) {
  const std::string zeros = n.full(plane_rows(n.out().shape), 0.0, n.dtype());
  const std::string rows = n.reshape(n.in(0), plane_rows(n.shape(0)));
  const std::string places = n.reshape(indices_of(n, 1), plane_rows(n.shape(1)));
  const std::string sums =
      n.add("ScatterElements", {zeros, places, rows}, {attr("axis", 2), attr_text("reduction", "add")});
  return {n.reshape(sums, n.out().shape)};
}

constexpr std::array kIndexingExports{
    exported<Gather>(export_gather),
    exported<ScatterAdd>(export_scatter_add),
    exported<OneHot>(export_one_hot),
    exported<TakeAlongAxis>(export_take_along_axis),
    exported<GatherNd>(export_gather_nd),
    exported<Scatter>(export_scatter),
    exported<ScatterNd>(export_scatter_nd),
    exported<PlaneGather>(export_plane_gather),
    exported<PlaneScatterAdd>(export_plane_scatter_add),
};

}  // namespace

std::span<const ExportEntry> indexing_exports() { return kIndexingExports; }

}  // namespace weft::onnx
