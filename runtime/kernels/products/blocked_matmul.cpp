#include <algorithm>

#include "weft/runtime/kernels/products/blocked_product.h"
#include "weft/runtime/kernels/products/long_product.h"
#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/kernels/products/product.h"
#include "weft/runtime/machine/cache.h"

namespace weft {
namespace {

template <typename T>
class BlockedKernel final : public Kernel {
 public:
  BlockedKernel(const Product& product, const Shard& shard)
      : product_(product), shard_(shard), functions_(panel_functions<T>()) {}

  std::size_t scratch_bytes() const override {
    if (is_vector())
      return static_cast<std::size_t>(whole_lines(results() * static_cast<std::int64_t>(sizeof(T))));
    return blocked_scratch_bytes<T>(sizes(), functions_);
  }

  void run(const KernelBuffers& buffers) override {
    for (std::int64_t matrix = shard_.matrices.begin; matrix < shard_.matrices.end; ++matrix) {
      const BlockedProduct<T> product = product_at(operands_of<T>(product_, shard_, matrix, buffers));
      if (is_vector()) {
        multiply_vector(product, reinterpret_cast<T*>(buffers.scratch));
      } else {
        multiply_in_blocks(product, buffers.scratch, functions_);
      }
    }
  }

 private:
  BlockedSizes sizes() const { return {.m = shard_.rows, .n = product_.sizes.n, .k = product_.sizes.k}; }
  std::int64_t results() const { return shard_.rows * product_.sizes.n; }

  /// Whether one operand of the whole product is a vector, and so is the result.
  bool is_vector() const {
    return product_.sizes.m == 1 || (product_.width == 1 && product_.column_blocks == 1);
  }

  BlockedProduct<T> product_at(const Operands<T>& at) const {
    const auto [m, n, k] = product_.sizes;
    const MatMul& op = product_.op;
    const Strided<const T> a{.data = at.a, .row = op.transpose_a ? 1 : k, .column = op.transpose_a ? m : 1};
    const std::int64_t ldb = product_.ldb();
    return {.sizes = sizes(),
            .a = a,
            .b = {.data = at.b, .row = op.transpose_b ? 1 : ldb, .column = op.transpose_b ? ldb : 1},
            .c = at.c,
            .c_row = product_.ldc(),
            .bias = at.bias,
            .accumulate = product_.accumulate,
            .alpha = static_cast<T>(product_.accumulate ? product_.alpha : 1.0),
            .after = product_.after};
  }

  void multiply_vector(const BlockedProduct<T>& of, T* sums) const {
    const auto [m, n, k] = of.sizes;
    if (product_.sizes.m == 1) {
      multiply_row(of.a.data, of.sizes, of.b, sums, functions_);
    } else {
      multiply_row(of.b.data, {.m = 1, .n = m, .k = k}, of.a.turned(), sums, functions_);
    }
    for (std::int64_t i = 0; i < results(); ++i) {
      T start{0};
      if (of.bias != nullptr) start = of.bias[product_.sizes.m == 1 ? i : 0];
      if (of.accumulate) start = of.c[i];
      of.c[i] = start + of.alpha * sums[i];
    }
    finish(of.after, of.c, static_cast<std::size_t>(results()));
  }

