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

/// `count` times one element.
void fill(std::byte* to, const std::byte* element, std::size_t size, std::int64_t count) {
  const auto typed = [&]<typename T>(T value) {
    std::memcpy(&value, element, sizeof(T));
    std::fill_n(reinterpret_cast<T*>(to), count, value);
  };
  switch (size) {
    case 1:
      return typed(std::uint8_t{});
    case 4:
      return typed(std::uint32_t{});
    case 8:
      return typed(std::uint64_t{});
    default:
      std::memcpy(to, element, size);
      repeat(to, size, static_cast<std::size_t>(count) * size);
  }
}

}  // namespace

Expansion::Expansion(const Shape& operand, const Shape& output, std::size_t element_size)
    : element_size_(element_size) {
  const std::size_t missing = output.rank() - operand.rank();
  std::int64_t stride = 1;
  for (std::size_t axis = output.rank(); axis-- > 0;) {
    const std::int64_t size = axis < missing ? 1 : operand[axis - missing].size();
    const std::int64_t length = output[axis].size();
    if (length == 0) {  // nothing is ever read
      kind_ = operand == output ? Kind::same : Kind::general;
      return;
    }
    // Axes of size 1 in the output count on neither side.
    if (length == 1) continue;
    if (!axes_.empty() && (axes_.front().stride != 0) == (size != 1)) {
      axes_.front().size *= length;
    } else {
      axes_.insert(axes_.begin(), {.size = length, .stride = size != 1 ? stride : 0});
    }
    stride *= size;
  }
  const std::size_t count = axes_.size();
  const bool last_moves = count > 0 && axes_.back().stride != 0;
  if (count == 0 || (count == 1 && last_moves)) {
    kind_ = Kind::same;
  } else if (count == 1) {
    kind_ = Kind::scalar;
  } else if (count == 2 && last_moves) {
    kind_ = Kind::periodic;
    period_ = axes_.back().size;
  } else if (count <= 3 && !last_moves) {  // still axes or none, moving ones, still ones
    kind_ = Kind::blocks;
    elements_ = axes_[count - 2].size;
    period_ = axes_.back().size;
  } else {
    kind_ = Kind::general;
  }
}

/// Element after element of the innermost axis, which lie side by side or are all the same.
void Expansion::expand_runs(const std::byte* operand, std::int64_t start, std::int64_t count,
                            std::byte* to) const {
  if (count == 0) return;
  const Axis& inner = axes_.back();
  while (count > 0) {
    const std::int64_t column = start % inner.size;
    std::int64_t rest = start / inner.size;
    std::int64_t index = column * inner.stride;
    for (std::size_t axis = axes_.size() - 1; axis-- > 0; rest /= axes_[axis].size)
      index += rest % axes_[axis].size * axes_[axis].stride;
    const std::int64_t run = std::min(count, inner.size - column);
    const std::size_t bytes = static_cast<std::size_t>(run) * element_size_;
    const std::byte* from = operand + static_cast<std::size_t>(index) * element_size_;
    if (inner.stride != 0) {
      std::memcpy(to, from, bytes);
    } else {
      fill(to, from, element_size_, run);
    }
    to += bytes;
    start += run;
    count -= run;
  }
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
      fill(to, operand, element_size_, count);
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
    case Kind::blocks: {
      std::int64_t run = period_ - start % period_;
      std::int64_t index = start / period_ % elements_;
      while (count > 0) {
        run = std::min(run, count);
        fill(to, element(index), element_size_, run);
        to += static_cast<std::size_t>(run) * element_size_;
        count -= run;
        run = period_;
        index = index + 1 == elements_ ? 0 : index + 1;
      }
      return;
    }
    case Kind::general:
      expand_runs(operand, start, count, to);
      return;
  }
}

}  // namespace weft
