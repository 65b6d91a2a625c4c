// What a unit of work costs in products with and without zeros: the figures that runtime/sparse/cost.cpp
// decides by. A unit is an element of the left side, or a non-zero of it; `unit` is its time. The dense
// product obeys ONEDNN_MAX_CPU_ISA (SSE41, AVX2), so that the slower instruction sets are measured on a fast
// machine too. Beside them, what rounding to bf16 gives.

#include <benchmark/benchmark.h>

#include <vector>

#include "weft/runtime/machine/onednn.h"
#include "weft/runtime/sparse/kernels/column_lists.h"
#include "weft/runtime/sparse/kernels/row_products.h"
#include "weft/runtime/sparse/row_store.h"
#include "weft/runtime/sparse/vector/sparse_functions.h"

namespace weft::bench {
namespace {

constexpr std::int64_t kRows = 64;
constexpr std::int64_t kColumns = 768;

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

RowStore pattern_store() {
  const Tensor x = pattern();
  return make_row_store(x, whole_of(x), measure_density(x, whole_of(x)));
}

std::vector<float> ones(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count), 1.0F);
  return values;
}

bool runs_here(const SparseFunctions* functions) {
  __builtin_cpu_init();
  if (functions == &kAvx512SparseFunctions) return __builtin_cpu_supports("avx512f");
  return functions != &kAvx2SparseFunctions ||
         (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
}

void report_unit(benchmark::State& state, std::int64_t units) {
  state.counters["unit"] =
      benchmark::Counter(static_cast<double>(units),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void dense(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const auto a = ones(kRows * kColumns);
  const auto b = ones(kColumns * n);
  auto c = ones(kRows * n);
  const OneDnnMatMulSpec product{.m = kRows, .n = n, .k = kColumns, .lda = kColumns, .ldb = n, .ldc = n};
  const OneDnnSingleThread alone;
  for (auto _ : state) {
    onednn_gemm(product, a.data(), b.data(), c.data());
    benchmark::DoNotOptimize(c.data());
  }
  report_unit(state, kRows * kColumns);
}

void multiply(benchmark::State& state, const SparseFunctions* functions) {
  if (!runs_here(functions)) return state.SkipWithError("this CPU has other instructions");
  const std::int64_t n = state.range(0);
  const RowStore store = pattern_store();
  const StoredRows x = store.rows();
  const auto w = ones(kColumns * n);
  auto y = ones(kRows * n);
  const RowProducts products(kRows, {0, kColumns}, n, store.layout.fullest_row);
  Tensor scratch = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(products.scratch_bytes())});
  for (auto _ : state) {
    products.multiply(x, kRows, w.data(), n, 1.0F, nullptr, y.data(),
                      static_cast<std::byte*>(scratch.mutable_data()), *functions);
    benchmark::DoNotOptimize(y.data());
  }
  report_unit(state, store.layout.nonzeros);
}

/// Listing the non-zeros by column included.
void gradient(benchmark::State& state, const SparseFunctions* functions) {
  if (!runs_here(functions)) return state.SkipWithError("this CPU has other instructions");
  const std::int64_t n = state.range(0);
  const RowStore store = pattern_store();
  const StoredRows x = store.rows();
  const ColumnLists lists(store.layout, false, kRows, {.begin = 0, .end = kColumns});
  Tensor scratch = Tensor::uninitialized(DType::u8, {static_cast<std::int64_t>(lists.scratch_bytes())});
  const auto d = ones(kRows * n);
  auto w = ones(kColumns * n);
  const std::int64_t size = kRows * panel_width(kRows, n);
  Tensor panel = Tensor::uninitialized(DType::f32, {size});
  for (auto _ : state) {
    const StoredColumns built = lists.build(x, nullptr, static_cast<std::byte*>(scratch.mutable_data()));
    functions->accumulate(built, kColumns, d.data(), kRows, n, 1.0F, w.data(), w.data(), n,
                          {.data = panel.mutable_values<float>().data(), .size = size});
    benchmark::DoNotOptimize(w.data());
  }
  report_unit(state, store.layout.nonzeros);
}

/// [512, 1024] times [1024, 1024] by the primitive, of f32 or of bf16.
void precision(benchmark::State& state, bool bf16) {
  if (bf16 && !onednn_multiplies_bf16()) return state.SkipWithError("this CPU has no products of bf16");
  constexpr std::int64_t kHeight = 512;
  constexpr std::int64_t kWidth = 1024;
  const std::vector<float> a = ones(kHeight * kWidth);  // as bf16, half of them are read
  const std::vector<float> b = ones(kWidth * kWidth);
  auto c = ones(kHeight * kWidth);
  const OneDnnSingleThread alone;
  OneDnnMatMul product(
      {.m = kHeight, .n = kWidth, .k = kWidth, .lda = kWidth, .ldb = kWidth, .ldc = kWidth, .bf16 = bf16});
  std::vector<std::byte> scratch(product.scratch_bytes());
  for (auto _ : state) {
    product.run(a.data(), b.data(), nullptr, c.data(), scratch.data());
    benchmark::DoNotOptimize(c.data());
  }
  state.counters["flops"] = benchmark::Counter(static_cast<double>(2 * kHeight * kWidth * kWidth),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

void widths(benchmark::internal::Benchmark* bench) {
  for (const int n : {2, 10, 16, 64, 100, 256, 512, 1024}) bench->Arg(n);
  bench->ArgName("n");
}

BENCHMARK(dense)->Apply(widths);
BENCHMARK_CAPTURE(precision, f32, false);
BENCHMARK_CAPTURE(precision, bf16, true);
BENCHMARK_CAPTURE(multiply, sse2, &kSse2SparseFunctions)->Apply(widths);
BENCHMARK_CAPTURE(multiply, avx2, &kAvx2SparseFunctions)->Apply(widths);
BENCHMARK_CAPTURE(multiply, avx512, &kAvx512SparseFunctions)->Apply(widths);
BENCHMARK_CAPTURE(gradient, sse2, &kSse2SparseFunctions)->Apply(widths);
BENCHMARK_CAPTURE(gradient, avx2, &kAvx2SparseFunctions)->Apply(widths);
BENCHMARK_CAPTURE(gradient, avx512, &kAvx512SparseFunctions)->Apply(widths);

}  // namespace
}  // namespace weft::bench
