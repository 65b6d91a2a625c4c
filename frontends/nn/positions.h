#pragma once
// Where an element of a sequence stands, as numbers that layers can learn from.

#include <cstdint>
#include <string_view>

#include "weft/graph/graph.h"

namespace weft::nn {

/// The encodings [length, features] of the places 0, 1, ... of x [..., length, features], in its dtype: sin(p
/// / base^(i / features)) at even features i and the cosine of the same at i + 1 (Vaswani et al., NIPS 2017,
/// section 3.5). Angles are computed in f64, so that they are right for long sequences. The length may be a
/// symbol; the features must be an even number, or it is an Error(shape_mismatch).
Value sinusoidal_encoding(const Operand& x, double base = 10000.0);

/// x + sinusoidal_encoding(x), as a layer.
struct SinusoidalPositions {
  static constexpr std::string_view kind = "SinusoidalPositions";
  double base = 10000.0;

  Value operator()(const Operand& x) const;
};

/// Which features make a pair: 2 i and 2 i + 1, as in the paper, or i and i + features / 2, as in GPT-NeoX
/// and LLaMA.
enum class RotaryPairs : std::uint8_t { neighbours, halves };

struct RotaryOptions {
  double base = 10000.0;
  std::int64_t first = 0;  // the place of the first element
  RotaryPairs pairs = RotaryPairs::neighbours;
};

/// Turns pair i of the features at place p by the angle p / base^(2 i / features), so that products of
/// queries and keys depend on the distance of their places (Su et al., RoFormer, 2021): [..., length,
/// features] -> the same. For queries and keys, before attention. Errors are as above.
Value rotary_encoding(const Operand& x, const RotaryOptions& options = {});

}  // namespace weft::nn
