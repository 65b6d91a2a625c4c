#include "weft/frontends/mnist/study/toml_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "weft/graph/error.h"

namespace weft::mnist {
namespace {

std::string place(const std::string& file, const toml::source_region& source) {
  return source.begin.line == 0
             ? file
             : fmt::format("{}:{}", file, source.begin.line);  // line 0: it is not in the file
}

std::string as_text(const toml::node& node) {
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  return out.str();
}

/// "rat, momentum": the keys that are written in a table.
std::string keys_of(const toml::table& table) {
  std::vector<std::string_view> keys;
  for (const auto& [key, node] : table) keys.push_back(key.str());
  return keys.empty() ? "none" : fmt::format("{}", fmt::join(keys, ", "));
}

}  // namespace

toml::table parse_toml_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream.is_open() || stream.bad()) {
    throw Error(ErrorCode::io, fmt::format("{}: cannot be read", file.string()));
  }
  try {
    return toml::parse(text, file.string());
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::bad_file, std::string(error.description()),
                {.where = place(file.string(), error.source())});
  }
}

TomlReader::TomlReader(std::string file, std::string name, const toml::table& table)
    : file_(std::move(file)), name_(std::move(name)), table_(table) {}

const toml::node* TomlReader::find(std::string_view key) {
  if (std::ranges::find(asked_, key) == asked_.end()) asked_.emplace_back(key);
  return table_.get(key);
}

const toml::node& TomlReader::need(std::string_view key) {
  const toml::node* const node = find(key);
  if (node != nullptr) return *node;
  throw Error(ErrorCode::bad_file,
              name_.empty() ? fmt::format("'{}' is missing", key)
                            : fmt::format("'{}' is missing in [{}]", key, name_),
              {.expected = fmt::format("a key '{}'", key),
               .actual = keys_of(table_),
               .where = place(file_, table_.source())});
}

void TomlReader::fail(std::string_view key, const std::string& message, const std::string& expected,
                      const std::string& actual) const {
  const toml::node* const node = table_.get(key);
  const toml::source_region& source = node == nullptr ? table_.source() : node->source();
  throw Error(ErrorCode::bad_file, message,
              {.expected = expected, .actual = actual, .where = place(file_, source)});
}

TomlReader TomlReader::table(std::string_view key) {
  static const toml::table nothing;
  const toml::node* const node = find(key);
  if (node == nullptr) return {file_, std::string(key), nothing};  // its keys may all have defaults
  if (!node->is_table())
    fail(key, fmt::format("'{}'", key), fmt::format("a table [{}]", key), as_text(*node));
  return {file_, std::string(key), *node->as_table()};
}

TomlReader TomlReader::needed_table(std::string_view key) {
  if (!has(key))
    fail(key, fmt::format("[{}] is missing", key), fmt::format("a table [{}]", key), keys_of(table_));
  return table(key);
}

bool TomlReader::has(std::string_view key) const { return table_.contains(key); }

std::string TomlReader::text(std::string_view key) {
  const toml::node& node = need(key);
  if (node.is_string()) return node.as_string()->get();
  fail(key, fmt::format("'{}'", key), "a text in quotes", as_text(node));
}

std::string TomlReader::text(std::string_view key, const std::string& otherwise) {
  return find(key) == nullptr ? otherwise : text(key);
}

std::string TomlReader::choice(std::string_view key, std::string_view kind,
                               std::span<const std::string_view> names) {
  std::string chosen = text(key);
  if (std::ranges::find(names, chosen) != names.end()) return chosen;
  fail(key, unknown_choice(kind, chosen, names));
}

std::string TomlReader::choice(std::string_view key, std::string_view kind,
                               std::span<const std::string_view> names, const std::string& otherwise) {
  return find(key) == nullptr ? otherwise : choice(key, kind, names);
}

double TomlReader::number(std::string_view key, const Bounds& bounds) {
  const toml::node& node = need(key);
  const auto value = node.value<double>();
  if (node.is_number() && value && bounds.contain(*value)) return *value;
  fail(key, fmt::format("'{}'", key), fmt::format("a number in {}", to_string(bounds)), as_text(node));
}

double TomlReader::number(std::string_view key, const Bounds& bounds, double otherwise) {
  return find(key) == nullptr ? otherwise : number(key, bounds);
}

std::int64_t TomlReader::whole(std::string_view key, std::int64_t low, std::int64_t high) {
  const toml::node& node = need(key);
  const auto value = node.is_integer() ? node.value<std::int64_t>() : std::nullopt;
  if (value && *value >= low && *value <= high) return *value;
  fail(key, fmt::format("'{}'", key), fmt::format("a whole number in [{}, {}]", low, high), as_text(node));
}

bool TomlReader::flag(std::string_view key, bool otherwise) {
  const toml::node* const node = find(key);
  if (node == nullptr) return otherwise;
  if (node->is_boolean()) return node->as_boolean()->get();
  fail(key, fmt::format("'{}'", key), "true or false", as_text(*node));
}

void TomlReader::expect_no_more() const {
  for (const auto& [key, node] : table_) {
    const std::string_view name = key.str();
    if (std::ranges::find(asked_, name) != asked_.end()) continue;
    const std::string inside = name_.empty() ? "" : fmt::format(" in [{}]", name_);
    throw Error(
        ErrorCode::bad_file, fmt::format("unknown key '{}'{}", name, inside),
        {.expected = fmt::format("{}", fmt::join(asked_, ", ")), .where = place(file_, key.source())});
  }
}

}  // namespace weft::mnist
