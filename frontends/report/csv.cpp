#include "weft/frontends/report/csv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "weft/graph/text.h"

namespace weft::report {

std::string csv_text(std::string_view text) {
  constexpr std::string_view kFormula = "=+-@";
  std::string field = printable(text);
  // Some spreadsheets take text for a formula even if spaces precede it.
  const auto first = field.find_first_not_of(' ');
  // A tab or line end at the beginning has become an escape already, so no formula can follow it.
  if (first != std::string::npos && kFormula.find(field[first]) != std::string_view::npos)
    field.insert(0, "'");
  if (field.find_first_of(",\"") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string csv_number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }

std::string csv_line(const std::vector<std::string>& fields) {
  return fmt::format("{}\n", fmt::join(fields, ","));
}

}  // namespace weft::report
