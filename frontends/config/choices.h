#pragma once
// Choices that are made by name: optimizers, schedules, activations, initializers, losses. Each kind of
// choice has one table, whose rows have at least a `name` and a line of `help`. The command line, recipe
// files, help texts, errors and checkpoints read that table, so all of them know a new row.

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

/// The numbers that a setting may have.
struct Bounds {
  double low = 0.0;
  double high = 0.0;
  bool low_is_possible = true;
  bool high_is_possible = true;

  /// False for NaN.
  bool contain(double number) const;
};
/// "(0, 1]".
std::string to_string(const Bounds& bounds);

inline constexpr double kLargestSetting = 1e6;
inline constexpr Bounds kPositive{.low = 0.0, .high = kLargestSetting, .low_is_possible = false};
inline constexpr Bounds kNotNegative{.low = 0.0, .high = kLargestSetting};
inline constexpr Bounds kShare{.low = 0.0, .high = 1.0, .high_is_possible = false};
inline constexpr Bounds kPositiveShare{
    .low = 0.0, .high = 1.0, .low_is_possible = false, .high_is_possible = false};

/// A number that some rows of a table use, e.g. the momentum of an optimizer. It is kept in a member of
/// Config, whose initial value is the default.
template <typename Config>
struct Key {
  std::string_view name;
  double Config::* member = nullptr;
  Bounds bounds;
  std::string_view help;
  bool required = false;  // no value suits most uses, so the default is not allowed
};

/// "a, b, c".
std::string listed(std::span<const std::string_view> names);

template <typename Row>
std::vector<std::string_view> names_of(std::span<const Row> table) {
  std::vector<std::string_view> names;
  for (const Row& row : table) names.emplace_back(row.name);
  return names;
}

/// "unknown optimizer 'sdg' (did you mean 'sgd'?); there are sgd, momentum, ...".
std::string unknown_choice(std::string_view kind, std::string_view name,
                           std::span<const std::string_view> names);

/// Throws Error(invalid_argument) with the text of `unknown_choice`.
[[noreturn]] void throw_unknown_choice(std::string_view kind, std::string_view name,
                                       std::span<const std::string_view> names);

/// The row of that name. Throws Error(invalid_argument), which lists all names; `kind` is "optimizer" or the
/// like.
template <typename Row>
const Row& choice_named(std::string_view kind, std::string_view name, std::span<const Row> table) {
  const auto found = std::ranges::find(table, name, &Row::name);
  if (found != table.end()) return *found;
  throw_unknown_choice(kind, name, names_of(table));
}

/// Throws Error(invalid_argument) unless the number is within the bounds; a NaN is not.
void expect_within(std::string_view name, double number, const Bounds& bounds);

}  // namespace weft
