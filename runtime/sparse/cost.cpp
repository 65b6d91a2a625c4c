#include "weft/runtime/sparse/cost.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "weft/runtime/kernels/column_lists.h"
#include "weft/runtime/onednn.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {
namespace {

constexpr std::int64_t kRows = 64;
constexpr std::int64_t kColumns = 512;
constexpr std::int64_t kNarrow = 16;
constexpr std::int64_t kWide = 256;

template <typename F>
double fastest(F work) {
  constexpr int kRuns = 3;
  work();
  double best = std::numeric_limits<double>::max();
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

/// From seconds at two widths, of so many units of work.
RowCost through(double narrow, double wide, std::int64_t units) {
  const double slope = std::max(0.0, (wide - narrow) / static_cast<double>(kWide - kNarrow));
  const auto count = static_cast<double>(units);
  return {.fixed = std::max(0.0, narrow - slope * static_cast<double>(kNarrow)) / count,
          .each = slope / count};
}

/// A byte matrix in which every fifth element is not 0, like a page of writing.
Tensor pattern() {
  constexpr std::int64_t kOneIn = 5;
  Tensor x = Tensor::zeros(DType::u8, {kRows, kColumns});
  const auto values = x.mutable_values<std::uint8_t>();
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::int64_t column = row % kOneIn; column < kColumns; column += kOneIn)
      values[static_cast<std::size_t>(row * kColumns + column)] = 1;
  }
  return x;
}

std::vector<float> ones(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count), 1.0F);
  return values;
}

double dense_seconds(std::int64_t n) {
  const auto a = ones(kRows * kColumns);
  const auto b = ones(kColumns * n);
  auto c = ones(kRows * n);
  const OneDnnMatMulSpec product{.m = kRows, .n = n, .k = kColumns, .lda = kColumns, .ldb = n};
  const OneDnnSingleThread alone;
  return fastest([&] { onednn_gemm(product, a.data(), b.data(), c.data()); });
}

double multiply_seconds(const StoredRows& x, std::int64_t n) {
  const auto w = ones(kColumns * n);
  auto y = ones(kRows * n);
  return fastest(
      [&] { sparse_functions().multiply(x, nullptr, kRows, w.data(), n, 1.0F, nullptr, y.data()); });
}

double gradient_seconds(const RowStore& store, std::int64_t n) {
  const StoredRows x = store.layout.view(store.bytes.data());
  const ColumnLists lists(store.layout, false, kRows, {.begin = 0, .end = kColumns});
  Tensor scratch = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(lists.scratch_bytes())});
  const auto d = ones(kRows * n);
  auto w = ones(kColumns * n);
  return fastest([&] {
    const auto built = lists.build(x, nullptr, static_cast<std::byte*>(scratch.mutable_data()));
    sparse_functions().accumulate(built.ends, built.entries, kColumns, d.data(), n, 1.0F, w.data(), w.data());
  });
}

ProductCosts measure() {
  const Tensor x = pattern();
  const RowStore store = make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
  const StoredRows rows = store.layout.view(store.bytes.data());
  return {.dense = through(dense_seconds(kNarrow), dense_seconds(kWide), kRows * kColumns),
          .multiply =
              through(multiply_seconds(rows, kNarrow), multiply_seconds(rows, kWide), store.layout.nonzeros),
          .gradient = through(gradient_seconds(store, kNarrow), gradient_seconds(store, kWide),
                              store.layout.nonzeros)};
}

}  // namespace

const ProductCosts& product_costs() {
  static const ProductCosts costs = measure();
  return costs;
}

}  // namespace weft
