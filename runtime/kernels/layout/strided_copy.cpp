#include "weft/runtime/kernels/layout/strided_copy.h"

#include <emmintrin.h>

#include <algorithm>
#include <cstring>

namespace weft {
namespace {

/// Drops loops that turn once and joins neighbours that are one longer loop.
std::vector<CopyAxis> joined(const std::vector<CopyAxis>& axes) {
  std::vector<CopyAxis> list;
  for (const CopyAxis& axis : axes) {
    if (axis.size == 1) continue;
    if (!list.empty() && list.back().from == axis.from * axis.size && list.back().to == axis.to * axis.size) {
      list.back() = {.size = list.back().size * axis.size, .from = axis.from, .to = axis.to};
    } else {
      list.push_back(axis);
    }
  }
  return list;
}

template <std::size_t kBytes>
void copy_rows_of(const std::byte* from, std::byte* to, std::int64_t rows, std::int64_t from_step,
                  std::int64_t to_step) {
  for (std::int64_t row = 0; row < rows; ++row, from += from_step, to += to_step)
    std::memcpy(to, from, kBytes);
}

/// Rows of `bytes` bytes. A call of memcpy would take longer than such short ones do.
void copy_rows(const std::byte* from, std::byte* to, std::size_t bytes, std::int64_t rows,
               std::int64_t from_step, std::int64_t to_step) {
  switch (bytes) {
    case 4:
      return copy_rows_of<4>(from, to, rows, from_step, to_step);
    case 8:
      return copy_rows_of<8>(from, to, rows, from_step, to_step);
    case 16:
      return copy_rows_of<16>(from, to, rows, from_step, to_step);
    case 32:
      return copy_rows_of<32>(from, to, rows, from_step, to_step);
    case 64:
      return copy_rows_of<64>(from, to, rows, from_step, to_step);
    case 128:
      return copy_rows_of<128>(from, to, rows, from_step, to_step);
    default:
      for (std::int64_t row = 0; row < rows; ++row, from += from_step, to += to_step)
        std::memcpy(to, from, bytes);
  }
}

template <typename T>
void fill_rows(const T* from, T* to, const CopyAxis& rows, std::int64_t length) {
  for (std::int64_t row = 0; row < rows.size; ++row, from += rows.from, to += rows.to)
    std::fill(to, to + length, *from);
}

template <typename T>
void copy_elements(const T* from, T* to, const CopyAxis& rows, const CopyAxis& row) {
  for (std::int64_t i = 0; i < rows.size; ++i, from += rows.from, to += rows.to) {
    for (std::int64_t j = 0; j < row.size; ++j) to[j * row.to] = from[j * row.from];
  }
}

/// A square of kSide x kSide elements: source rows, `from_step` apart, become destination columns.
template <typename T>
struct SquareOf {
  static constexpr std::int64_t kSide = 4;
  static void transpose(const T* from, std::int64_t from_step, T* to, std::int64_t to_step) {
    for (std::int64_t row = 0; row < kSide; ++row) {
      for (std::int64_t column = 0; column < kSide; ++column)
        to[row * to_step + column] = from[column * from_step + row];
    }
  }
};

template <>
struct SquareOf<std::uint32_t> {
  static constexpr std::int64_t kSide = 4;
  static void transpose(const std::uint32_t* from, std::int64_t from_step, std::uint32_t* to,
                        std::int64_t to_step) {
    const auto load = [&](std::int64_t row) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + row * from_step));
    };
    const __m128i low01 = _mm_unpacklo_epi32(load(0), load(1));
    const __m128i high01 = _mm_unpackhi_epi32(load(0), load(1));
    const __m128i low23 = _mm_unpacklo_epi32(load(2), load(3));
    const __m128i high23 = _mm_unpackhi_epi32(load(2), load(3));
    const auto store = [&](std::int64_t row, __m128i v) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + row * to_step), v);
    };
    store(0, _mm_unpacklo_epi64(low01, low23));
    store(1, _mm_unpackhi_epi64(low01, low23));
    store(2, _mm_unpacklo_epi64(high01, high23));
    store(3, _mm_unpackhi_epi64(high01, high23));
  }
};

template <>
struct SquareOf<std::uint64_t> {
  static constexpr std::int64_t kSide = 2;
  static void transpose(const std::uint64_t* from, std::int64_t from_step, std::uint64_t* to,
                        std::int64_t to_step) {
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + from_step));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi64(a, b));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + to_step), _mm_unpackhi_epi64(a, b));
  }
};

