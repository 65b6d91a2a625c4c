#include "weft/runtime/kernels/products/matmul.h"

#include <cstring>

#include "weft/runtime/kernels/products/long_product.h"
#include "weft/runtime/kernels/products/product.h"
#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/machine/onednn.h"

namespace weft {
namespace {

OneDnnMatMulSpec spec_of(const Product& product, const Shard& shard) {
  const MatMulSizes& sizes = product.sizes;
  return {.m = shard.rows,
          .n = sizes.n,
          .k = sizes.k,
          .transpose_a = product.op.transpose_a,
          .transpose_b = product.op.transpose_b,
          .lda = product.op.transpose_a ? sizes.m : sizes.k,
          .ldb = product.ldb(),
          .ldc = product.ldc(),
          .bias = product.bias,
          .accumulate = product.accumulate,
          .alpha = static_cast<float>(product.alpha)};
}

/// Where oneDNN's primitive is more than a call of sgemm, it is faster for most small shapes. sgemm is faster
/// where it packs what the primitive reads in place: single rows, wide results, weight gradients, and rows
/// whose distance maps them onto few sets of the cache. Where both are equally fast, the primitive is taken,
/// which adds the bias itself.
bool prefers_gemm(const OneDnnMatMulSpec& spec) {
  constexpr std::int64_t kWide = 512;
  constexpr std::int64_t kGradientWidth = 64;
  constexpr std::int64_t kAliasing = 1024;
  if (spec.m == 1 || onednn_matmul_calls_gemm(spec)) return true;
  if (spec.transpose_b) return false;
  if (spec.transpose_a) return spec.n >= kGradientWidth;
  return spec.n >= kWide || spec.lda % kAliasing == 0;
}

/// Products by the primitive, which adds the bias, too. `In` is float or BFloat16.
template <typename In>
class PrimitiveKernel final : public Kernel {
 public:
  PrimitiveKernel(const Product& product, const Shard& shard)
      : product_(product), shard_(shard), matmul_(spec(product, shard)) {}

  std::size_t scratch_bytes() const override { return matmul_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    for (std::int64_t matrix = shard_.matrices.begin; matrix < shard_.matrices.end; ++matrix) {
      const Operands<float, In> at = operands_of<float, In>(product_, shard_, matrix, buffers);
      matmul_.run(at.a, at.b, at.bias, at.c, buffers.scratch);
      finish(product_.after, at.c, static_cast<std::size_t>(shard_.rows * product_.sizes.n));
    }
  }

 private:
  static OneDnnMatMulSpec spec(const Product& product, const Shard& shard) {
    OneDnnMatMulSpec spec = spec_of(product, shard);
    spec.bf16 = std::is_same_v<In, BFloat16>;
    return spec;
  }

  Product product_;
  Shard shard_;
  OneDnnMatMul matmul_;
};

/// Products by sgemm; the bias is added with the activation.
class GemmKernel final : public Kernel {
 public:
  GemmKernel(const Product& product, const Shard& shard)
      : product_(product), shard_(shard), spec_(spec_of(product, shard)) {
    spec_.bias = false;
    // Rows of b whose distance is a power of two fall onto few sets of the cache. If c has many rows, a copy
    // with another distance is read often enough to pay.
    constexpr std::int64_t kAliasing = 256;
    constexpr std::int64_t kManyRows = 256;
    constexpr std::int64_t kLine = 16;
    if (!spec_.transpose_b && spec_.ldb % kAliasing == 0 && spec_.m >= kManyRows) spec_.ldb += kLine;
  }

  std::size_t scratch_bytes() const override {
    return copies_b() ? static_cast<std::size_t>(spec_.k * spec_.ldb) * sizeof(float) : 0;
  }
  bool needs_signals_blocked() const override { return onednn_gemm_moves_stack(spec_); }

  void run(const KernelBuffers& buffers) override {
    for (std::int64_t matrix = shard_.matrices.begin; matrix < shard_.matrices.end; ++matrix) {
      multiply(operands_of<float>(product_, shard_, matrix, buffers), buffers.scratch);
    }
  }

 private:
  bool copies_b() const { return spec_.ldb != product_.ldb(); }

  void multiply(Operands<float> at, std::byte* scratch) const {
    if (copies_b()) at.b = copy_of_b(at.b, reinterpret_cast<float*>(scratch));
    onednn_gemm(spec_, at.a, at.b, at.c);
    After after = product_.after;
    if (product_.bias) {
      vector_functions().add_bias(at.c, at.bias, static_cast<std::size_t>(spec_.m),
                                  static_cast<std::size_t>(spec_.n), after == After::relu);
      if (after == After::relu) after = After::nothing;
    }
    finish(after, at.c, static_cast<std::size_t>(spec_.m * spec_.n));
  }

  const float* copy_of_b(const float* b, float* copy) const {
    for (std::int64_t row = 0; row < spec_.k; ++row) {
      std::memcpy(copy + row * spec_.ldb, b + row * product_.ldb(),
                  static_cast<std::size_t>(spec_.n) * sizeof(float));
    }
    return copy;
  }

  Product product_;
  Shard shard_;
  OneDnnMatMulSpec spec_;
};

/// oneDNN computes nothing for empty matrices, where the sum over nothing should be zero.
bool is_empty(const Product& product) {
  return product.sizes.m == 0 || product.sizes.n == 0 || product.sizes.k == 0;
}

}  // namespace

std::optional<KernelChoice> bf16_matmul_kernel(const KernelSite& site) {
  if (!onednn_multiplies_bf16()) return std::nullopt;
  auto product = product_of(site, DType::bf16);
  if (!product || is_empty(*product)) return std::nullopt;
  product->by_columns = is_long_row(*product);
  return product_choice(site, *product, [](const Product& p, const Shard& shard) {
    return std::make_unique<PrimitiveKernel<BFloat16>>(p, shard);
  });
}

std::optional<KernelChoice> onednn_matmul_kernel(const KernelSite& site) {
  if (site.outputs[0].dtype != DType::f32) return std::nullopt;
  auto product = product_of(site);
  if (!product) return std::nullopt;
  if (is_empty(*product)) return std::nullopt;
  product->by_columns = is_long_row(*product);
  return product_choice(site, *product, [](const Product& p, const Shard& shard) -> std::unique_ptr<Kernel> {
    if (needs_long_sums(p)) return make_long_product(p, shard);
    if (prefers_gemm(spec_of(p, shard))) return std::make_unique<GemmKernel>(p, shard);
    return std::make_unique<PrimitiveKernel<float>>(p, shard);
  });
}

}  // namespace weft
