#include "weft/runtime/sparse/kernels/byte_matmul.h"

#include <algorithm>

#include "weft/runtime/kernels/products/epilogue.h"
#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/machine/onednn.h"
#include "weft/runtime/ops/gemm.h"
#include "weft/runtime/sparse/compress.h"
#include "weft/runtime/sparse/cost.h"
#include "weft/runtime/sparse/kernels/row_products.h"
#include "weft/runtime/sparse/vector/sparse_functions.h"

namespace weft {
namespace {

/// Rows that are decided about together, on a grid over the whole input.
constexpr std::int64_t kGroup = 64;

struct Sizes {
  std::int64_t m = 0;
  std::int64_t k = 0;
  std::int64_t n = 0;
};

std::int64_t count_zeros(const std::uint8_t* x, std::int64_t count) {
  constexpr std::int64_t kBlock = 255;  // what a byte can count, so that the loop works on bytes
  std::int64_t zeros = 0;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t end = std::min(begin + kBlock, count);
    std::uint8_t here = 0;
    for (std::int64_t i = begin; i < end; ++i) here = static_cast<std::uint8_t>(here + (x[i] == 0 ? 1 : 0));
    zeros += here;
  }
  return zeros;
}

/// Where a group lies in the scratch memory, as non-zeros or as floats.
struct GroupLayout {
  bool wide_columns = false;
  std::size_t columns_at = 0;
  std::size_t values_at = 0;
  std::size_t bytes = 0;
};

GroupLayout layout_of(std::int64_t rows, std::int64_t k) {
  constexpr std::int64_t kMostNarrow = 65'536;
  GroupLayout layout{.wide_columns = k > kMostNarrow};
  const auto elements = static_cast<std::size_t>(rows * k + kCompressSpare);
  const std::size_t column = layout.wide_columns ? sizeof(std::int32_t) : sizeof(std::uint16_t);
  layout.columns_at = static_cast<std::size_t>(rows + 1) * sizeof(std::int64_t);
  layout.values_at = layout.columns_at + elements * column;
  layout.bytes = whole_lines(std::max(layout.values_at + elements, elements * sizeof(float)));
  return layout;
}

class ByteMatMulKernel final : public Kernel {
 public:
  ByteMatMulKernel(const GemmFormula& formula, const Sizes& sizes, Range range)
      : scale_(static_cast<float>(formula.alpha)),
        bias_(formula.addend == Addend::bias),
        sizes_(sizes),
        range_(range),
        after_(after_of(formula.activation).value_or(After::nothing)),
        products_(std::min(kGroup, range.end - range.begin), {0, sizes.k}, sizes.n, sizes.k),
        layout_(layout_of(std::min(kGroup, range.end - range.begin), sizes.k)),
        most_nonzeros_(densest_to_skip(sizes.n)) {}

  std::size_t scratch_bytes() const override { return layout_.bytes + products_.scratch_bytes(); }
  bool needs_signals_blocked() const override {
    return onednn_gemm_moves_stack({.m = range_.end - range_.begin, .n = sizes_.n, .k = sizes_.k});
  }

  void run(const KernelBuffers& buffers) override {
    for (std::int64_t row = range_.begin; row < range_.end;) {
      const Range group{row, std::min(row / kGroup * kGroup + kGroup, range_.end)};
      const std::int64_t elements = (group.end - group.begin) * sizes_.k;
      const auto nonzeros = static_cast<double>(elements - count_zeros(bytes(buffers, row), elements));
      if (nonzeros < most_nonzeros_ * static_cast<double>(elements)) {
        skip_zeros(buffers, group);
      } else {
        take_all(buffers, group);
      }
      row = group.end;
    }
    finish(after_, result(buffers, range_.begin),
           static_cast<std::size_t>((range_.end - range_.begin) * sizes_.n));
  }

 private:
  const std::uint8_t* bytes(const KernelBuffers& buffers, std::int64_t row) const {
    return reinterpret_cast<const std::uint8_t*>(buffers.inputs[0]) + row * sizes_.k;
  }
  static const float* weights(const KernelBuffers& buffers) {
    return reinterpret_cast<const float*>(buffers.inputs[1]);
  }
  const float* bias(const KernelBuffers& buffers) const {
    return bias_ ? reinterpret_cast<const float*>(buffers.inputs[2]) : nullptr;
  }
  float* result(const KernelBuffers& buffers, std::int64_t row) const {
    return reinterpret_cast<float*>(buffers.outputs[0]) + row * sizes_.n;
  }

