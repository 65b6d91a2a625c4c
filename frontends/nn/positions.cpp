#include "weft/frontends/nn/positions.h"

#include <cmath>
#include <vector>

#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/ops/trigonometry.h"

namespace weft::nn {
namespace {

/// Half the number of features of x [..., length, features].
std::int64_t pairs_of(std::string_view name, const Operand& x) {
  const TensorType& type = x.value(name).type();
  const std::size_t rank = type.shape.rank();
  if (rank >= 2 && is_float(type.dtype) && type.shape[rank - 1].is_number() &&
      type.shape[rank - 1].size() % 2 == 0) {
    return type.shape[rank - 1].size() / 2;
  }
  throw Error(ErrorCode::shape_mismatch, "places are encoded in pairs of features",
              {.op = std::string(name),
               .expected = "f32 or f64 [..., length, features] with an even number of features",
               .actual = to_string(type),
               .where = to_string(x.where())});
}

/// The angles (first + p) / base^(i / pairs) for the places p of x and the pairs i, f64 [length, pairs].
Value angles_of(const Value& x, std::int64_t pairs, double base, std::int64_t first) {
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < pairs; ++i) {
    frequencies.push_back(std::pow(base, -static_cast<double>(i) / static_cast<double>(pairs)));
  }
  const Value places = expand_dims(positions(x, -2, f64), 1) + static_cast<double>(first);
  return places * constant(x.graph(), Tensor::of(frequencies, {pairs}));
}

/// [..., n] and [..., n] -> [..., 2 n], an element of each in turn.
Value alternating(const Value& even, const Value& odd) {
  std::vector<Dim> dims = even.shape().dims();
  dims.back() = dims.back() * 2;
  return reshape(stack({even, odd}, -1), Shape(std::move(dims)));
}

struct Halves {
  Value first;
  Value second;
};

Halves halves_of(const Value& x, std::int64_t pairs, RotaryPairs kind) {
  if (kind == RotaryPairs::halves) {
    return {.first = slice(x, -1, 0, pairs), .second = slice(x, -1, pairs, 2 * pairs)};
  }
  return {.first = slice(x, -1, 0, 2 * pairs, 2), .second = slice(x, -1, 1, 2 * pairs, 2)};
}

}  // namespace

Value sinusoidal_encoding(const Operand& x, double base) {
  const std::int64_t pairs = pairs_of("sinusoidal_encoding", x);
  const Value value = x.value();
  const Scope origin(value.graph(), "sinusoidal_encoding", x.where());
  const Value angles = angles_of(value, pairs, base, 0);
  return cast(alternating(sin(angles), cos(angles)), value.dtype());
}

Value SinusoidalPositions::operator()(const Operand& x) const { return x + sinusoidal_encoding(x, base); }

Value rotary_encoding(const Operand& x, const RotaryOptions& options) {
  const std::int64_t pairs = pairs_of("rotary_encoding", x);
  const Value value = x.value();
  const Scope origin(value.graph(), "rotary_encoding", x.where());
  const Value angles = angles_of(value, pairs, options.base, options.first);
  const Value c = cast(cos(angles), value.dtype());
  const Value s = cast(sin(angles), value.dtype());
  const auto [first, second] = halves_of(value, pairs, options.pairs);
  const Value turned_first = first * c - second * s;
  const Value turned_second = second * c + first * s;
  return options.pairs == RotaryPairs::halves ? concat({turned_first, turned_second}, -1)
                                              : alternating(turned_first, turned_second);
}

}  // namespace weft::nn
