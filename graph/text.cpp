#include "weft/graph/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace weft {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: the text does not begin with UTF-8
};

bool continues(char byte) { return (static_cast<std::uint8_t>(byte) & 0xc0U) == 0x80U; }

/// The first character. Overlong forms, surrogates and values above U+10FFFF are not UTF-8 (RFC 3629).
CodePoint first_character(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead < 0x80U) return {.value = lead, .bytes = 1};
  const std::size_t bytes = lead >= 0xf0U ? 4 : lead >= 0xe0U ? 3 : 2;
  if (lead < 0xc2U || lead > 0xf4U || text.size() < bytes) return {};
  std::uint32_t value = lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if (!continues(text[i])) return {};
    value = value << 6U | (static_cast<std::uint8_t>(text[i]) & 0x3fU);
  }
  const bool overlong = (bytes == 3 && value < 0x800U) || (bytes == 4 && value < 0x10000U);
  const bool surrogate = value >= 0xd800U && value <= 0xdfffU;
  return overlong || surrogate || value > 0x10ffffU ? CodePoint{} : CodePoint{.value = value, .bytes = bytes};
}

/// Whether a character separates lines or changes the direction of the text that follows.
bool misleads(std::uint32_t c) {
  return (c >= 0x200eU && c <= 0x200fU) || (c >= 0x2028U && c <= 0x202eU) || (c >= 0x2066U && c <= 0x2069U) ||
         c == 0xfeffU;
}

std::string escape_of(std::uint32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  if (c == '\r') return "\\r";
  return c < 0x80U ? fmt::format("\\x{:02x}", c) : fmt::format("\\u{:04x}", c);
}

/// How many letters must be added, dropped, replaced or swapped with the next to make `b` of `a` (optimal
/// string alignment: Boytsov, JEA 2011).
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> edits(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        edits[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = edits[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      edits[i][j] = std::min({edits[i - 1][j] + 1, edits[i][j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
    }
  }
  return edits[a.size()][b.size()];
}

constexpr std::size_t kLongest = 200;

/// How far a name is from an unknown one, or nothing if they are not similar. If one is only a part of the
/// other, they are kLongest or more apart.
std::optional<std::size_t> distance(std::string_view unknown, std::string_view name) {
  constexpr std::size_t kShortestPart = 3;
  if (std::max(unknown.size(), name.size()) > kLongest) return std::nullopt;
  const std::size_t edits = edits_between(unknown, name);
  if (edits <= std::max<std::size_t>(unknown.size() / 3, 1)) return edits;
  const auto& [part, whole] = std::minmax(unknown, name, [](auto a, auto b) { return a.size() < b.size(); });
  if (part.size() >= kShortestPart && whole.find(part) != std::string_view::npos) return kLongest + edits;
  return std::nullopt;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const CodePoint first = first_character(text);
    const std::size_t taken = std::max<std::size_t>(first.bytes, 1);
    if (first.bytes == 0) {
      safe += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(text[0]));
    } else if (first.value < 0x20U || (first.value >= 0x7fU && first.value < 0xa0U) ||
               misleads(first.value)) {
      safe += escape_of(first.value);
    } else {
      safe += text.substr(0, taken);
    }
    text.remove_prefix(taken);
  }
  return safe;
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char byte) { return !continues(byte); }));
}

std::string shortened(std::string_view text, std::size_t most) {
  // A character has at most four bytes, so text beyond that need not be escaped.
  std::string safe = printable(text.substr(0, 4 * (most + 1)));
  if (text.size() <= 4 * (most + 1) && characters_in(safe) <= most) return safe;
  std::size_t end = 0;
  for (std::size_t kept = 0; end < safe.size(); ++end) {
    if (!continues(safe[end]) && kept++ == most - 1) break;
  }
  return safe.substr(0, end) + "\u2026";
}

std::string suggestion(std::string_view unknown, std::span<const std::string_view> names) {
  constexpr std::size_t kMost = 3;
  std::vector<std::pair<std::size_t, std::size_t>> similar;  // the distance, and which name
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (const auto apart = distance(unknown, names[i])) similar.emplace_back(*apart, i);
  }
  std::ranges::sort(similar);
  if (similar.empty()) return {};
  if (similar[0].first < kLongest)
    std::erase_if(similar, [](const auto& name) { return name.first >= kLongest; });
  const std::size_t shown = std::min(similar.size(), kMost);
  std::string text = " (did you mean";
  for (std::size_t i = 0; i < shown; ++i) {
    const std::string_view before = i == 0 ? " " : i + 1 == shown ? " or " : ", ";
    text += fmt::format("{}'{}'", before, names[similar[i].second]);
  }
  return text + "?)";
}

}  // namespace weft
