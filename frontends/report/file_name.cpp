#include "weft/frontends/report/file_name.h"

#include <fmt/format.h>

#include <cstdint>

namespace weft::report {
namespace {

/// FNV-1a, 32 bits.
std::uint32_t short_fingerprint(std::string_view text) {
  constexpr std::uint32_t kPrime = 0x01000193U;
  std::uint32_t state = 0x811c9dc5U;
  for (const char c : text) state = (state ^ static_cast<std::uint8_t>(c)) * kPrime;
  return state;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string file_name_from(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  constexpr std::size_t kKept = 48;  // of a text that gets a fingerprint
  std::string name;
  for (const char c : text.substr(0, kLongest)) {
    const bool kept = is_letter_or_digit(c) || (!name.empty() && (c == '.' || c == '_' || c == '-'));
    if (kept) name += c;
    if (!kept && !name.empty()) name += '_';
  }
  if (!text.empty() && name == text) return name;
  name = name.substr(0, kKept);
  return fmt::format("{}{}{:08x}", name, name.empty() ? "" : "-", short_fingerprint(text));
}

}  // namespace weft::report
