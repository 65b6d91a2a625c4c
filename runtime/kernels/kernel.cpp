#include "weft/runtime/kernels/kernel.h"

#include <algorithm>

#include "weft/graph/error.h"

namespace weft {

Range share(const Cut& cut, int shards, int shard) {
  return cut.load ? share_of_load(*cut.load, shards, shard) : share(cut.extent, shards, shard);
}

std::int64_t row_count(const TensorType& type) { return type.shape.is_scalar() ? 1 : type.shape[0].size(); }

std::int64_t row_elements(const TensorType& type) {
  std::int64_t elements = 1;
  for (std::size_t axis = 1; axis < type.shape.rank(); ++axis) elements *= type.shape[axis].size();
  return elements;
}

Cut cut_by_column_blocks(std::int64_t column_blocks, const KernelSite& site) {
  return {.extent = column_blocks, .inputs = std::vector<Portion>(site.inputs.size()), .seamless = true};
}

Cut cut_by_rows(const KernelSite& site) {
  Cut cut{.extent = row_count(site.outputs[0]), .inputs = {}};
  for (const TensorType& input : site.inputs) {
    cut.inputs.push_back(
        rows_if(input.shape.rank() == site.outputs[0].shape.rank() && row_count(input) == cut.extent));
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
