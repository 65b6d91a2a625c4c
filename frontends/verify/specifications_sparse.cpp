#include <algorithm>
#include <limits>
#include <utility>

#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/sparse.h"

namespace weft::verify::builtin {
namespace {

/// A sparse matrix as the inputs of an op.
struct Drawn {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  Tensor begins{};
  Tensor ends{};
  Tensor columns{};
  std::int64_t capacity() const { return columns.elements(); }
};

Tensor vector_of(const std::vector<std::int64_t>& numbers) {
  return Tensor::of<std::int64_t>(numbers, Sizes{std::ssize(numbers)});
}

/// Rows of a random matrix, some empty and some full, with entries between and behind them that belong to no
/// row. Sometimes rows are repeated or left out.
Drawn draw(SampleSource& source) {
  Drawn x{.rows = source.extent(), .width = source.extent()};
  std::vector<std::int64_t> begins;
  std::vector<std::int64_t> ends;
  std::vector<std::int32_t> columns;
  const bool chosen = source.coin();
  for (std::int64_t row = 0; row < x.rows; ++row) {
    columns.resize(columns.size() + static_cast<std::size_t>(source.below(2)), -1);
    begins.push_back(std::ssize(columns));
    const std::int64_t share = source.below(5);
    for (std::int32_t column = 0; column < x.width; ++column) {
      if (source.below(4) < share) columns.push_back(column);
    }
    ends.push_back(std::ssize(columns));
    if (!chosen || !source.coin()) continue;
    const auto other = static_cast<std::size_t>(source.below(row + 1));
    begins[static_cast<std::size_t>(row)] = begins[other];
    ends[static_cast<std::size_t>(row)] = ends[other];
  }
  columns.resize(columns.size() + static_cast<std::size_t>(source.below(3)), x.width > 0 ? -1 : 0);
  x.begins = vector_of(begins);
  x.ends = vector_of(ends);
  x.columns = Tensor::of<std::int32_t>(columns, Sizes{std::ssize(columns)});
  return x;
}

Sampler product(bool transpose, DType values) {
  return [=](SampleSource& source) {
    const Drawn x = draw(source);
    const std::int64_t n = source.extent();
    Tensor stored = values == u8 ? source.whole({x.capacity()}, 9, u8)
                                 : source.uniform({x.capacity()}, -1.0, 1.0, values);
    return Sample{
        SparseMatMul{.width = x.width, .transpose = transpose},
        {x.begins, x.ends, x.columns, std::move(stored), source.uniform({transpose ? x.rows : x.width, n})}};
  };
}

Sample sampled(SampleSource& source) {
  const Drawn x = draw(source);
  const std::int64_t n = source.extent();
  return {SampledMatMul{},
          {x.begins, x.ends, x.columns, source.uniform({x.rows, n}), source.uniform({x.width, n})}};
}

/// Two rows of a matrix of width 3 that kernels must refuse: rows outside the entries, and columns that are
/// out of range or do not ascend. `inputs` gives an op's inputs for three entries.
template <typename Inputs>
std::vector<Refusal> bad_rows(const Op& op, Inputs inputs) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  std::vector<Refusal> refusals;
  const auto refuse = [&](const std::vector<std::int64_t>& begins, const std::vector<std::int64_t>& ends,
                          std::initializer_list<std::int32_t> columns) {
    refusals.push_back({op, inputs(vector_of(begins), vector_of(ends), Tensor::of<std::int32_t>(columns)),
                        ErrorCode::out_of_range});
  };
  for (const std::int64_t begin : {std::int64_t{-1}, std::int64_t{4}, kLeast, kMost})
    refuse({0, begin}, {2, 3}, {0, 1, 2});
  for (const std::int64_t end : {std::int64_t{1}, std::int64_t{4}, kLeast, kMost})
    refuse({0, 2}, {2, end}, {0, 1, 2});
  for (const std::int32_t column :
       {-1, 3, 2, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()})
    refuse({0, 1}, {1, 3}, {0, column, 2});
  refuse({0, 2}, {2, 3}, {1, 0, 2});
  const Tensor rows = vector_of({0, 2});
  const Tensor columns = Tensor::of<std::int32_t>({0, 1, 2});
  refusals.push_back({op, inputs(nothing(i32, {2}), rows, columns), ErrorCode::dtype_mismatch});
  refusals.push_back({op, inputs(rows, rows, nothing(i64, {3})), ErrorCode::dtype_mismatch});
  refusals.push_back({op, inputs(rows, nothing(i64, {3}), columns), ErrorCode::shape_mismatch});
  refusals.push_back({op, inputs(nothing(i64, {2, 1}), rows, columns), ErrorCode::shape_mismatch});
  return refusals;
}

std::vector<Refusal> bad_products(bool transpose) {
  const Op op = SparseMatMul{.width = 3, .transpose = transpose};
  const Sizes d{transpose ? 2 : 3, 2};
  const auto rows = vector_of({0, 2});
  const auto with = [&](Tensor values, Tensor right) {
    return std::vector{rows, rows, nothing(i32, {3}), std::move(values), std::move(right)};
  };
  std::vector<Refusal> refusals = bad_rows(op, [&](Tensor begins, Tensor ends, Tensor columns) {
    return std::vector{std::move(begins), std::move(ends), std::move(columns), nothing(f64, {3}),
                       nothing(f64, d)};
  });
  refusals.push_back({op, with(nothing(f64, {2}), nothing(f64, d)), ErrorCode::shape_mismatch});
  refusals.push_back({op, with(nothing(f64, {3}), nothing(f64, {4, 2})), ErrorCode::shape_mismatch});
  refusals.push_back({op, with(nothing(f64, {3}), nothing(f64, {3})), ErrorCode::shape_mismatch});
  refusals.push_back({op, with(nothing(f32, {3}), nothing(f64, d)), ErrorCode::dtype_mismatch});
  refusals.push_back({op, with(nothing(u8, {3}), nothing(i32, d)), ErrorCode::dtype_mismatch});
  return refusals;
}

std::vector<Refusal> bad_samples() {
  const auto rows = vector_of({0, 2});
  const auto with = [&](Tensor a, Tensor b) {
    return std::vector{rows, rows, nothing(i32, {3}), std::move(a), std::move(b)};
  };
  std::vector<Refusal> refusals = bad_rows(SampledMatMul{}, [&](Tensor begins, Tensor ends, Tensor columns) {
    return std::vector{std::move(begins), std::move(ends), std::move(columns), nothing(f64, {2, 2}),
                       nothing(f64, {3, 2})};
  });
  const Op op = SampledMatMul{};
  refusals.push_back({op, with(nothing(f64, {3, 2}), nothing(f64, {3, 2})), ErrorCode::shape_mismatch});
  refusals.push_back({op, with(nothing(f64, {2, 2}), nothing(f64, {3, 1})), ErrorCode::shape_mismatch});
  refusals.push_back({op, with(nothing(f64, {2, 2}), nothing(f64, {3})), ErrorCode::shape_mismatch});
  refusals.push_back({op, with(nothing(f64, {2, 2}), nothing(f32, {3, 2})), ErrorCode::dtype_mismatch});
  refusals.push_back({op, with(nothing(u8, {2, 2}), nothing(u8, {3, 2})), ErrorCode::dtype_mismatch});
  return refusals;
}

std::vector<Refusal> all_bad_products() {
  std::vector<Refusal> refusals = bad_products(false);
  std::ranges::move(bad_products(true), std::back_inserter(refusals));
  return refusals;
}

}  // namespace

List sparse_products() {
  return {{"sparse_matmul",
           "the product of a sparse matrix, or its transpose, and a dense one",
           {product(false, f64), product(true, f64), product(false, u8), product(true, u8)},
           all_bad_products()},
          {"sampled_matmul",
           "a product of dense matrices at the entries of a sparse one",
           {sampled},
           bad_samples()}};
}

}  // namespace weft::verify::builtin