  Product product_;
  Shard shard_;
  const PanelFunctions<T>& functions_;
};

/// Whether threads had better share the columns: every thread that computes rows reads all of b.
bool has_few_rows(const Product& product) {
  constexpr std::int64_t kFewRows = 128;
  constexpr std::int64_t kLargeMatrix = 1 << 20;  // elements, more than a second-level cache holds
  const auto [m, n, k] = product.sizes;
  return is_long_row(product) || (product.is_single() && m <= kFewRows && k * n >= kLargeMatrix && n >= m);
}

std::optional<KernelChoice> blocked_choice(const KernelSite& site, Product product) {
  product.by_columns = has_few_rows(product);
  const bool single = site.outputs[0].dtype == DType::f32;
  KernelChoice choice = product_choice(
      site, product, [single](const Product& p, const Shard& shard) -> std::unique_ptr<Kernel> {
        if (single) return std::make_unique<BlockedKernel<float>>(p, shard);
        return std::make_unique<BlockedKernel<double>>(p, shard);
      });
  choice.cut.seamless = true;
  return choice;
}

/// Whether sums in blocks are as accurate as matmul promises for f32.
bool can_sum_in_blocks(const Product& product) {
  const auto [m, n, k] = product.sizes;
  return k <= kLongestInSingle || (std::min(m, product.width) > kFewLongSums && k <= kMostBlockedTerms);
}

// Measured on a Zen 4 against the faster of oneDNN 2.6's sgemm and primitive, one thread. Ratios below are
// oneDNN's time over ours. What is not listed is at 0.85 to 1.0, and with SSE2 all is.

/// More terms than sgemm may add up in f32: 64 rows times [4096, 4096] 98 GFLOP/s, and 57 by its partial
/// products; times the transpose 94 and 34.
bool has_long_sums(const Product& product) { return product.sizes.k > kLongestInSingle; }

/// A row times a large matrix: 1.0 to 1.2.
bool is_large_row(const Product& product) {
  constexpr std::int64_t kLarge = 1 << 18;
  return product.sizes.m == 1 && product.sizes.k * product.sizes.n >= kLarge;
}

/// Narrow results. AVX-512: [64, 784] times [784, 100] 1.03, [64, 1024] times [1024, 10] 1.25, the gradient
/// of that weight 1.4; AVX2: [64, 100] times [100, 10] 1.1, a gradient of [1024, 10] 2.0, but [784, 100]
/// 0.86.
bool is_narrow(const Product& product, bool avx512) {
  constexpr std::int64_t kFewRows = 64;
  const std::int64_t most = avx512 ? 112 : 16;
  const auto [m, n, k] = product.sizes;
  return !product.op.transpose_b && m > 1 && n > 1 && n <= most && (product.op.transpose_a || m <= kFewRows);
}

/// Few rows times what no second-level cache holds. 32 and 48 rows times a transpose: 1.02 to 1.18; 8 to 16
/// rows times [2048, 8192], which comes from memory: 1.1 to 1.7.
bool is_limited_by_memory(const Product& product) {
  constexpr std::int64_t kBeyondSecondCache = 1 << 21;
  constexpr std::int64_t kBeyondCaches = 1 << 23;
  const auto [m, n, k] = product.sizes;
  if (product.op.transpose_b) return m >= 24 && m <= 64 && k * n >= kBeyondSecondCache;
  return m >= 8 && m <= 16 && k * n >= kBeyondCaches;
}

/// Rows of b that fall on few sets of the cache, which sgemm for AVX2 reads in place: 1.4 to 2.0 for 512
/// terms and more, and 1.4 on a Zen 3 for 32 rows times [256, 1024], the steps of an LSTM.
bool has_aliasing_rows(const Product& product) {
  constexpr std::int64_t kAliasingFloats = 512;
  constexpr std::int64_t kManyTerms = 128;
  return !product.op.transpose_b && product.ldb() % kAliasingFloats == 0 && product.sizes.k >= kManyTerms;
}

bool is_faster_than_onednn(const Product& product) {
  if (has_long_sums(product) || is_large_row(product)) return true;
  const std::string_view set = panel_functions<float>().instruction_set;
  const bool avx512 = set == "avx512";
  if (set == "sse2" || product.sizes.m == 1) return false;
  if (is_narrow(product, avx512)) return true;
  return avx512 ? is_limited_by_memory(product) : has_aliasing_rows(product);
}

}  // namespace

std::optional<KernelChoice> blocked_matmul_kernel(const KernelSite& site) {
  const auto product = product_of(site);
  if (!product) return std::nullopt;
  const bool single = site.outputs[0].dtype == DType::f32;
  if (single && !(can_sum_in_blocks(*product) && is_faster_than_onednn(*product))) return std::nullopt;
  return blocked_choice(site, *product);
}

std::optional<KernelChoice> other_matmul_kernel(const KernelSite& site) {
  const auto product = product_of(site);
  if (!product || (site.outputs[0].dtype == DType::f32 && !can_sum_in_blocks(*product))) return std::nullopt;
  return blocked_choice(site, *product);
}

}  // namespace weft
