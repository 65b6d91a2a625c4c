#pragma once
// Reads the keys of a TOML table one after the other and knows the line of each, so that a wrong value and an
// unknown key are errors with file and line. Errors are Error(bad_file).

#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "weft/frontends/config/choices.h"

namespace weft::mnist {

/// Throws Error(io) if the file cannot be read, Error(bad_file) if it is not TOML.
toml::table parse_toml_file(const std::filesystem::path& file);

class TomlReader {
 public:
  /// `name` is that of the table, empty for the outermost. The table must outlive the reader.
  TomlReader(std::string file, std::string name, const toml::table& table);

  /// The table at `key`; an empty one if it is missing.
  TomlReader table(std::string_view key);
  /// The table at `key`, which must exist.
  TomlReader needed_table(std::string_view key);

  bool has(std::string_view key) const;
  std::string text(std::string_view key);
  std::string text(std::string_view key, const std::string& otherwise);
  /// The name of a row of a table; `kind` is "optimizer" or the like.
  std::string choice(std::string_view key, std::string_view kind, std::span<const std::string_view> names);
  std::string choice(std::string_view key, std::string_view kind, std::span<const std::string_view> names,
                     const std::string& otherwise);
  double number(std::string_view key, const Bounds& bounds);
  double number(std::string_view key, const Bounds& bounds, double otherwise);
  std::int64_t whole(std::string_view key, std::int64_t low, std::int64_t high);
  bool flag(std::string_view key, bool otherwise);

  /// Reads the values of `keys` that exist into `to`. Throws if a required one is missing.
  template <typename Config>
  void numbers(std::span<const Key<Config>> keys, Config& to) {
    for (const Key<Config>& key : keys) {
      to.*key.member =
          key.required ? number(key.name, key.bounds) : number(key.name, key.bounds, to.*key.member);
    }
  }

  /// Throws for a key that was not read.
  void expect_no_more() const;
  /// Throws Error(bad_file) at the line of `key`.
  [[noreturn]] void fail(std::string_view key, const std::string& message, const std::string& expected = {},
                         const std::string& actual = {}) const;

 private:
  const toml::node* find(std::string_view key);
  const toml::node& need(std::string_view key);

  std::string file_;
  std::string name_;
  const toml::table& table_;
  std::vector<std::string> asked_;
};

}  // namespace weft::mnist
