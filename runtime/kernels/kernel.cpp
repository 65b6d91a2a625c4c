#include "weft/runtime/kernels/kernel.h"

#include <algorithm>

#include "weft/graph/error.h"

namespace weft {

Range share(const Cut& cut, int shards, int shard) {
  if (!cut.load) return share(cut.extent, shards, shard);
  const auto row_at = [&](int boundary) -> std::int64_t {
    if (boundary == shards) return cut.extent;
    const std::int64_t load = share(cut.load->back(), shards, boundary).begin;
    return std::ranges::lower_bound(*cut.load, load) - cut.load->begin();
  };
  return {row_at(shard), row_at(shard + 1)};
}

std::int64_t row_count(const TensorType& type) { return type.shape.is_scalar() ? 1 : type.shape[0].size(); }

std::int64_t row_elements(const TensorType& type) {
  std::int64_t elements = 1;
  for (std::size_t axis = 1; axis < type.shape.rank(); ++axis) elements *= type.shape[axis].size();
  return elements;
}

Cut cut_by_column_blocks(std::int64_t column_blocks, const KernelSite& site) {
  return {.extent = column_blocks,
          .row_inputs = std::vector<bool>(site.inputs.size(), false),
          .column_inputs = std::vector<bool>(site.inputs.size(), false),
          .seamless = true};
}

Cut cut_by_rows(const KernelSite& site) {
  Cut cut{.extent = row_count(site.outputs[0]), .row_inputs = {}};
  for (const TensorType& input : site.inputs) {
    cut.row_inputs.push_back(input.shape.rank() == site.outputs[0].shape.rank() &&
                             row_count(input) == cut.extent);
  }
  return cut;
}

bool any_accepts(std::span<const KernelEntry> entries, const KernelSite& site) {
  return std::ranges::any_of(entries,
                             [&](const KernelEntry& entry) { return entry.offer(site).has_value(); });
}

Work work_of(const KernelSite& site) {
  Work work;
  for (const TensorType& input : site.inputs)
    work.bytes += static_cast<double>(input.shape.elements()) * static_cast<double>(size_of(input.dtype));
  for (const TensorType& output : site.outputs) {
    work.flops += static_cast<double>(output.shape.elements());
    work.bytes += static_cast<double>(output.shape.elements()) * static_cast<double>(size_of(output.dtype));
  }
  return work;
}

std::size_t own_output(const Cut& cut, int outputs, Range rows) {
  for (int i = 0; i < outputs; ++i) {
    const Range own = share(cut, outputs, i);
    if (own.begin == rows.begin && own.end == rows.end) return static_cast<std::size_t>(i);
  }
  throw Error(ErrorCode::internal, "an op is cut at other rows than its outputs, the terms of a sum, are");
}

}  // namespace weft
