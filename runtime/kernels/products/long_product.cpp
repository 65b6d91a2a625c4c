#include "weft/runtime/kernels/products/long_product.h"

#include <algorithm>

#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/machine/onednn.h"

namespace weft {
namespace {

constexpr std::int64_t kTerms = 1024;             // of a partial product
constexpr std::int64_t kBlockElements = 1 << 16;  // of the result; at least one row

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// One matrix of a product: c[i, j] is the sum over p of a[i * a_row + p * a_term] b[p * b_term + j *
/// b_column].
struct Strides {
  std::int64_t a_row = 0;
  std::int64_t a_term = 0;
  std::int64_t b_term = 0;
  std::int64_t b_column = 0;
};

Strides strides_of(const Product& product) {
  const auto [m, n, k] = product.sizes;
  const bool ta = product.op.transpose_a;
  const bool tb = product.op.transpose_b;
  return {.a_row = ta ? 1 : k,
          .a_term = ta ? m : 1,
          .b_term = tb ? 1 : product.ldb(),
          .b_column = tb ? product.ldb() : 1};
}

class LongProductKernel final : public Kernel {
 public:
  LongProductKernel(const Product& product, const Shard& shard)
      : product_(product), shard_(shard), strides_(strides_of(product)), way_(way_of(product)) {
    const std::int64_t n = product.sizes.n;
    rows_ = way_ == Way::partial
                ? std::clamp<std::int64_t>(kBlockElements / n, 1, std::max<std::int64_t>(shard.rows, 1))
                : 1;
  }

  std::size_t scratch_bytes() const override {
    const std::int64_t n = product_.sizes.n;
    if (way_ == Way::partial) return at(rows_ * n) * (sizeof(double) + sizeof(float));
    return at(way_ == Way::rows_of_a ? shard_.rows : n) * sizeof(double) + at(copied()) * sizeof(float);
  }

  void run(const KernelBuffers& buffers) override {
    for (std::int64_t matrix = shard_.matrices.begin; matrix < shard_.matrices.end; ++matrix) {
      multiply(operands_of<float>(product_, shard_, matrix, buffers), buffers.scratch);
    }
  }

 private:
  /// How the terms are added: as dots where they lie side by side in both operands, as rows of b or of a, or
  /// as partial products.
  enum class Way : std::uint8_t { dots, rows_of_b, rows_of_a, partial };

  static Way way_of(const Product& product) {
    const auto [m, n, k] = product.sizes;
    if (std::min(m, n) > kFewLongSums) return Way::partial;
    if (m <= kFewLongSums && !product.op.transpose_b && product.ldb() > 1) return Way::rows_of_b;
    if (n <= kFewLongSums && product.op.transpose_a && m > 1) return Way::rows_of_a;
    return Way::dots;
  }

  /// How many elements of an operand dots need as a copy, because its terms do not lie side by side.
  std::int64_t copied() const {
    if (way_ != Way::dots) return 0;
    if (strides_.a_term != 1) return product_.sizes.k;
    return strides_.b_term != 1 ? product_.sizes.k * product_.sizes.n : 0;
  }

  void multiply(const Operands<float>& of, std::byte* scratch) const {
    const std::int64_t n = product_.sizes.n;
    auto* sums = reinterpret_cast<double*>(scratch);
    if (way_ == Way::rows_of_a) return add_rows_of_a(of, sums);
    auto* copy = reinterpret_cast<float*>(sums + n);
    if (way_ == Way::dots && strides_.b_term != 1) copy_columns_of_b(of, copy);
    for (std::int64_t row = 0; row < shard_.rows; row += rows_) {
      const std::int64_t rows = std::min(rows_, shard_.rows - row);
      if (way_ == Way::dots) dot_row(of, row, sums, copy);
      if (way_ == Way::rows_of_b) add_rows_of_b(of, row, sums);
      if (way_ == Way::partial) add_partial_products(of, row, rows, sums);
      for (std::int64_t i = 0; i < rows; ++i) finish_row(of, row + i, sums + i * n);
    }
  }

