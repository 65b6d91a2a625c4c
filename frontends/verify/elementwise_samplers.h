#pragma once
// Samples of elementwise ops. Internal to verify/.

#include <limits>

#include "weft/frontends/verify/builtin_specifications.h"

namespace weft::verify::builtin {

inline Sampler of_uniform(const Op& op, double low, double high) {
  return [=](SampleSource& source) { return Sample{op, {source.uniform(source.shape(), low, high)}}; };
}
inline Sampler away_from_zero(const Op& op) {
  return [=](SampleSource& source) { return Sample{op, {source.away_from_zero(source.shape())}}; };
}

inline Sampler pair_of(const Op& op, double low, double high) {
  return [=](SampleSource& source) {
    const auto [a, b] = broadcasting(source);
    return Sample{op, {source.uniform(a, low, high), source.uniform(b, low, high)}};
  };
}
/// No element of the one is near an element of the other.
inline Sampler apart(const Op& op) {
  return [=](SampleSource& source) {
    const auto [a, b] = broadcasting(source);
    return Sample{op, {source.near_integers(a), source.between_integers(b)}};
  };
}
inline Sampler whole_pair(const Op& op, DType dtype) {
  return [=](SampleSource& source) {
    const auto [a, b] = broadcasting(source);
    return Sample{op, {source.whole(a, 5, dtype), source.whole(b, 5, dtype)}};
  };
}

inline Specification unary(const Op& op, std::string_view summary, Sampler sampler) {
  return {.op = op.name(), .summary = summary, .samplers = {std::move(sampler)}, .refusals = not_floats(op)};
}

inline std::vector<Refusal> with(std::vector<Refusal> refusals, Refusal more) {
  refusals.push_back(std::move(more));
  return refusals;
}

/// A specification of an op that takes the numbers in [low, high].
inline Specification within(double low, double high, Specification specification) {
  specification.domain = {.low = low, .high = high};
  return specification;
}
/// Elementwise ops take any numbers, unless they say less. What a cast or a neighbour makes of extreme
/// numbers depends on their dtype.
inline List everywhere(List list) {
  for (Specification& specification : list) {
    const bool depends = specification.op == "cast" || specification.op == "nextafter";
    if (!specification.domain && !depends) specification.domain = Domain{};
  }
  return list;
}

}  // namespace weft::verify::builtin
