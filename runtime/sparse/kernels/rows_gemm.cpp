#include "weft/runtime/sparse/kernels/rows_gemm.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "weft/graph/sparse_tensor.h"
#include "weft/runtime/kernels/products/epilogue.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/ops/sparse_ops.h"
#include "weft/runtime/sparse/kernels/batch.h"

namespace weft {
namespace {

/// Checks some of the row numbers. It is cut like the steps that read those rows of a batch, so that they
/// need not wait for other threads.
class CheckedRowsKernel final : public Kernel {
 public:
  CheckedRowsKernel(const CheckedRows& op, DType dtype, Range range)
      : op_(op), dtype_(dtype), range_(range), sizes_{range.end - range.begin} {}

  void run(const KernelBuffers& buffers) override {
    const auto begin = static_cast<std::size_t>(range_.begin);
    const ConstArg in{.dtype = dtype_,
                      .sizes = sizes_,
                      .data = buffers.inputs[0] + begin * size_of(dtype_),
                      .elements = sizes_[0]};
    const Arg out{.dtype = DType::i32,
                  .sizes = sizes_,
                  .data = buffers.outputs[0] + begin * sizeof(std::int32_t),
                  .elements = sizes_[0]};
    op_.check(in, out, range_.begin);
  }

 private:
  CheckedRows op_;
  DType dtype_;
  Range range_;
  std::array<std::int64_t, 1> sizes_;
};

/// Checks some of the rows of a sparse matrix.
class CheckedEntriesKernel final : public Kernel {
 public:
  CheckedEntriesKernel(const CheckedEntries& op, std::int64_t rows, std::int64_t capacity, Range range)
      : op_(op), rows_(rows), capacity_(capacity), range_(range) {}

  void run(const KernelBuffers& buffers) override {
    const auto rows = [&](std::size_t i) {
      return std::span(reinterpret_cast<const std::int64_t*>(buffers.inputs[i]),
                       static_cast<std::size_t>(rows_));
    };
    const std::int64_t count = range_.end - range_.begin;
    check_sparse_rows(rows(0), rows(1), {integers(buffers.inputs[2]), static_cast<std::size_t>(capacity_)},
                      op_.width, range_.begin, count);
    for (const std::size_t i : {0, 1}) {
      const std::size_t at = static_cast<std::size_t>(range_.begin) * sizeof(std::int64_t);
      std::memmove(buffers.outputs[i] + at, buffers.inputs[i] + at,
                   static_cast<std::size_t>(count) * sizeof(std::int64_t));
    }
  }

 private:
  CheckedEntries op_;
  std::int64_t rows_;
  std::int64_t capacity_;
  Range range_;
};

/// The numbers of the rows that a product takes: checked in a step of their own, or where `given` has a
/// dtype checked here.
class RowNumbers {
 public:
  RowNumbers(const Batch& batch, std::optional<DType> given)
      : batch_(batch), given_(given), sizes_{given ? batch.rows : 0} {}

  std::size_t scratch_bytes() const {
    return whole_lines(static_cast<std::size_t>(sizes_[0]) * sizeof(std::int32_t));
  }

  /// Null where rows have no numbers. Those that are checked here lie at the start of the scratch memory.
  const std::int32_t* read(const KernelBuffers& buffers) const {
    if (!given_) return batch_.numbers(buffers);
    const ConstArg given{.dtype = *given_,
                         .sizes = sizes_,
                         .data = buffers.inputs[batch_.first + kRowNumbers],
                         .elements = sizes_[0]};
    const Arg checked{.dtype = DType::i32, .sizes = sizes_, .data = buffers.scratch, .elements = sizes_[0]};
    CheckedRows{batch_.layout().rows}.check(given, checked, 0);
    return integers(buffers.scratch);
  }

 private:
  Batch batch_;
  std::optional<DType> given_;
  std::array<std::int64_t, 1> sizes_;
};

/// Some rows of a product, or some of its column blocks, or a term of it.
class RowsGemmKernel final : public Kernel {
 public:
  RowsGemmKernel(const GemmFormula& formula, const Batch& batch, const RowNumbers& numbers,
                 const BatchProducts& products, std::size_t output)
      : batch_(batch),
        numbers_(numbers),
        products_(products),
        scale_(static_cast<float>(formula.alpha)),
        bias_(formula.addend == Addend::bias),
        after_(after_of(formula.activation).value_or(After::nothing)),
        output_(output) {}

