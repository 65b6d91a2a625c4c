#pragma once
// The text in the header of a .npy file, a Python dict, read as what NumPy writes and nothing else of Python.
// Pure functions.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::data {

struct NpyHeader {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// Throws Error(bad_file), which says where, for a text that is no such dict, and Error(unsupported) for a
/// record type. `name` stands before every complaint.
NpyHeader parse_npy_header(std::string_view text, const std::string& name);

}  // namespace weft::data
