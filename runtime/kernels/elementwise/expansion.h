#pragma once
// How a broadcasting operand is read tile by tile: which of its elements belong to flat positions [start,
// start + count) of the output.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "weft/graph/shape.h"

namespace weft {

class Expansion {
 public:
  enum class Kind : std::uint8_t {
    same,      // the operand has the output's elements
    scalar,    // one element everywhere
    periodic,  // `period` elements, again and again: a bias beside a batch
    blocks,    // every element `period` times in a row, and all of that again and again: a column beside a
               // matrix, a bias beside the channels of pictures
    general,   // anything else
  };

  Expansion(const Shape& operand, const Shape& output, std::size_t element_size);

  Kind kind() const noexcept { return kind_; }
  std::int64_t period() const noexcept { return period_; }

  /// Writes the elements that belong to output positions [start, start + count) to `to`.
  void expand(const std::byte* operand, std::int64_t start, std::int64_t count, std::byte* to) const;

 private:
  /// Neighbouring axes of the output that the operand repeats along, or moves along, as one.
  struct Axis {
    std::int64_t size = 1;
    std::int64_t stride = 0;  // of the operand; 0 where it repeats
  };

  void expand_runs(const std::byte* operand, std::int64_t start, std::int64_t count, std::byte* to) const;

  Kind kind_ = Kind::same;
  std::int64_t period_ = 1;
  std::int64_t elements_ = 1;  // of the operand, for blocks
  std::size_t element_size_;
  std::vector<Axis> axes_;  // without those of size 1
};

}  // namespace weft