  void skip_zeros(const KernelBuffers& buffers, Range group) const {
    auto* offsets = reinterpret_cast<std::int64_t*>(buffers.scratch);
    std::byte* columns = buffers.scratch + layout_.columns_at;
    auto* values = reinterpret_cast<std::uint8_t*>(buffers.scratch + layout_.values_at);
    const auto list = [&]<typename C>(C* to, auto compress_row) {
      *offsets = 0;
      for (std::int64_t i = 0; i < group.end - group.begin; ++i) {
        const std::int64_t at = offsets[i];
        offsets[i + 1] = at + compress_row(bytes(buffers, group.begin + i), sizes_.k, to + at, values + at);
      }
    };
    if (layout_.wide_columns) {
      list(reinterpret_cast<std::int32_t*>(columns), compress<std::uint8_t, std::int32_t>);
    } else {
      list(reinterpret_cast<std::uint16_t*>(columns), sparse_functions().compress);
    }
    const StoredRows rows{.begins = offsets,
                          .ends = offsets + 1,
                          .columns = columns,
                          .values = values,
                          .wide_columns = layout_.wide_columns,
                          .byte_values = true};
    products_.multiply(rows, group.end - group.begin, weights(buffers), sizes_.n, scale_, bias(buffers),
                       result(buffers, group.begin), buffers.scratch + layout_.bytes);
  }

  void take_all(const KernelBuffers& buffers, Range group) const {
    const std::int64_t rows = group.end - group.begin;
    auto* floats = reinterpret_cast<float*>(buffers.scratch);
    vector_functions().from_u8(bytes(buffers, group.begin), floats,
                               static_cast<std::size_t>(rows * sizes_.k));
    float* y = result(buffers, group.begin);
    onednn_gemm({.m = rows, .n = sizes_.n, .k = sizes_.k, .lda = sizes_.k, .ldb = sizes_.n, .ldc = sizes_.n},
                floats, weights(buffers), y);
    for (std::int64_t i = 0; i < rows * sizes_.n; ++i) y[i] *= scale_;
    if (!bias_) return;
    vector_functions().add_bias(y, bias(buffers), static_cast<std::size_t>(rows),
                                static_cast<std::size_t>(sizes_.n), false);
  }

  float scale_ = 1.0F;
  bool bias_ = false;
  Sizes sizes_;
  Range range_;
  After after_ = After::nothing;
  RowProducts products_;
  GroupLayout layout_;
  double most_nonzeros_ = 0.0;  // as a share
};

/// Only the run knows how many zeros there are. This expects half as many non-zeros as there may be for
/// skipping zeros to pay.
Work expected_work(const Sizes& sizes) {
  constexpr double kFloat = sizeof(float);
  const double elements = static_cast<double>(sizes.m) * static_cast<double>(sizes.k);
  const double products = 0.5 * densest_to_skip(sizes.n) * elements * static_cast<double>(sizes.n);
  const double others = elements + kFloat * static_cast<double>(sizes.m) * static_cast<double>(sizes.n);
  return {.flops = 2.0 * products,
          .bytes = others + kFloat * static_cast<double>(sizes.k) * static_cast<double>(sizes.n),
          .traffic = others + kFloat * products};
}

}  // namespace

std::optional<KernelChoice> byte_matmul_kernel(const KernelSite& site) {
  const auto formula = formula_of(site.op);
  const bool takes = formula && formula->left.form == LeftForm::bytes && formula->is_plain() &&
                     formula->is_whole() && formula->addend != Addend::accumulator &&
                     after_of(formula->activation);
  if (!takes) return std::nullopt;
  const Sizes sizes{.m = site.inputs[0].shape[0].size(),
                    .k = site.inputs[0].shape[1].size(),
                    .n = site.inputs[1].shape[1].size()};
  if (sizes.m == 0 || sizes.k == 0 || sizes.n == 0) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = sizes.m, .inputs = std::vector<Portion>(site.inputs.size())};
  choice.cut.inputs[0] = Portion::rows;
  choice.work = expected_work(sizes);
  choice.make = [formula = *formula, sizes](Range range) {
    return std::make_unique<ByteMatMulKernel>(formula, sizes, range);
  };
  return choice;
}

}  // namespace weft
