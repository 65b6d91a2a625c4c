#pragma once
// In which order the elements of pictures [batch, channels, height, width] lie in memory between
// convolutions, and how values and ops are brought into it. What is said of pictures goes for volumes.

#include <cstdint>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/ops/image_ops.h"

namespace weft {

class PictureOrder {
 public:
  /// [batch, height, width, channels]
  static PictureOrder channels_last();
  /// [batch / lanes, height, width, channels, lanes]: the same element of `lanes` pictures side by side.
  static PictureOrder interleaved(std::int64_t lanes);

  /// How many pictures lie side by side; 1 without lanes.
  std::int64_t lanes() const { return lanes_; }

  /// Whether so many pictures can be in this order.
  bool fits(const Shape& plain) const;
  /// The shape of pictures in this order. A batch of 1 broadcasts to any other.
  Shape shape(const Shape& plain) const;
  /// Axes of plain pictures of `rank` axes where they lie in this order.
  Axes axes(const Axes& plain, std::size_t rank) const;
  /// The convolution, or gradient of one, of pictures in this order.
  Op convolution(const Convolution& plain) const;

  /// Plain pictures in this order, and back. Where no element needs to move, they are reshaped.
  Value enter(const Value& plain) const;
  Value leave(const Value& moved, const Shape& plain) const;

 private:
  explicit PictureOrder(std::int64_t lanes) : lanes_(lanes) {}

  bool has_lanes() const { return lanes_ > 1; }
  /// The axes between which elements move: those of plain pictures, with the batch in blocks and lanes.
  Shape split(const Shape& plain) const;
  std::vector<std::int64_t> order(std::size_t rank) const;  // of the split axes

  std::int64_t lanes_;
};

}  // namespace weft