  void copy_columns_of_b(const Operands<float>& of, float* copy) const {
    const auto [m, n, k] = product_.sizes;
    for (std::int64_t term = 0; term < k; ++term) {
      for (std::int64_t j = 0; j < n; ++j)
        copy[j * k + term] = of.b[term * strides_.b_term + j * strides_.b_column];
    }
  }

  void dot_row(const Operands<float>& of, std::int64_t row, double* sums, float* copy) const {
    const std::int64_t k = product_.sizes.k;
    const float* a = of.a + row * strides_.a_row;
    const float* b = of.b;
    std::int64_t b_column = strides_.b_column;
    if (strides_.a_term != 1) {
      for (std::int64_t term = 0; term < k; ++term) copy[term] = a[term * strides_.a_term];
      a = copy;
    } else if (strides_.b_term != 1) {
      b = copy;
      b_column = k;
    }
    for (std::int64_t j = 0; j < product_.sizes.n; ++j)
      sums[j] = vector_functions().dot(a, b + j * b_column, at(k));
  }

  void add_rows_of_b(const Operands<float>& of, std::int64_t row, double* sums) const {
    const auto [m, n, k] = product_.sizes;
    std::fill(sums, sums + n, 0.0);
    vector_functions().add_many_rows(of.b, at(k), at(strides_.b_term), of.a + row * strides_.a_row,
                                     at(strides_.a_term), sums, at(n));
  }

  void add_rows_of_a(const Operands<float>& of, double* sums) const {
    for (std::int64_t j = 0; j < product_.sizes.n; ++j) {
      std::fill(sums, sums + shard_.rows, 0.0);
      vector_functions().add_many_rows(of.a, at(product_.sizes.k), at(strides_.a_term),
                                       of.b + j * strides_.b_column, at(strides_.b_term), sums,
                                       at(shard_.rows));
      for (std::int64_t i = 0; i < shard_.rows; ++i) store(of, i, j, sums[i]);
    }
    for (std::int64_t i = 0; i < shard_.rows; ++i) apply_epilogue(of, i);
  }

  void add_partial_products(const Operands<float>& of, std::int64_t row, std::int64_t rows,
                            double* sums) const {
    const auto [m, n, k] = product_.sizes;
    auto* partial = reinterpret_cast<float*>(sums + rows_ * n);
    std::fill(sums, sums + rows * n, 0.0);
    for (std::int64_t term = 0; term < k; term += kTerms) {
      const OneDnnMatMulSpec spec{.m = rows,
                                  .n = n,
                                  .k = std::min(kTerms, k - term),
                                  .transpose_a = product_.op.transpose_a,
                                  .transpose_b = product_.op.transpose_b,
                                  .lda = product_.op.transpose_a ? m : k,
                                  .ldb = product_.ldb(),
                                  .ldc = n};
      onednn_gemm(spec, of.a + row * strides_.a_row + term * strides_.a_term, of.b + term * strides_.b_term,
                  partial);
      for (std::int64_t i = 0; i < rows * n; ++i) sums[i] += static_cast<double>(partial[i]);
    }
  }

  void store(const Operands<float>& of, std::int64_t row, std::int64_t column, double sum) const {
    float& c = of.c[row * product_.ldc() + column];
    c = static_cast<float>(product_.accumulate ? static_cast<double>(c) + product_.alpha * sum : sum);
  }

  void finish_row(const Operands<float>& of, std::int64_t row, const double* sums) const {
    for (std::int64_t j = 0; j < product_.sizes.n; ++j) store(of, row, j, sums[j]);
    apply_epilogue(of, row);
  }

  void apply_epilogue(const Operands<float>& of, std::int64_t row) const {
    float* c = of.c + row * product_.ldc();
    const auto n = at(product_.sizes.n);
    if (product_.bias) vector_functions().add_bias(c, of.bias, 1, n, false);
    finish(product_.after, c, n);
  }

  Product product_;
  Shard shard_;
  Strides strides_;
  Way way_;
  std::int64_t rows_;  // of the result at a time
};

}  // namespace

std::unique_ptr<Kernel> make_long_product(const Product& product, const Shard& shard) {
  return std::make_unique<LongProductKernel>(product, shard);
}

}  // namespace weft
