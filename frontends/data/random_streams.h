#pragma once
// One seed serves several purposes that must not share random numbers, with each other or with the session
// that uses the same seed. Pure functions.

#include <cstdint>

#include "weft/graph/philox.h"

namespace weft::data {

/// What the numbers are for. The enumerators' values affect every result and must never change.
enum class Purpose : std::uint64_t {
  shuffle = 0x7368756666'6C65,
  digits = 0x6469676974'73,
  text = 0x74657874
};

/// A new seed for one purpose, or for one part of it.
constexpr std::uint64_t derived_seed(std::uint64_t seed, std::uint64_t part) {
  const PhiloxKey key = philox_key(seed, part);
  return static_cast<std::uint64_t>(key[0]) << 32 | key[1];
}

constexpr std::uint64_t purpose_seed(std::uint64_t seed, Purpose purpose) {
  return derived_seed(seed, static_cast<std::uint64_t>(purpose));
}

}  // namespace weft::data
