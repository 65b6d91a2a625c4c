#pragma once
// Short names for long data: equal bytes have equal fingerprints, and different bytes almost certainly have
// different ones.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weft::mnist {

/// FNV-1a, 64 bits (Fowler, Noll and Vo 1991); not for secrets. Bytes can be added piece by piece.
class Fingerprint {
 public:
  Fingerprint& add(std::span<const std::byte> bytes);
  Fingerprint& add(std::string_view text);
  /// 16 hexadecimal digits.
  std::string text() const;

 private:
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

}  // namespace weft::mnist
