#include "weft/runtime/kernels/images/window_rows.h"

#include <map>
#include <utility>

namespace weft {

std::vector<WindowHit> window_hits(const ConvSizes& sizes, WindowReading reading, std::size_t axis,
                                   std::int64_t i) {
  std::vector<WindowHit> hits;
  for (std::int64_t tap = 0; tap < sizes.kernel[axis]; ++tap) {
    const std::int64_t reach = tap * sizes.dilation[axis] - sizes.before[axis];
    if (reading == WindowReading::forwards) {
      const std::int64_t at = i * sizes.stride[axis] + reach;
      if (at >= 0 && at < sizes.x[axis]) hits.push_back({tap, at});
    } else {
      const std::int64_t start = i - reach;
      const std::int64_t at = start / sizes.stride[axis];
      if (start >= 0 && start % sizes.stride[axis] == 0 && at < sizes.y[axis]) hits.push_back({tap, at});
    }
  }
  return hits;
}

std::vector<WindowHit> window_row_hits(const ConvSizes& sizes, WindowReading reading, std::int64_t row) {
  const bool forwards = reading == WindowReading::forwards;
  const std::int64_t height = forwards ? sizes.y[1] : sizes.x[1];
  const std::int64_t source_height = forwards ? sizes.x[1] : sizes.y[1];
  std::vector<WindowHit> hits;
  for (const WindowHit& depth : window_hits(sizes, reading, 0, row / height)) {
    for (const WindowHit& line : window_hits(sizes, reading, 1, row % height))
      hits.push_back({depth.tap * sizes.kernel[1] + line.tap, depth.at * source_height + line.at});
  }
  return hits;
}

WindowRows::WindowRows(const ConvSizes& sizes, WindowReading reading, std::int64_t pixel,
                       std::int64_t weights)
    : columns_(reading == WindowReading::forwards ? sizes.y[2] : sizes.x[2]) {
  const bool forwards = reading == WindowReading::forwards;
  const ConvSizes::Triple& destination = forwards ? sizes.y : sizes.x;
  const std::int64_t source_width = forwards ? sizes.x[2] : sizes.y[2];
  std::map<std::vector<std::pair<std::int64_t, std::int64_t>>, std::size_t> known;
  for (std::int64_t row = 0; row < destination[0] * destination[1]; ++row) {
    const std::vector<WindowHit> hits = window_row_hits(sizes, reading, row);
    const std::int64_t source = hits.empty() ? 0 : hits.front().at;
    std::vector<std::pair<std::int64_t, std::int64_t>> key;
    for (const WindowHit& hit : hits) key.emplace_back(hit.tap, hit.at - source);
    const auto [found, is_new] = known.try_emplace(std::move(key), lists_.size());
    rows_.push_back({source, found->second});
    if (!is_new) continue;
    List& list = lists_.emplace_back();
    for (std::int64_t column = 0; column < columns_; ++column) {
      const auto across = window_hits(sizes, reading, 2, column);
      for (const WindowHit& hit : hits) {
        for (const WindowHit& beside : across) {
          const std::int64_t at = (hit.at - source) * source_width + beside.at;
          const std::int64_t tap = hit.tap * sizes.kernel[2] + beside.tap;
          list.taps.push_back(
              {static_cast<std::int32_t>(at * pixel), static_cast<std::int32_t>(tap * weights)});
        }
      }
      list.ends.push_back(list.taps.size());
    }
  }
}

std::span<const WindowTap> WindowRows::taps(std::int64_t row, std::int64_t column) const {
  const List& list = lists_[rows_[static_cast<std::size_t>(row)].list];
  const auto at = static_cast<std::size_t>(column);
  const std::size_t begin = at == 0 ? 0 : list.ends[at - 1];
  return std::span(list.taps).subspan(begin, list.ends[at] - begin);
}

}  // namespace weft
