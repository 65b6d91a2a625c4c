#include "weft/frontends/config/choices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft {

bool Bounds::contain(double number) const {
  return (low_is_possible ? number >= low : number > low) &&
         (high_is_possible ? number <= high : number < high);
}

std::string to_string(const Bounds& bounds) {
  return fmt::format("{}{:.7g}, {:.7g}{}", bounds.low_is_possible ? '[' : '(', bounds.low, bounds.high,
                     bounds.high_is_possible ? ']' : ')');
}

std::string listed(std::span<const std::string_view> names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string unknown_choice(std::string_view kind, std::string_view name,
                           std::span<const std::string_view> names) {
  return fmt::format("unknown {} '{}'{}; there are {}", kind, name, suggestion(name, names), listed(names));
}

void throw_unknown_choice(std::string_view kind, std::string_view name,
                          std::span<const std::string_view> names) {
  throw Error(ErrorCode::invalid_argument, unknown_choice(kind, name, names));
}

void expect_within(std::string_view name, double number, const Bounds& bounds) {
  if (bounds.contain(number)) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("'{}' is out of range", name),
              {.expected = fmt::format("a number in {}", to_string(bounds)),
               .actual = fmt::format("{}", printable(number))});
}

}  // namespace weft
