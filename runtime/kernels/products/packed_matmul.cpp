// Products with weights that are packed for oneDNN's own matmul, which then reads them as they lie.

#include <algorithm>
#include <optional>
#include <utility>

#include "weft/runtime/kernels/products/epilogue.h"
#include "weft/runtime/kernels/products/long_product.h"
#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/kernels/products/product.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/machine/onednn.h"

namespace weft {
namespace {

/// So many terms at most are added up by one call where there are more than kLongestInSingle; the sums of the
/// calls are added one after the other.
constexpr std::int64_t kTermsOfAPart = 1024;
constexpr std::int64_t kWholeTerms = 16;  // of a block, so that parts need no zeros between them

/// Nothing where the terms cannot be cut into equal parts of whole blocks.
std::optional<std::int64_t> terms_of_a_part(std::int64_t k) {
  if (k <= kLongestInSingle) return k;
  std::int64_t parts = (k + kTermsOfAPart - 1) / kTermsOfAPart;
  for (; parts <= 2 * k / kTermsOfAPart; ++parts) {
    if (k % parts == 0 && k / parts % kWholeTerms == 0) return k / parts;
  }
  return std::nullopt;
}

OneDnnMatMulSpec spec_of_part(const Product& product, std::int64_t rows, std::int64_t terms) {
  return {.m = rows,
          .n = product.sizes.n,
          .k = terms,
          .lda = terms,  // oneDNN's own matmul wants dense rows
          .ldb = product.sizes.n,
          .ldc = product.sizes.n,
          .bias = product.bias};
}
/// All parts but the first add to what is there.
OneDnnMatMulSpec spec_of_next_part(OneDnnMatMulSpec spec) {
  spec.bias = false;
  spec.accumulate = true;
  return spec;
}

class PackedKernel final : public Kernel {
 public:
  PackedKernel(const Product& product, const Shard& shard, const PackedWeight& weight)
      : product_(product),
        shard_(shard),
        terms_(weight.terms),
        part_elements_(weight.order.elements / (product.sizes.k / weight.terms)),
        first_(spec(weight)) {
    if (terms_ < product.sizes.k) next_.emplace(spec_of_next_part(spec(weight)));
  }

  std::size_t scratch_bytes() const override {
    return copy_bytes() + std::max(first_.scratch_bytes(), next_ ? next_->scratch_bytes() : 0);
  }

  void run(const KernelBuffers& buffers) override {
    const Operands<float> at = operands_of<float>(product_, shard_, 0, buffers);
    std::byte* const scratch = buffers.scratch + copy_bytes();
    auto* const copy = reinterpret_cast<float*>(buffers.scratch);
    first_.run(next_ ? copied(at.a, copy) : at.a, at.b, at.bias, at.c, scratch);
    const std::int64_t parts = product_.sizes.k / terms_;
    for (std::int64_t part = 1; next_ && part < parts; ++part)
      next_->run(copied(at.a + part * terms_, copy), at.b + part * part_elements_, nullptr, at.c, scratch);
    finish(product_.after, at.c, static_cast<std::size_t>(shard_.rows * product_.sizes.n));
  }

 private:
  std::size_t copy_bytes() const {
    if (!next_) return 0;
    return static_cast<std::size_t>(
        whole_lines(shard_.rows * terms_ * static_cast<std::int64_t>(sizeof(float))));
  }
  /// The terms of a part, as dense rows.
  const float* copied(const float* a, float* copy) const {
    for (std::int64_t row = 0; row < shard_.rows; ++row)
      std::copy_n(a + row * product_.sizes.k, terms_, copy + row * terms_);
    return copy;
  }

  OneDnnMatMulSpec spec(const PackedWeight& weight) const {
    OneDnnMatMulSpec spec = spec_of_part(product_, shard_.rows, weight.terms);
    spec.packed_for = weight.rows;
    return spec;
  }

