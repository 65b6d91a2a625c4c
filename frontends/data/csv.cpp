#include "weft/frontends/data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "weft/frontends/data/byte_source.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::data {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 24;

/// The lines of a file, without their ends.
class Lines {
 public:
  explicit Lines(const std::filesystem::path& path) : path_(path.string()), source_(open_bytes(path)) {}

  /// False at the end of the file.
  bool next(std::string& line) {
    line.clear();
    ++number_;
    bool any = false;
    while (refill()) {
      any = true;
      const std::string_view rest(buffer_.data() + next_, filled_ - next_);
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      line += rest.substr(0, end);
      next_ += std::min(end + 1, rest.size());
      if (line.size() > kLongestLine)
        throw bad("a line is too long", fmt::format("at most {} bytes", kLongestLine), "more");
      if (end < rest.size()) break;
    }
    if (number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (line.ends_with('\r')) line.pop_back();
    return any;
  }

  Error bad(std::string_view problem, std::string expected, std::string actual) const {
    return Error(ErrorCode::bad_file, fmt::format("{}:{}: {}", path_, number_, problem),
                 {.expected = std::move(expected), .actual = std::move(actual)});
  }

 private:
  bool refill() {
    if (next_ < filled_) return true;
    filled_ = source_->read(std::as_writable_bytes(std::span(buffer_)));
    next_ = 0;
    return filled_ > 0;
  }

  std::string path_;
  std::unique_ptr<ByteSource> source_;
  std::array<char, std::size_t{1} << 16> buffer_{};
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
  std::int64_t number_ = 0;
};

std::string_view without_spaces(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Takes a field and the comma after it from the front of a line. `more` says whether there was a comma.
std::string take_field(std::string_view& line, bool& more, const Lines& lines) {
  std::string field;
  const std::string_view start = line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
  if (!start.starts_with('"')) {
    const std::size_t comma = line.find(',');
    more = comma != std::string_view::npos;
    field = without_spaces(line.substr(0, comma));
    line.remove_prefix(more ? comma + 1 : line.size());
    return field;
  }
  std::string_view rest = start.substr(1);
  while (true) {
    const std::size_t quote = rest.find('"');
    if (quote == std::string_view::npos) throw lines.bad("a quote does not end", "a closing quote", "none");
    field += rest.substr(0, quote);
    rest.remove_prefix(quote + 1);
    if (!rest.starts_with('"')) break;
    field += '"';
    rest.remove_prefix(1);
  }
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  more = rest.starts_with(',');
  if (!more && !rest.empty())
    throw lines.bad("text after a quote", "a comma", fmt::format("'{}'", shortened(printable(rest), 20)));
  line = more ? rest.substr(1) : std::string_view();
  return field;
}

std::vector<std::string> fields_of(std::string_view line, const Lines& lines) {
  std::vector<std::string> fields;
  for (bool more = true; more;) fields.push_back(take_field(line, more, lines));
  return fields;
}

/// Empty unless the whole field is a number, which may be infinite or a NaN.
std::optional<double> number_in(std::string_view field) {
  if (field.starts_with('+')) field.remove_prefix(1);
  double number = 0.0;
  const auto [stop, error] = std::from_chars(field.data(), field.data() + field.size(), number);
  if (error != std::errc{} || stop != field.data() + field.size()) return {};
  return number;
}

void add_row(const std::vector<std::string>& fields, const Lines& lines, std::vector<double>& values) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto number = number_in(fields[i]);
    if (!number || !std::isfinite(*number))
      throw lines.bad(
          fmt::format("field {} is no number", i + 1), "a finite number",
          fields[i].empty() ? "nothing" : fmt::format("'{}'", shortened(printable(fields[i]), 40)));
    values.push_back(*number);
  }
}

}  // namespace

CsvTable read_csv(const std::filesystem::path& path) {
  Lines lines(path);
  CsvTable table;
  std::vector<double> values;
  std::size_t columns = 0;
  for (std::string line; lines.next(line);) {
    if (without_spaces(line).empty()) continue;
    const std::vector<std::string> fields = fields_of(line, lines);
    if (columns == 0) {
      columns = fields.size();
      const bool has_numbers =
          std::ranges::any_of(fields, [](const std::string& field) { return number_in(field).has_value(); });
      if (!has_numbers) {
        table.names = fields;
        continue;
      }
    }
    if (fields.size() != columns)
      throw lines.bad("a line of another length", fmt::format("{} fields", columns),
                      std::to_string(fields.size()));
    add_row(fields, lines, values);
  }
  if (values.empty()) throw Error(ErrorCode::bad_file, path.string() + ": a table without rows");
  table.values = Tensor::of(values, {values.size() / columns, columns});
  return table;
}

std::int64_t CsvTable::column(std::string_view name) const {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return found - names.begin();
  std::int64_t number = -1;
  const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && stop == name.data() + name.size() && number >= 0 && number < columns())
    return number;
  const std::vector<std::string_view> known(names.begin(), names.end());
  throw Error(ErrorCode::invalid_argument,
              fmt::format("the table has no column '{}'{}", printable(name), suggestion(name, known)),
              {.expected = fmt::format("a name, or a number from 0 to {}", columns() - 1)});
}

}  // namespace weft::data
