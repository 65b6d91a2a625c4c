#include "weft/frontends/cli/validators.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft::cli {

CLI::Validator number_within(const Bounds& bounds) {
  const bool any = bounds.low == kAnyNumber.low;
  const auto check = [bounds, any](const std::string& text) -> std::string {
    double number = 0.0;
    if (CLI::detail::lexical_cast(text, number) && bounds.contain(number)) return {};
    return any ? fmt::format("'{}' is not a number", text)
               : fmt::format("'{}' is not a number in {}", text, to_string(bounds));
  };
  return CLI::Validator(check, "");
}

CLI::Validator whole_within(std::int64_t low, std::int64_t high) {
  const auto check = [low, high](const std::string& text) -> std::string {
    std::int64_t number = 0;
    if (CLI::detail::lexical_cast(text, number) && low <= number && number <= high) return {};
    return fmt::format("'{}' is not a whole number from {} to {}", text, low, high);
  };
  return CLI::Validator(check, "");
}

CLI::Validator whole_from_0() {
  const auto check = [](const std::string& text) -> std::string {
    return text.starts_with('-') ? fmt::format("'{}' is not a whole number from 0 up", text) : std::string();
  };
  return CLI::Validator(check, "");
}

CLI::Validator choice_of(std::string kind, std::vector<std::string_view> names) {
  const auto check = [kind = std::move(kind),
                      names = std::move(names)](const std::string& text) -> std::string {
    return std::ranges::find(names, text) != names.end() ? std::string() : unknown_choice(kind, text, names);
  };
  return CLI::Validator(check, "");
}

}  // namespace weft::cli
