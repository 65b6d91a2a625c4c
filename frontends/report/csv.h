#pragma once
// Tables as comma-separated values (RFC 4180) for spreadsheets and scripts. Pure functions.

#include <string>
#include <string_view>
#include <vector>

namespace weft::report {

/// A text as one field. Spreadsheets take text that begins with = + - @ for a formula, so such a text gets an
/// apostrophe in front, which they do not show. Control characters are written as escapes.
std::string csv_text(std::string_view text);

/// A number as one field; empty for one that is not finite.
std::string csv_number(double value);

/// Joins finished fields to one line.
std::string csv_line(const std::vector<std::string>& fields);

}  // namespace weft::report
