#pragma once
// LIBSVM's text format (https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets): a line for each row, its
// label and then the entries that are not 0 as index:value, indices ascending. In files for ranking,
// "qid:number" follows the label (SVMlight). A '#' starts a comment; empty lines are ignored; lines end in LF
// or CRLF, and a byte order mark may come first. Plain or gzip. These functions keep no state; different
// threads may call them.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <vector>

#include "weft/frontends/data/sparse_dataset.h"

namespace weft::data {

/// The index of the first column. LIBSVM counts from 1, scikit-learn from 0 unless told otherwise.
enum class FirstIndex : std::uint8_t { automatic, zero, one };

struct LibsvmOptions {
  DType dtype = DType::f32;                        // of the values: f32 or f64
  std::int64_t width = 0;                          // of the matrix; 0: the largest index in the file decides
  FirstIndex first_index = FirstIndex::automatic;  // automatic: 0 if the file has an index of 0, otherwise 1
  // The most that a file may hold.
  std::int64_t most_rows = std::numeric_limits<std::int32_t>::max();
  std::int64_t most_entries = std::int64_t{1} << 32;
  std::int64_t largest_index = std::numeric_limits<std::int32_t>::max();
};

/// Reads the matrix and, as f64, the labels of a file. A value of 0 in the file stays an entry.
///
/// The file is hostile until read: memory grows only with what has been read, and every number is checked.
/// Throws Error(io) when the file is missing or unreadable, Error(invalid_argument) for options that no file
/// could satisfy, and Error(bad_file), with line and column, for a word that is not a number or an entry, a
/// number that is not finite or too large for the dtype, an index that does not ascend or is out of range,
/// queries in only some of the rows, and a file that holds more than it may.
SparseDataset read_libsvm(const std::filesystem::path& path, const LibsvmOptions& options = {});

/// The different labels, ascending: the classes of a classification.
std::vector<double> distinct_labels(const Tensor& labels);
/// The number of each label among `classes`, which ascend: i32 [n]. Throws Error(out_of_range) for a label
/// that is not among them.
Tensor class_numbers(const Tensor& labels, std::span<const double> classes);

}  // namespace weft::data
