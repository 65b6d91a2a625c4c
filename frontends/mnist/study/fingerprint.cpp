#include "weft/frontends/mnist/study/fingerprint.h"

#include <fmt/format.h>

namespace weft::mnist {

Fingerprint& Fingerprint::add(std::span<const std::byte> bytes) {
  constexpr std::uint64_t kPrime = 0x100000001b3U;
  for (const std::byte byte : bytes) state_ = (state_ ^ static_cast<std::uint64_t>(byte)) * kPrime;
  return *this;
}

Fingerprint& Fingerprint::add(std::string_view text) { return add(std::as_bytes(std::span(text))); }

std::string Fingerprint::text() const { return fmt::format("{:016x}", state_); }

}  // namespace weft::mnist
