#pragma once
// Arrays that a command line names: FILE.npy, FILE.npz:NAME, FILE.csv:COLUMN, or an IDX file.

#include <filesystem>
#include <string>
#include <string_view>

#include "weft/graph/tensor.h"

namespace weft::cli {

/// A file, and which part of it: the name of an array or of a column. "" is the whole.
struct ArrayFile {
  std::filesystem::path file;
  std::string part;

  bool is_archive() const { return file.extension() == ".npz"; }
  bool is_table() const { return file.extension() == ".csv"; }
};
/// "x.npz:weights" as a file and its part. Only archives and tables have parts.
ArrayFile array_file(std::string_view text);

/// Reads it. Of an archive without a part it is the array called `name`, or the only one that it has; a table
/// is f64 [rows, columns], a column of it [rows]. Throws what read_npy, read_npz, read_csv and read_idx
/// throw.
Tensor read_array(const ArrayFile& from, std::string_view name);

/// The same numbers in another dtype: floats are rounded, and anything else must be exact. `what` is the
/// subject of the Error(bad_feed) for a number that does not fit.
Tensor with_dtype(const Tensor& tensor, DType dtype, std::string_view what);

/// "f32[2, 3]  mean 0.5, from -1 to 2", and how many NaNs there are; for few numbers the numbers themselves.
std::string summary(const Tensor& tensor);

}  // namespace weft::cli
