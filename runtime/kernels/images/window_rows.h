#pragma once
// Which elements of a window lie inside the pictures, for the kernels of interleaved pictures. A convolution
// reads x where it writes y; its input gradient reads dy where it writes dx, with the same pairs of elements.

#include <cstdint>
#include <span>
#include <vector>

#include "weft/ops/conv.h"
#include "weft/runtime/kernels/images/lanes/lane_functions.h"

namespace weft {

/// An element of a kernel along one axis, and the element of the source that meets it.
struct WindowHit {
  std::int64_t tap = 0;
  std::int64_t at = 0;
};

enum class WindowReading : std::uint8_t { forwards, backwards };

/// Those for element `i` of the destination along one axis (0 depth, 1 rows, 2 columns), by their taps.
std::vector<WindowHit> window_hits(const ConvSizes& sizes, WindowReading reading, std::size_t axis,
                                   std::int64_t i);

/// The same for row `row` of all depth * height rows: rows of the kernel and of the source.
std::vector<WindowHit> window_row_hits(const ConvSizes& sizes, WindowReading reading, std::int64_t row);

/// All windows of one picture as lists of taps. Rows whose windows reach over the same borders share theirs.
class WindowRows {
 public:
  /// A pixel of the source has `pixel` floats, and a tap `weights` of them.
  WindowRows(const ConvSizes& sizes, WindowReading reading, std::int64_t pixel, std::int64_t weights);

  std::int64_t rows() const { return static_cast<std::int64_t>(rows_.size()); }
  std::int64_t columns() const { return columns_; }
  /// The row of the source from which the taps of a row count.
  std::int64_t source_row(std::int64_t row) const { return rows_[static_cast<std::size_t>(row)].source; }
  std::span<const WindowTap> taps(std::int64_t row, std::int64_t column) const;

 private:
  struct Row {
    std::int64_t source = 0;
    std::size_t list = 0;
  };
  struct List {
    std::vector<WindowTap> taps;
    std::vector<std::size_t> ends;  // by column
  };

  std::int64_t columns_;
  std::vector<Row> rows_;
  std::vector<List> lists_;
};

}  // namespace weft
