#include "weft/runtime/sparse/kernels/batch_rows.h"

#include "weft/runtime/machine/cache.h"

namespace weft {

std::size_t BatchRows::scratch_bytes() const {
  return whole_lines(static_cast<std::size_t>(2 * most_) * sizeof(std::int64_t));
}

StoredRows BatchRows::of(const StoredRows& x, const std::int32_t* numbers, Range rows,
                         std::byte* scratch) const {
  StoredRows view = x;
  if (numbers == nullptr && range_.is_all()) {
    view.begins += rows.begin;
    view.ends += rows.begin;
    return view;
  }
  auto* const begins = reinterpret_cast<std::int64_t*>(scratch);
  std::int64_t* const ends = begins + most_;
  const auto take = [&](const auto* columns) {
    for (std::int64_t i = 0; i < rows.end - rows.begin; ++i) {
      const std::int64_t place = rows.begin + i;
      const std::int64_t row = numbers != nullptr ? std::int64_t{numbers[place]} : place;
      const Range taken = range_.of(columns, {x.begins[row], x.ends[row]});
      begins[i] = taken.begin;
      ends[i] = taken.end;
    }
  };
  if (x.wide_columns) {
    take(static_cast<const std::int32_t*>(x.columns));
  } else {
    take(static_cast<const std::uint16_t*>(x.columns));
  }
  view.begins = begins;
  view.ends = ends;
  return view;
}

}  // namespace weft
