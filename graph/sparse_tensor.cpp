#include "weft/graph/sparse_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace weft {
namespace {

using Sizes = std::array<std::int64_t, 2>;

std::string sizes_text(Sizes sizes) { return fmt::format("[{}, {}]", sizes[0], sizes[1]); }

void expect_sizes(Sizes sizes) {
  constexpr std::int64_t kMostRows = std::numeric_limits<std::int64_t>::max() - 1;  // one more offset
  constexpr std::int64_t kMostColumns = std::numeric_limits<std::int32_t>::max();
  if (sizes[0] < 0 || sizes[0] > kMostRows || sizes[1] < 0 || sizes[1] > kMostColumns) {
    throw Error(ErrorCode::invalid_argument, "a sparse tensor cannot have these sizes",
                {.expected = fmt::format("at most {} rows and {} columns", kMostRows, kMostColumns),
                 .actual = sizes_text(sizes)});
  }
  checked_elements(sizes);
}

void expect_stored_dtype(DType dtype) {
  if (is_float(dtype) || dtype == DType::u8) return;
  throw Error(ErrorCode::dtype_mismatch, "a sparse tensor cannot have this dtype",
              {.expected = "f32, f64 or u8", .actual = std::string(name_of(dtype))});
}

void expect_vector(const Tensor& tensor, std::string_view what, DType dtype, std::int64_t elements) {
  if (tensor.dtype() != dtype) {
    throw Error(ErrorCode::dtype_mismatch, fmt::format("the {} of a sparse tensor have another dtype", what),
                {.expected = std::string(name_of(dtype)), .actual = std::string(name_of(tensor.dtype()))});
  }
  if (tensor.rank() == 1 && tensor.elements() == elements) return;
  throw Error(ErrorCode::shape_mismatch, fmt::format("the {} of a sparse tensor have another shape", what),
              {.expected = fmt::format("[{}]", elements), .actual = to_string(tensor.type())});
}

[[noreturn]] void throw_row(std::int64_t row, const std::string& problem, std::string expected,
                            std::string actual) {
  throw Error(ErrorCode::out_of_range, fmt::format("row {} of a sparse tensor {}", row, problem),
              {.expected = std::move(expected), .actual = std::move(actual)});
}

void expect_offsets(std::span<const std::int64_t> offsets, std::int64_t entries) {
  if (offsets.front() != 0 || offsets.back() != entries) {
    throw Error(ErrorCode::out_of_range, "the offsets of a sparse tensor do not span its entries",
                {.expected = fmt::format("from 0 to {}", entries),
                 .actual = fmt::format("from {} to {}", offsets.front(), offsets.back())});
  }
}

/// Calls `visit(column, element)` for the elements of a row of `width` that are not 0.
template <typename T, typename F>
void each_nonzero(const T* row, std::int64_t width, F visit) {
  for (std::int64_t column = 0; column < width; ++column) {
    if (row[column] != T{0}) visit(column, row[column]);
  }
}

/// Where the entries of each row begin, and where the last ones end.
Tensor offsets_of(const Tensor& matrix) {
  const std::int64_t rows = matrix.sizes()[0];
  const std::int64_t width = matrix.sizes()[1];
  Tensor offsets = Tensor::zeros(DType::i64, {rows + 1});
  const auto at = offsets.mutable_values<std::int64_t>();
  visit_dtype(matrix.dtype(), [&]<typename T>(T) {
    const T* row = matrix.values<T>().data();
    for (std::size_t i = 1; i < at.size(); ++i, row += width) {
      at[i] = at[i - 1];
      each_nonzero(row, width, [&](std::int64_t, T) { ++at[i]; });
    }
  });
  return offsets;
}

/// The entries [begin, end) of a vector, then zeros, `capacity` in all.
Tensor padded(const Tensor& vector, std::int64_t begin, std::int64_t end, std::int64_t capacity) {
  Tensor result = Tensor::zeros(vector.dtype(), {capacity});
  const Tensor part = vector.rows(begin, end - begin);
  if (part.bytes() > 0) std::memcpy(result.mutable_data(), part.data(), part.bytes());
  return result;
}

}  // namespace

void check_sparse_rows(std::span<const std::int64_t> begins, std::span<const std::int64_t> ends,
                       std::span<const std::int32_t> columns, std::int64_t width, std::int64_t first,
                       std::int64_t count) {
  const auto capacity = static_cast<std::int64_t>(columns.size());
  for (std::int64_t row = first; row < first + count; ++row) {
    const std::int64_t begin = begins[static_cast<std::size_t>(row)];
    const std::int64_t end = ends[static_cast<std::size_t>(row)];
    if (begin < 0 || begin > end || end > capacity) {
      throw_row(row, "lies outside of its entries", fmt::format("a part of [0, {})", capacity),
                fmt::format("[{}, {})", begin, end));
    }
    std::int64_t before = -1;
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t column = columns[static_cast<std::size_t>(k)];
      if (column <= before || column >= width) {
        throw_row(row, fmt::format("has a wrong column at entry {}", k),
                  fmt::format("a column in [0, {}), above the one before, {}", width, before),
                  std::to_string(column));
      }
      before = column;
    }
  }
}

