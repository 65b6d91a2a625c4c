#include "weft/runtime/sparse/kernels/batch.h"

namespace weft {

Work Batch::work(double passes, double looks) const {
  constexpr double kFloat = sizeof(float);
  const auto weights = static_cast<double>(left.rows.columns) * static_cast<double>(n);
  const double nonzeros =
      left.rows.density() * static_cast<double>(rows) * static_cast<double>(left.rows.columns);
  const double products = nonzeros * static_cast<double>(n);
  const double others = nonzeros + static_cast<double>(rows) * static_cast<double>(n);
  return {.flops = 2.0 * products,
          .bytes = kFloat * (passes * weights + others),
          .traffic = kFloat * (products + others),
          .entries = looks * nonzeros};
}

Cut column_cut(const RowLayout& layout) {
  return {.extent = layout.columns, .inputs = {}, .load = layout.column_load};
}

BatchProducts::BatchProducts(const Batch& batch, Range rows, Range columns)
    : BatchProducts(batch, rows, columns, {.begin = 0, .end = batch.column_blocks}) {}

BatchProducts::BatchProducts(const Batch& batch, Range column_blocks)
    : BatchProducts(batch, {.begin = 0, .end = batch.rows}, {.begin = 0, .end = batch.layout().columns},
                    column_blocks) {}

BatchProducts::BatchProducts(const Batch& batch, Range rows, Range columns, Range column_blocks)
    : rows_(rows),
      column_blocks_(column_blocks),
      height_(batch.rows),
      width_(batch.width()),
      stride_(batch.n),
      products_(std::min(kGroup, rows.end - rows.begin), columns, batch.width(),
                std::min(batch.layout().fullest_row, columns.end - columns.begin)),
      taken_(std::min(kGroup, rows.end - rows.begin), ColumnRange(columns, batch.layout())) {
  if (batch.is_numbered()) {
    packed_.emplace(batch.layout(), std::min(kGroup, rows.end - rows.begin),
                    ColumnRange(columns, batch.layout()));
  }
}

std::size_t BatchProducts::scratch_bytes() const {
  return products_.scratch_bytes() + (packed_ ? packed_->scratch_bytes() : taken_.scratch_bytes());
}

StoredRows BatchProducts::rows_of(const StoredRows& x, const std::int32_t* numbers, Range group,
                                  std::byte* scratch) const {
  if (!packed_) return taken_.of(x, nullptr, group, scratch);
  const auto count = static_cast<std::size_t>(group.end - group.begin);
  return packed_->pack(x, {numbers + group.begin, count}, scratch);
}

}  // namespace weft
