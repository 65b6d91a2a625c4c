#pragma once
// Tables of numbers as comma-separated values (RFC 4180): a row in each line, fields separated by commas. The
// first line may name the columns, if none of its fields is a number. Fields may be in double quotes, with ""
// for a quote; spaces around a field count for nothing; lines end in LF or CRLF; empty lines are ignored, and
// a byte order mark may come first. Plain or gzip. A pure function of the file; different threads may call
// it.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/tensor.h"

namespace weft::data {

struct CsvTable {
  std::vector<std::string> names;  // of the columns; empty if the first line has numbers
  Tensor values;                   // f64 [rows, columns]

  std::int64_t columns() const { return values.sizes()[1]; }
  /// The number of a column: of its name, or, where no column has that name, counted from 0. Throws
  /// Error(invalid_argument), which suggests names.
  std::int64_t column(std::string_view name) const;
};

/// Reads a table of at least one row.
///
/// The file is hostile until read: memory grows with what has been read, and every field is checked. Throws
/// Error(io) when it is missing or unreadable, and Error(bad_file), with the line, for a field that is no
/// finite number, a line with more or fewer fields than the first, a line of more than 16 MiB, a quote that
/// does not end, and a file without rows.
CsvTable read_csv(const std::filesystem::path& path);

}  // namespace weft::data
