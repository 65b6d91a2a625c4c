#pragma once
// LIBSVM's text format (https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets): a line for each row, its
// label and then the entries that are not 0 as index:value, indices ascending. In files for ranking,
// "qid:number" stands between (SVMlight). A '#' starts a comment; empty lines count for nothing; lines end in
// LF or CRLF, and a byte order mark may come first. Plain or gzip. These functions keep no state; different
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
  DType dtype = DType::f32;  // of the values: f32 or f64
  std::int64_t width = 0;    // of the matrix; 0: up to the largest index that the file has
  FirstIndex first_index = FirstIndex::automatic;  // 0 where the file has an index of 0, else 1
  // What a file may hold at most.
  std::int64_t most_rows = std::numeric_limits<std::int32_t>::max();
  std::int64_t most_entries = std::int64_t{1} << 32;
  std::int64_t largest_index = std::numeric_limits<std::int32_t>::max();
};

/// The matrix and, as f64, the labels that the file holds. A value of 0 that is written stays an entry.
///
/// The file is hostile until read: memory grows with what has been read, and no number is believed before it
/// is checked. Throws Error(io) when the file is missing or unreadable, Error(invalid_argument) for options
/// that nothing could satisfy, and Error(bad_file), with line and column, for a word that is no number or no
/// entry, a number that is not finite or too large for the dtype, an index that does not ascend or is too
/// small or too large, rows of which only some have a query, and a file that holds more than it may.
SparseDataset read_libsvm(const std::filesystem::path& path, const LibsvmOptions& options = {});

/// The different labels, ascending: the classes of a classification.
std::vector<double> distinct_labels(const Tensor& labels);
/// The number of each label among `classes`, which ascend: i32 [n]. Throws Error(out_of_range) for a label
/// that is none of them.
Tensor class_numbers(const Tensor& labels, std::span<const double> classes);

}  // namespace weft::data
