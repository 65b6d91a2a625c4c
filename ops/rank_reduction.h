#pragma once
// How the elements of all ranks of a job become one.

#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

enum class RankReduction : std::uint8_t { sum, mean, min, max };

/// "sum", "mean", "min" or "max".
constexpr std::string_view name_of(RankReduction reduction) {
  switch (reduction) {
    case RankReduction::sum:
      return "sum";
    case RankReduction::mean:
      return "mean";
    case RankReduction::min:
      return "min";
    case RankReduction::max:
      return "max";
  }
  return "?";
}
std::string attribute_text(RankReduction reduction);

}  // namespace weft
