#include "weft/frontends/mnist/study/tile_grid.h"

#include <algorithm>
#include <cmath>

namespace weft::mnist {
namespace {

constexpr std::size_t kGridColumns = 10;

}  // namespace

TileGrid::TileGrid(std::size_t tiles, std::size_t side, std::size_t room)
    : side_(side), room_(room), columns_(std::min(tiles, kGridColumns)) {
  chart_.columns = columns_ * (side + 1) + 1;
  const std::size_t rows = (tiles + columns_ - 1) / columns_;
  chart_.values.assign(chart_.columns * (rows * (side + 1 + room) + 1), 0.0);
}

void TileGrid::set(std::size_t tile, std::size_t pixel, double value) {
  const auto [left, top] = corner(tile);
  chart_.values[(top + pixel / side_) * chart_.columns + left + pixel % side_] = value;
}

void TileGrid::write(std::size_t tile, const std::string& text) {
  const auto [left, top] = corner(tile);
  chart_.texts.push_back({.column = static_cast<double>(left) + static_cast<double>(side_) / 2.0,
                          .row = static_cast<double>(top) - static_cast<double>(room_) / 2.0,
                          .text = text});
}

double TileGrid::aspect() const {
  const auto columns = static_cast<double>(chart_.columns);
  const double rows = static_cast<double>(chart_.values.size()) / columns;
  return std::clamp(rows / columns + 0.12, 0.25, 1.4);
}

std::pair<std::size_t, std::size_t> TileGrid::corner(std::size_t tile) const {
  return {tile % columns_ * (side_ + 1) + 1, tile / columns_ * (side_ + 1 + room_) + 1 + room_};
}

std::size_t side_of(std::int64_t pixels) {
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(pixels))));
  return side * side == pixels ? static_cast<std::size_t>(side) : 0;
}

}  // namespace weft::mnist