  std::size_t scratch_bytes() const override { return numbers_.scratch_bytes() + products_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    products_.multiply(batch_.view(buffers), numbers_.read(buffers), floats(buffers.inputs[batch_.after()]),
                       scale_, bias_ ? floats(buffers.inputs.back()) : nullptr,
                       reinterpret_cast<float*>(buffers.outputs[output_]),
                       buffers.scratch + numbers_.scratch_bytes(),
                       [&](float* y, std::size_t elements) { finish(after_, y, elements); });
  }

 private:
  Batch batch_;
  RowNumbers numbers_;
  BatchProducts products_;
  float scale_ = 1.0F;
  bool bias_ = false;
  After after_ = After::nothing;
  std::size_t output_ = 0;
};

/// How a product is cut: by rows of the result, by its column blocks, or by terms.
Cut cut_of(const GemmFormula& formula, const Batch& batch, const KernelSite& site) {
  if (batch.column_blocks > 1) {
    Cut cut = cut_by_column_blocks(batch.column_blocks, site);
    cut.inputs[batch.after()] = Portion::columns;
    if (formula.addend == Addend::bias) cut.inputs.back() = Portion::rows;
    return cut;
  }
  std::vector<Portion> inputs(site.inputs.size());
  if (formula.terms > 1) {
    Cut cut = column_cut(batch.layout());
    inputs[batch.after()] = Portion::rows;
    cut.inputs = std::move(inputs);
    cut.outputs = Portion::whole;
    return cut;
  }
  if (batch.is_numbered()) {
    inputs[kRowNumbers] = Portion::rows;
  } else {
    inputs[0] = inputs[1] = Portion::rows;  // begins and ends
  }
  return {.extent = batch.rows, .inputs = std::move(inputs), .seamless = true};
}

/// What the shard of a range computes.
BatchProducts products_of(const GemmFormula& formula, const Batch& batch, Range range) {
  if (batch.column_blocks > 1) return {batch, range};
  const Range all_rows{.begin = 0, .end = batch.rows};
  const Range all_columns{.begin = 0, .end = batch.layout().columns};
  return formula.terms > 1 ? BatchProducts(batch, all_rows, range) : BatchProducts(batch, range, all_columns);
}

}  // namespace

std::optional<KernelChoice> checked_rows_kernel(const KernelSite& site) {
  const auto* op = site.op.as<CheckedRows>();
  if (op == nullptr) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = row_count(site.inputs[0]), .inputs = {Portion::rows}};
  choice.make = [op = *op, dtype = site.inputs[0].dtype](Range range) {
    return std::make_unique<CheckedRowsKernel>(op, dtype, range);
  };
  return choice;
}

std::optional<KernelChoice> checked_entries_kernel(const KernelSite& site) {
  const auto* op = site.op.as<CheckedEntries>();
  if (op == nullptr) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = row_count(site.inputs[0]), .inputs = {Portion::rows, Portion::rows}};
  choice.in_place = {{.output = 0, .input = 0}, {.output = 1, .input = 1}};
  choice.make = [op = *op, rows = row_count(site.inputs[0]),
                 capacity = row_count(site.inputs[2])](Range range) {
    return std::make_unique<CheckedEntriesKernel>(op, rows, capacity, range);
  };
  return choice;
}

std::optional<KernelChoice> rows_gemm_kernel(const KernelSite& site) {
  const auto formula = formula_of(site.op);
  const bool takes = formula && formula->left.is_stored() && formula->is_plain() &&
                     formula->addend != Addend::accumulator && after_of(formula->activation);
  if (!takes) return std::nullopt;
  const Shape& y = site.outputs[0].shape;
  const Batch batch{.left = formula->left,
                    .rows = y[y.rank() - 2].size(),
                    .n = formula->column_blocks * y[y.rank() - 1].size(),
                    .column_blocks = formula->column_blocks};
  std::optional<DType> given;
  if (site.op.is<CheckedGemm>()) given = site.inputs[kRowNumbers].dtype;
  KernelChoice choice;
  choice.cut = cut_of(*formula, batch, site);
  choice.work = batch.work(1.0, batch.is_numbered() ? kLookAndCopy : kLook);
  choice.make = [formula = *formula, batch, numbers = RowNumbers(batch, given),
                 cut = choice.cut](Range range) {
    const std::size_t output = cut.outputs == Portion::whole
                                   ? own_output(cut, static_cast<int>(formula.terms), range)
                                   : std::size_t{0};
    return std::make_unique<RowsGemmKernel>(formula, batch, numbers, products_of(formula, batch, range),
                                            output);
  };
  return choice;
}

}  // namespace weft