SparseTensor::SparseTensor(Sizes sizes, const Tensor& offsets, Tensor columns, Tensor values)
    : sizes_(sizes),
      begins_(offsets.rows(0, sizes[0])),
      ends_(offsets.rows(1, sizes[0])),
      columns_(std::move(columns)),
      values_(std::move(values)) {}

SparseTensor SparseTensor::of(Sizes sizes, const Tensor& offsets, const Tensor& columns,
                              const Tensor& values) {
  expect_sizes(sizes);
  expect_stored_dtype(values.dtype());
  expect_vector(offsets, "offsets", DType::i64, sizes[0] + 1);
  expect_vector(columns, "columns", DType::i32, columns.elements());
  expect_vector(values, "values", values.dtype(), columns.elements());
  expect_offsets(offsets.values<std::int64_t>(), columns.elements());
  SparseTensor made(sizes, offsets, columns, values);
  check_sparse_rows(made.begins_.values<std::int64_t>(), made.ends_.values<std::int64_t>(),
                    columns.values<std::int32_t>(), sizes[1], 0, sizes[0]);
  return made;
}

SparseTensor SparseTensor::from_dense(const Tensor& matrix) {
  expect_stored_dtype(matrix.dtype());
  if (matrix.rank() != 2) {
    throw Error(ErrorCode::shape_mismatch, "only a matrix becomes a sparse tensor",
                {.expected = "two axes", .actual = to_string(matrix.type())});
  }
  const Sizes sizes{matrix.sizes()[0], matrix.sizes()[1]};
  expect_sizes(sizes);
  const Tensor offsets = offsets_of(matrix);
  const std::int64_t entries = offsets.values<std::int64_t>().back();
  Tensor columns = Tensor::uninitialized(DType::i32, {entries});
  Tensor values = Tensor::uninitialized(matrix.dtype(), {entries});
  visit_dtype(matrix.dtype(), [&]<typename T>(T) {
    auto* column_at = columns.mutable_values<std::int32_t>().data();
    auto* value_at = values.mutable_values<T>().data();
    const T* row = matrix.values<T>().data();
    for (std::int64_t i = 0; i < sizes[0]; ++i, row += sizes[1]) {
      each_nonzero(row, sizes[1], [&](std::int64_t column, T value) {
        *column_at++ = static_cast<std::int32_t>(column);
        *value_at++ = value;
      });
    }
  });
  return {sizes, offsets, std::move(columns), std::move(values)};
}

Tensor SparseTensor::to_dense() const {
  Tensor matrix = Tensor::zeros(dtype(), sizes_);
  const auto begins = begins_.values<std::int64_t>();
  const auto ends = ends_.values<std::int64_t>();
  const auto columns = columns_.values<std::int32_t>();
  visit_dtype(dtype(), [&]<typename T>(T) {
    const auto values = values_.values<T>();
    T* row = matrix.mutable_values<T>().data();
    for (std::size_t i = 0; i < begins.size(); ++i, row += sizes_[1]) {
      for (auto k = static_cast<std::size_t>(begins[i]); k < static_cast<std::size_t>(ends[i]); ++k) {
        row[columns[k]] = values[k];
      }
    }
  });
  return matrix;
}

std::int64_t SparseTensor::entries() const {
  if (sizes_[0] == 0) return 0;
  return ends_.values<std::int64_t>().back() - begins_.values<std::int64_t>().front();
}

SparseTensor SparseTensor::rows(std::int64_t begin, std::int64_t count) const {
  SparseTensor part = *this;
  part.begins_ = begins_.rows(begin, count);
  part.ends_ = ends_.rows(begin, count);
  part.sizes_[0] = count;
  return part;
}

SparseTensor SparseTensor::packed(std::int64_t capacity) const {
  const std::int64_t own = entries();
  if (capacity < own) {
    throw Error(ErrorCode::invalid_argument, "the entries of a sparse tensor do not fit",
                {.expected = fmt::format("room for at least {}", own), .actual = std::to_string(capacity)});
  }
  const std::int64_t first = sizes_[0] == 0 ? 0 : begins_.values<std::int64_t>().front();
  Tensor offsets = Tensor::zeros(DType::i64, {sizes_[0] + 1});
  std::ranges::transform(ends_.values<std::int64_t>(), offsets.mutable_values<std::int64_t>().begin() + 1,
                         [first](std::int64_t end) { return end - first; });
  return {sizes_, offsets, padded(columns_, first, first + own, capacity),
          padded(values_, first, first + own, capacity)};
}

SparseTensor SparseTensor::packed() const {
  return packed(static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(entries()))));
}

std::string to_string(const SparseTensor& tensor) {
  return fmt::format("sparse {}{} with {} entries", name_of(tensor.dtype()), sizes_text(tensor.sizes()),
                     tensor.entries());
}

}  // namespace weft
