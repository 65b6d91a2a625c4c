#pragma once
// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
// as 1, 2, 3", SC 2011). The numbers are a pure function of (key, counter), so they depend neither on threads
// nor on order. Everything random in weft (initializers, dropout, shuffling, synthetic data) comes from here.

#include <array>
#include <cstdint>

namespace weft {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Four independent, uniformly distributed 32-bit numbers.
constexpr PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

/// The key for one stream of one seed.
constexpr PhiloxKey philox_key(std::uint64_t seed, std::uint64_t stream) {
  const PhiloxCounter mixed =
      philox({static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32), 0, 0},
             {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return {mixed[0], mixed[1]};
}

/// Numbers drawn one after the other from one (seed, stream), for serial code.
class PhiloxSequence {
 public:
  PhiloxSequence(std::uint64_t seed, std::uint64_t stream) : key_(philox_key(seed, stream)) {}

  std::uint32_t next() {
    if (used_ == 4) {
      block_ = philox({static_cast<std::uint32_t>(blocks_), static_cast<std::uint32_t>(blocks_ >> 32), 0, 0},
                      key_);
      ++blocks_;
      used_ = 0;
    }
    return block_[used_++];
  }
  /// Uniform in [0, 1) with 24 bits.
  float uniform() { return static_cast<float>(next() >> 8) * 0x1.0p-24F; }
  /// Uniform in [0, bound) by multiplication (bias below bound / 2^32); bound > 0.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(next()) * bound) >> 32);
  }

 private:
  PhiloxKey key_;
  PhiloxCounter block_{};
  std::uint64_t blocks_ = 0;
  std::uint32_t used_ = 4;
};

}  // namespace weft
