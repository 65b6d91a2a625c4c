#pragma once
// Small square pictures in rows in one chart.

#include <cstddef>
#include <string>
#include <utility>

#include "weft/frontends/report/gnuplot.h"

namespace weft::mnist {

/// Square tiles of one size, ten in a row, with room for a line of text above each.
class TileGrid {
 public:
  TileGrid(std::size_t tiles, std::size_t side, std::size_t room);

  void set(std::size_t tile, std::size_t pixel, double value);
  void write(std::size_t tile, const std::string& text);
  /// Height as a share of the width.
  double aspect() const;
  report::ImageChart& chart() { return chart_; }

 private:
  /// Column and row of a tile's first pixel.
  std::pair<std::size_t, std::size_t> corner(std::size_t tile) const;

  std::size_t side_;
  std::size_t room_;
  std::size_t columns_;
  report::ImageChart chart_;
};

/// The side of the square that this many pixels fill; 0 if they do not fill one.
std::size_t side_of(std::int64_t pixels);

}  // namespace weft::mnist
