#include "weft/runtime/kernels/layout/gather.h"

#include <cstring>

#include "weft/ops/gather.h"

namespace weft {
namespace {

struct RowCopy {
  std::int64_t table_rows = 0;
  std::size_t row_bytes = 0;
  DType index = DType::i64;
  Range rows;
};

class GatherKernel final : public Kernel {
 public:
  explicit GatherKernel(const RowCopy& copy) : copy_(copy) {}

  void run(const KernelBuffers& buffers) override {
    const auto [table_rows, row_bytes, index, rows] = copy_;
    const ConstArg indices{.dtype = index,
                           .sizes = {},
                           .data = buffers.inputs[1] + static_cast<std::size_t>(rows.begin) * size_of(index),
                           .elements = rows.end - rows.begin};
    check_indices(indices, table_rows, "index", rows.begin);
    std::byte* to = buffers.outputs[0] + static_cast<std::size_t>(rows.begin) * row_bytes;
    for (std::int64_t i = 0; i < indices.elements; ++i, to += row_bytes) {
      std::memcpy(to, buffers.inputs[0] + static_cast<std::size_t>(index_at(indices, i)) * row_bytes,
                  row_bytes);
    }
  }

 private:
  RowCopy copy_;
};

}  // namespace

std::optional<KernelChoice> gather_kernel(const KernelSite& site) {
  if (!site.op.is<Gather>() || site.inputs[1].shape.rank() != 1) return std::nullopt;
  const TensorType& table = site.inputs[0];
  RowCopy copy{.table_rows = row_count(table),
               .row_bytes = static_cast<std::size_t>(row_elements(table)) * size_of(table.dtype),
               .index = site.inputs[1].dtype,
               .rows = {}};
  if (copy.row_bytes == 0) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = row_count(site.inputs[1]), .row_inputs = {false, true}};
  choice.work.bytes = 2.0 * static_cast<double>(choice.cut.extent) * static_cast<double>(copy.row_bytes);
  choice.make = [copy](Range range) mutable {
    copy.rows = range;
    return std::make_unique<GatherKernel>(copy);
  };
  return choice;
}

}  // namespace weft
