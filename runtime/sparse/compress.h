#pragma once
// Lists the non-zeros of one row of a matrix. Internal to runtime/.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace weft {

/// Writes the columns and values of the non-zeros in ascending order and returns how many there are. Eight
/// elements at a time are handled without branches, which would be mispredicted. May write one element past
/// the last non-zero.
template <typename T, typename C>
std::int64_t compress(const T* row, std::int64_t columns, C* column, T* value) {
  constexpr std::int64_t kStep = 8;
  constexpr std::array<T, kStep> kZeros{};
  std::int64_t found = 0;
  for (std::int64_t begin = 0; begin < columns; begin += kStep) {
    const std::int64_t end = std::min(begin + kStep, columns);
    if (end - begin == kStep && std::memcmp(row + begin, kZeros.data(), sizeof(kZeros)) == 0) continue;
    for (std::int64_t i = begin; i < end; ++i) {
      column[found] = static_cast<C>(i);
      value[found] = row[i];
      found += row[i] != T{0} ? 1 : 0;
    }
  }
  return found;
}

}  // namespace weft