/// to[r][c] = from[c][r], tile by tile: the lines of a tile stay in the first-level cache until all of their
/// elements were used.
template <typename T>
void transpose_tiles(const T* from, std::int64_t from_step, T* to, std::int64_t to_step, std::int64_t rows,
                     std::int64_t columns) {
  constexpr std::int64_t kTile = 16;
  constexpr std::int64_t kSide = SquareOf<T>::kSide;
  for (std::int64_t row = 0; row < rows; row += kTile) {
    const std::int64_t row_end = std::min(row + kTile, rows);
    for (std::int64_t column = 0; column < columns; column += kTile) {
      const std::int64_t column_end = std::min(column + kTile, columns);
      std::int64_t r = row;
      for (; r + kSide <= row_end; r += kSide) {
        std::int64_t c = column;
        for (; c + kSide <= column_end; c += kSide)
          SquareOf<T>::transpose(from + c * from_step + r, from_step, to + r * to_step + c, to_step);
        for (; c < column_end; ++c) {
          for (std::int64_t i = r; i < r + kSide; ++i) to[i * to_step + c] = from[c * from_step + i];
        }
      }
      for (; r < row_end; ++r) {
        for (std::int64_t c = column; c < column_end; ++c) to[r * to_step + c] = from[c * from_step + r];
      }
    }
  }
}

template <typename F>
void visit_element(std::size_t size, const std::byte* from, std::byte* to, F f) {
  const auto typed = [&]<typename T>(T) { f(reinterpret_cast<const T*>(from), reinterpret_cast<T*>(to)); };
  switch (size) {
    case 1:
      return typed(std::uint8_t{});
    case 2:
      return typed(std::uint16_t{});
    case 4:
      return typed(std::uint32_t{});
    default:
      return typed(std::uint64_t{});
  }
}

}  // namespace

StridedCopy::StridedCopy(std::vector<CopyAxis> axes, std::size_t element_size) : element_size_(element_size) {
  if (std::ranges::find(axes, 0, &CopyAxis::size) != axes.end()) return;
  outer_ = joined(axes);
  if (outer_.empty()) outer_.push_back({.size = 1, .from = 1, .to = 1});
  row_ = outer_.back();
  outer_.pop_back();
  const auto side_by_side = std::ranges::find_if(outer_, [](const CopyAxis& axis) { return axis.from == 1; });
  if (row_.from == 1 && row_.to == 1) {
    kind_ = Kind::runs;
  } else if (row_.from == 0 && row_.to == 1) {
    kind_ = Kind::fill;
  } else if (row_.to == 1 && side_by_side != outer_.end()) {
    kind_ = Kind::transpose;
    std::rotate(side_by_side, side_by_side + 1, outer_.end());
  } else {
    kind_ = Kind::elements;
  }
  if (outer_.empty()) return;
  rows_ = outer_.back();
  outer_.pop_back();
}

void StridedCopy::run(const std::byte* from, std::byte* to) const {
  if (kind_ != Kind::nothing) run_axis(0, from, to);
}

void StridedCopy::run_axis(std::size_t axis, const std::byte* from, std::byte* to) const {
  if (axis == outer_.size()) return run_inner(from, to);
  const auto step = [&](std::int64_t elements) {
    return elements * static_cast<std::int64_t>(element_size_);
  };
  const CopyAxis& loop = outer_[axis];
  for (std::int64_t i = 0; i < loop.size; ++i, from += step(loop.from), to += step(loop.to))
    run_axis(axis + 1, from, to);
}

void StridedCopy::run_inner(const std::byte* from, std::byte* to) const {
  const auto size = static_cast<std::int64_t>(element_size_);
  if (kind_ == Kind::runs) {
    return copy_rows(from, to, static_cast<std::size_t>(row_.size * size), rows_.size, rows_.from * size,
                     rows_.to * size);
  }
  visit_element(element_size_, from, to, [&](const auto* source, auto* target) {
    if (kind_ == Kind::fill) {
      fill_rows(source, target, rows_, row_.size);
    } else if (kind_ == Kind::transpose) {
      transpose_tiles(source, row_.from, target, rows_.to, rows_.size, row_.size);
    } else {
      copy_elements(source, target, rows_, row_);
    }
  });
}

}  // namespace weft
