#pragma once
// Inner loops over the non-zeros of f32 products, compiled once for each instruction set like
// VectorFunctions. A row of the result is computed alone and in the order of its non-zeros, so that the bits
// do not depend on how the work is cut.

#include <cstdint>
#include <string_view>

#include "weft/runtime/ops/stored_rows.h"

namespace weft {

/// A non-zero in a list by column: its row in the batch and its value.
struct FloatEntry {
  std::uint32_t row = 0;
  float value = 0.0F;
};

/// The same for a byte, in a quarter of the memory: row << 8 | value, for rows below kByteEntryRows. It is
/// one number so that one store writes it.
enum class ByteEntry : std::uint16_t {};
constexpr std::int64_t kByteEntryRows = 256;

/// The non-zeros of a batch, column by column: those of column j are [begins[j], ends[j]), in the order of
/// the batch.
struct StoredColumns {
  const std::int32_t* begins = nullptr;
  const std::int32_t* ends = nullptr;
  const void* entries = nullptr;  // ByteEntry if `byte_entries`, else FloatEntry
  bool byte_entries = false;
};

constexpr std::int64_t kCompressSpare = 16;  // elements

/// Sums of more terms are made of sums of 1,024 terms, and the total is compensated: the error is at most
/// 1,026 * 2^-24 of the sum of the terms' absolute values, however many there are.
constexpr std::int64_t kLongestSum = 2048;

/// Room for a copy of some columns of a matrix, row after row. Aligned to 64 bytes; a row takes a multiple of
/// 16 floats.
struct PackedPanel {
  float* data = nullptr;
  std::int64_t size = 0;  // floats
};

struct SparseFunctions {
  std::string_view instruction_set;

  // y[i, :] = scale * x[i, :] w + bias for `count` rows of n elements; those of w lie `stride` elements
  // apart, and `bias` may be null.
  void (*multiply)(const StoredRows& x, std::int64_t count, const float* w, std::int64_t stride,
                   std::int64_t n, float scale, const float* bias, float* y);

  // The same bits, for rows of at most kLongestSum non-zeros. All rows are multiplied with one packed panel
  // of w before the next is filled, so that it stays in the cache: that pays where a row has several
  // non-zeros for each panel. All columns of x lie in [first, last); `cursors` is room for `count` numbers.
  void (*multiply_in_panels)(const StoredRows& x, std::int64_t count, std::int64_t first, std::int64_t last,
                             const float* w, std::int64_t stride, std::int64_t n, float scale,
                             const float* bias, float* y, const PackedPanel& panel, std::int64_t* cursors);

  // Lists the columns and values of the non-zeros of n <= 65536 bytes, ascending, and returns how many there
  // are. May write kCompressSpare elements past the last one.
  std::int64_t (*compress)(const std::uint8_t* row, std::int64_t n, std::uint16_t* columns,
                           std::uint8_t* values);

  // y[j, :] = c[j, :] + alpha * the sum of value * d[row, :] over the entries of column j, for the first
  // `count` columns. Without `c` it counts as 0; where c is y, columns without entries are not touched. d has
  // `rows` rows of n elements, at least 16 columns of which are packed at a time; those of c and y lie
  // `stride` elements apart.
  void (*accumulate)(const StoredColumns& x, std::int64_t count, const float* d, std::int64_t rows,
                     std::int64_t n, float alpha, const float* c, float* y, std::int64_t stride,
                     const PackedPanel& panel);

  // y[column, :] += alpha * x[i, column] * d[i, :] for the non-zeros in columns [first, last) of `count` rows
  // i, one row after the other in f32: a column with many non-zeros has an error of 2^-24 for each of them. d
  // has rows of n elements; the rows of y lie `stride` elements apart.
  void (*scatter)(const StoredRows& x, std::int64_t count, std::int64_t first, std::int64_t last,
                  const float* d, std::int64_t n, float alpha, float* y, std::int64_t stride);
};

/// The functions for this CPU.
const SparseFunctions& sparse_functions();

extern const SparseFunctions kSse2SparseFunctions;
extern const SparseFunctions kAvx2SparseFunctions;
extern const SparseFunctions kAvx512SparseFunctions;

}  // namespace weft
