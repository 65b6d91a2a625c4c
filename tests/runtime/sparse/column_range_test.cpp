#include "weft/runtime/sparse/kernels/column_range.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weft {
namespace {

TEST(ColumnRange, IsFoundInRowsThatDoNotHaveItWhereMostDo) {
  constexpr std::int64_t kSkewedWidth = 400;
  Tensor x = Tensor::zeros(DType::u8, {4, kSkewedWidth});
  const auto row = [&](std::size_t i) {
    return x.mutable_values<std::uint8_t>().subspan(i * kSkewedWidth, kSkewedWidth);
  };
  std::ranges::fill(row(0), std::uint8_t{1});
  std::ranges::fill(row(1).first(kSkewedWidth / 2), std::uint8_t{1});
  std::ranges::fill(row(2).last(kSkewedWidth / 2), std::uint8_t{1});
  const RowStore store = make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
  const StoredRows rows = store.rows();
  for (const Range range : {Range{0, 200}, Range{200, kSkewedWidth}, Range{100, 300}, Range{30, 31}}) {
    const ColumnRange columns(range, store.layout);
    for (const std::int64_t i : {0, 1, 2, 3}) {
      const auto* const listed = static_cast<const std::uint16_t*>(rows.columns);
      const Range found = columns.of(listed, {rows.begins[i], rows.ends[i]});
      for (std::int64_t k = rows.begins[i]; k < rows.ends[i]; ++k) {
        EXPECT_EQ(k >= found.begin && k < found.end, listed[k] >= range.begin && listed[k] < range.end)
            << "row " << i << ", column " << listed[k];
      }
      EXPECT_LE(found.begin, found.end);
    }
  }
}

}  // namespace
}  // namespace weft
