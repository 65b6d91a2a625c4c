#pragma once
// Checks of flags' values, with errors in one form for all flags. CLI11's own checks let NaN pass and list
// names in braces.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/config/choices.h"

namespace weft::cli {

inline constexpr Bounds kAnyNumber{.low = std::numeric_limits<double>::lowest(),
                                   .high = std::numeric_limits<double>::max()};

/// A finite number within the bounds.
CLI::Validator number_within(const Bounds& bounds);
/// A whole number from `low` to `high`.
CLI::Validator whole_within(std::int64_t low, std::int64_t high);
/// A whole number without a sign: a minus sign would count from the largest seed downwards.
CLI::Validator whole_from_0();
/// One of the names of a table; `kind` is "optimizer" or the like.
CLI::Validator choice_of(std::string kind, std::vector<std::string_view> names);

}  // namespace weft::cli
