#include "weft/runtime/kernels/column_part.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace weft {
namespace {

/// For each row [begins[i], ends[i]) of ascending columns the first that is not below `bound`, or its end.
/// Rows differ too much for a processor to guess the way, so no step branches on what it compares; and every
/// step waits for the last one, so several rows go side by side.
template <typename C>
void find_first(const C* columns, std::span<const std::int64_t> begins, std::span<const std::int64_t> ends,
                std::int64_t bound, std::int64_t* found) {
  constexpr std::size_t kBeside = 4;
  static constexpr C kNone = 0;
  for (std::size_t first = 0; first < begins.size(); first += kBeside) {
    std::array<const C*, kBeside> at{};
    std::array<std::int64_t, kBeside> left{};
    std::int64_t most = 0;
    const std::size_t count = std::min(kBeside, begins.size() - first);
    for (std::size_t j = 0; j < count; ++j) {
      at[j] = columns + begins[first + j];
      left[j] = ends[first + j] - begins[first + j];
      most = std::max(most, left[j]);
    }
    for (auto step = std::bit_width(static_cast<std::uint64_t>(most)); step > 0; --step) {
      for (std::size_t j = 0; j < kBeside; ++j) {
        const std::int64_t half = (left[j] + 1) / 2;
        const C* const probe = half > 0 ? at[j] + half - 1 : &kNone;
        at[j] += std::int64_t{*probe} < bound ? half : 0;
        left[j] -= half;
      }
    }
    for (std::size_t j = 0; j < count; ++j) found[first + j] = at[j] - columns;
  }
}

}  // namespace

void ColumnPart::narrow(const StoredRows& x, std::span<std::int64_t> begins,
                        std::span<std::int64_t> ends) const {
  const auto narrow = [&](const auto* columns) {
    if (!to_last_) find_first(columns, begins, ends, part_.end, ends.data());
    if (part_.begin > 0) find_first(columns, begins, ends, part_.begin, begins.data());
  };
  if (x.wide_columns) {
    narrow(static_cast<const std::int32_t*>(x.columns));
  } else {
    narrow(static_cast<const std::uint16_t*>(x.columns));
  }
}

}  // namespace weft
