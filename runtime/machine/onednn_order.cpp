#include "weft/runtime/machine/onednn_order.h"

#include <iterator>

namespace weft {

std::optional<WeightOrder> order_of(const dnnl::memory::desc& desc) {
  WeightOrder order;
  order.sizes = desc.dims();
  const std::size_t rank = order.sizes.size();
#if DNNL_VERSION_MAJOR < 3
  const dnnl_memory_desc_t& data = desc.data;
  if (data.format_kind != dnnl_blocked || data.extra.flags != 0 || data.offset0 != 0) return std::nullopt;
  const dnnl_blocking_desc_t& blocking = data.format_desc.blocking;
  const auto count = static_cast<std::size_t>(blocking.inner_nblks);
  order.strides.assign(std::begin(blocking.strides), std::begin(blocking.strides) + rank);
  order.blocks.assign(std::begin(blocking.inner_blks), std::begin(blocking.inner_blks) + count);
  order.block_axes.assign(std::begin(blocking.inner_idxs), std::begin(blocking.inner_idxs) + count);
#else
  if (desc.get_format_kind() != dnnl::memory::format_kind::blocked) return std::nullopt;
  order.strides = desc.get_strides();
  order.strides.resize(rank);
  order.blocks = desc.get_inner_blks();
  order.block_axes = desc.get_inner_idxs();
#endif
  order.elements = static_cast<std::int64_t>(desc.get_size() / sizeof(float));
  return order;
}

}  // namespace weft