  Product product_;
  Shard shard_;
  std::int64_t terms_;
  std::int64_t part_elements_;
  OneDnnMatMul first_;
  std::optional<OneDnnMatMul> next_;
};

/// Whether oneDNN takes the packed weight for so many rows.
bool takes_rows(const Product& product, std::int64_t rows, std::int64_t terms) {
  OneDnnMatMulSpec spec = spec_of_part(product, rows, terms);
  spec.packed_for = product.sizes.m;
  return onednn_can_multiply(spec) &&
         (terms == product.sizes.k || onednn_can_multiply(spec_of_next_part(spec)));
}

/// Where threads had better share the columns, since each reads the whole weight for its rows.
bool reads_a_far_weight(const Product& product) {
  constexpr std::int64_t kFewRows = 128;
  constexpr std::int64_t kLargeMatrix = 1 << 20;
  const auto [m, n, k] = product.sizes;
  return m <= kFewRows && k * n >= kLargeMatrix;
}

/// Measured on a Zen 5 with AVX-512, one thread, in GFLOP/s, against the fastest of the other kernels: 64
/// rows times [784, 512] 270 and 250, [4096, 4096] 272 and 214; 4 rows times [512, 512] 243 and 138; 197 rows
/// times the transpose of [3072, 768] 260 and 216, 16 rows times that of [2048, 512] 258 and 127. Narrow
/// weights and small ones are as fast as they lie: 64 rows times [64, 64] 189 and 214, 32 rows times [128,
/// 512] 238 and 247.
bool is_worth_packing(const Product& product) {
  constexpr std::int64_t kFewColumns = 16;
  constexpr std::int64_t kNarrow = 112;
  constexpr std::int64_t kSmall = 1 << 15;
  const auto [m, n, k] = product.sizes;
  if (m < 2 || n < kFewColumns || k < kWholeTerms) return false;
  return product.op.transpose_b || (n > kNarrow && k * n >= kSmall);
}

/// The parts of the order of a whole matrix [k, n], or [n, k] where it lies transposed.
BlockedOrder order_of_parts(const WeightOrder& part, std::int64_t parts, bool transposed) {
  const std::size_t terms = 0;
  const std::size_t columns = 1;
  BlockedOrder order;
  order.blocks = part.blocks;
  order.elements = part.elements * parts;
  // Axes are {parts, terms, columns} or {columns, parts, terms}.
  order.sizes = {parts, part.sizes[terms], part.sizes[columns]};
  order.strides = {part.elements, part.strides[terms], part.strides[columns]};
  if (transposed) {
    order.sizes = {order.sizes[2], order.sizes[0], order.sizes[1]};
    order.strides = {order.strides[2], order.strides[0], order.strides[1]};
  }
  for (const std::int64_t axis : part.block_axes) {
    if (axis == 0) {
      order.block_axes.push_back(transposed ? 2 : 1);
    } else {
      order.block_axes.push_back(transposed ? 0 : 2);
    }
  }
  return order;
}

}  // namespace

std::optional<GemmFormula> packed_formula(const KernelSite& site, int shards) {
  if (site.outputs[0].dtype != DType::f32) return std::nullopt;
  const auto product = product_of(site);
  if (!product || !product->is_single() || product->accumulate || product->op.transpose_a)
    return std::nullopt;
  const auto [m, n, k] = product->sizes;
  if (!is_worth_packing(*product)) return std::nullopt;
  if (shards > 1 && reads_a_far_weight(*product)) return std::nullopt;
  const auto terms = terms_of_a_part(k);
  if (!terms) return std::nullopt;
  const auto order = packed_matrix(spec_of_part(*product, m, *terms));
  if (!order) return std::nullopt;
  const std::int64_t height = row_count(site.outputs[0]);
  for (int shard = 0; shard < shards; ++shard) {
    const Range rows = share(height, shards, shard);
    const std::int64_t count = (rows.end - rows.begin) * (m / height);
    if (count > 0 && !takes_rows(*product, count, *terms)) return std::nullopt;
  }
  auto formula = formula_of(site.op);
  if (!formula) return std::nullopt;
  formula->packed = {.shape = site.inputs[1].shape,
                     .rows = m,
                     .terms = *terms,
                     .order = order_of_parts(*order, k / *terms, product->op.transpose_b)};
  return formula;
}

std::optional<KernelChoice> packed_matmul_kernel(const KernelSite& site) {
  auto formula = formula_of(site.op);
  if (!formula || !formula->packed.is_packed()) return std::nullopt;
  const PackedWeight weight = std::exchange(formula->packed, {});
  std::vector<TensorType> inputs(site.inputs.begin(), site.inputs.end());
  inputs[formula->b()].shape = weight.shape;
  const auto product = product_of({.op = Gemm{*formula}, .inputs = inputs, .outputs = site.outputs});
  if (!product) return std::nullopt;
  return product_choice(site, *product, [weight](const Product& p, const Shard& shard) {
    return std::make_unique<PackedKernel>(p, shard, weight);
  });
}

}  // namespace weft
