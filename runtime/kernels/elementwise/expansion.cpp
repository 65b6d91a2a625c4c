#include "weft/runtime/kernels/elementwise/expansion.h"

#include <algorithm>
#include <cstring>

namespace weft {
namespace {

/// Repeats the first `have` bytes of `to` until `want` bytes are filled.
void repeat(std::byte* to, std::size_t have, std::size_t want) {
  while (have < want) {
    const std::size_t more = std::min(have, want - have);
    std::memcpy(to + have, to, more);
    have += more;
  }
}

}  // namespace

Expansion::Expansion(const Shape& operand, const Shape& output, std::size_t element_size)
    : element_size_(element_size), sizes_(output.sizes()), strides_(output.rank(), 0) {
  const std::size_t missing = output.rank() - operand.rank();
  std::int64_t stride = 1;
  for (std::size_t axis = operand.rank(); axis-- > 0;) {
    const std::int64_t size = operand[axis].size();
    if (size != 1) strides_[missing + axis] = stride;
    stride *= size;
  }
  if (std::ranges::find(sizes_, 0) != sizes_.end()) {  // nothing is ever read
    kind_ = operand == output ? Kind::same : Kind::general;
    return;
  }
  // Axes that have size 1 in the output are ignored.
  std::vector<bool> moves;
  std::vector<std::int64_t> lengths;
  for (std::size_t axis = 0; axis < sizes_.size(); ++axis) {
    if (sizes_[axis] == 1) continue;
    moves.push_back(strides_[axis] != 0);
    lengths.push_back(sizes_[axis]);
  }
  const auto first_move = std::ranges::find(moves, true) - moves.begin();
  const auto past_move = std::ranges::find(moves.rbegin(), moves.rend(), true).base() - moves.begin();
  const auto last_still = std::ranges::find(moves.rbegin(), moves.rend(), false).base() - moves.begin();
  const auto first_still = std::ranges::find(moves, false) - moves.begin();
  const auto count = static_cast<std::ptrdiff_t>(moves.size());
  if (first_still == count) {
    kind_ = Kind::same;
  } else if (first_move == count) {
    kind_ = Kind::scalar;
  } else if (first_move == last_still) {  // still axes, then moving ones
    kind_ = Kind::periodic;
    for (auto axis = first_move; axis < count; ++axis) period_ *= lengths[static_cast<std::size_t>(axis)];
  } else if (std::find(moves.begin() + first_move, moves.begin() + past_move, false) ==
             moves.begin() + past_move) {  // still axes or none, moving ones, still ones
    kind_ = Kind::blocks;
    for (auto axis = first_move; axis < past_move; ++axis)
      elements_ *= lengths[static_cast<std::size_t>(axis)];
    for (auto axis = past_move; axis < count; ++axis) period_ *= lengths[static_cast<std::size_t>(axis)];
  } else {
    kind_ = Kind::general;
  }
}

std::int64_t Expansion::source_index(std::int64_t position) const {
  std::int64_t index = 0;
  for (std::size_t axis = sizes_.size(); axis-- > 0;) {
    index += position % sizes_[axis] * strides_[axis];
    position /= sizes_[axis];
  }
  return index;
}

void Expansion::expand(const std::byte* operand, std::int64_t start, std::int64_t count,
                       std::byte* to) const {
  const auto bytes = static_cast<std::size_t>(count) * element_size_;
  const auto element = [&](std::int64_t index) {
    return operand + static_cast<std::size_t>(index) * element_size_;
  };
  switch (kind_) {
    case Kind::same:
      std::memcpy(to, element(start), bytes);
      return;
    case Kind::scalar:
      std::memcpy(to, operand, element_size_);
      repeat(to, element_size_, bytes);
      return;
    case Kind::periodic: {
      const std::int64_t phase = start % period_;
      const std::int64_t head = std::min(count, period_ - phase);
      const std::int64_t wrap = std::min(count - head, phase);
      const std::size_t head_bytes = static_cast<std::size_t>(head) * element_size_;
      const std::size_t wrap_bytes = static_cast<std::size_t>(wrap) * element_size_;
      std::memcpy(to, element(phase), head_bytes);
      std::memcpy(to + head_bytes, operand, wrap_bytes);
      repeat(to, head_bytes + wrap_bytes, bytes);
      return;
    }
    case Kind::blocks:
      for (std::int64_t done = 0; done < count;) {
        const std::int64_t position = start + done;
        const std::int64_t run = std::min(count - done, period_ - position % period_);
        std::byte* block = to + static_cast<std::size_t>(done) * element_size_;
        std::memcpy(block, element(position / period_ % elements_), element_size_);
        repeat(block, element_size_, static_cast<std::size_t>(run) * element_size_);
        done += run;
      }
      return;
    case Kind::general:
      for (std::int64_t i = 0; i < count; ++i) {
        std::memcpy(to + static_cast<std::size_t>(i) * element_size_, element(source_index(start + i)),
                    element_size_);
      }
      return;
  }
}

}  // namespace weft
