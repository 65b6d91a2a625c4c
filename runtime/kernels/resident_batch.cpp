#include "weft/runtime/kernels/resident_batch.h"

#include "weft/runtime/cache.h"

namespace weft {

Work Batch::work(double passes, double looks) const {
  constexpr double kFloat = sizeof(float);
  const auto weights = static_cast<double>(layout.columns) * static_cast<double>(n);
  const double nonzeros = layout.density() * static_cast<double>(rows) * static_cast<double>(layout.columns);
  const double products = nonzeros * static_cast<double>(n);
  const double others = nonzeros + static_cast<double>(rows) * static_cast<double>(n);
  return {.flops = 2.0 * products,
          .bytes = kFloat * (passes * weights + others),
          .traffic = kFloat * (products + others),
          .entries = looks * nonzeros};
}

BatchProducts::BatchProducts(const Batch& batch, Range rows, Range columns)
    : rows_(rows),
      columns_(columns, batch.layout.columns),
      n_(batch.n),
      products_(std::min(kGroup, rows.end - rows.begin), columns, batch.n,
                std::min(batch.layout.fullest_row, columns.end - columns.begin)) {
  if (batch.form == RowsForm::numbered)
    packed_.emplace(batch.layout, std::min(kGroup, rows.end - rows.begin), columns);
}

std::size_t BatchProducts::scratch_bytes() const {
  const std::int64_t places = columns_.is_all() ? 0 : 2 * std::min(kGroup, rows_.end - rows_.begin);
  return products_.scratch_bytes() + (packed_
                                          ? packed_->scratch_bytes()
                                          : whole_lines(static_cast<std::size_t>(places) * sizeof(places)));
}

StoredRows BatchProducts::rows_of(const StoredRows& x, const std::int32_t* numbers, Range group,
                                  std::byte* scratch) const {
  const std::int64_t count = group.end - group.begin;
  std::byte* const own = scratch + products_.scratch_bytes();
  if (packed_) return packed_->pack(x, {numbers + group.begin, static_cast<std::size_t>(count)}, own);
  StoredRows rows = x;
  rows.begins += group.begin;
  rows.ends += group.begin;
  return columns_.is_all() ? rows : narrowed(rows, count, columns_, reinterpret_cast<std::int64_t*>(own));
}

}  // namespace weft
