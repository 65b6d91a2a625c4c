#include "weft/runtime/sparse/kernels/column_range.h"

#include <algorithm>

namespace weft {

ColumnRange::ColumnRange(Range range, const RowLayout& layout)
    : range_(range), to_last_(range.end == layout.columns) {
  const auto share_before = [&](std::int64_t column) {
    const auto* load = layout.column_load.get();
    if (load == nullptr || load->back() == 0)
      return static_cast<double>(column) / static_cast<double>(layout.columns);
    return static_cast<double>((*load)[static_cast<std::size_t>(column)]) / static_cast<double>(load->back());
  };
  if (range.begin > 0) before_ = share_before(range.begin);
  if (!to_last_) until_ = share_before(range.end);
}

// Near the likely place the columns below `bound` are counted, since a binary search waits in each step for
// the one before and reads cache lines that may be far.
template <typename C>
std::int64_t ColumnRange::first_from(const C* columns, Range row, std::int64_t bound, double before) {
  constexpr std::int64_t kSpread = 32;  // a cache line of 16-bit columns; most rows of pictures lie within
  const auto limit =
      static_cast<C>(bound);  // it fits: a range that ends with the last column is not searched
  const auto entries = static_cast<double>(row.end - row.begin);
  const std::int64_t middle = row.begin + static_cast<std::int64_t>(before * entries);
  const Range near{std::max(row.begin, middle - kSpread), std::min(row.end, middle + kSpread)};
  if ((near.begin > row.begin && columns[near.begin - 1] >= limit) ||
      (near.end < row.end && columns[near.end] < limit)) {
    return std::lower_bound(columns + row.begin, columns + row.end, limit) - columns;
  }
  C below = 0;
  for (std::int64_t k = near.begin; k < near.end; ++k)
    below = static_cast<C>(below + (columns[k] < limit ? 1 : 0));
  return near.begin + below;
}

template std::int64_t ColumnRange::first_from(const std::uint16_t*, Range, std::int64_t, double);
template std::int64_t ColumnRange::first_from(const std::int32_t*, Range, std::int64_t, double);

}  // namespace weft
