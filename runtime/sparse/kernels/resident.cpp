#include "weft/runtime/sparse/kernels/resident.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "weft/graph/sparse_tensor.h"
#include "weft/runtime/kernels/products/epilogue.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/sparse/kernels/resident_batch.h"

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

class ResidentMatMulKernel final : public Kernel {
 public:
  ResidentMatMulKernel(const ResidentMatMul& op, const Batch& batch, Range range)
      : op_(op),
        batch_(batch),
        after_(after_of(op.activation).value_or(After::nothing)),
        products_(batch, range, {.begin = 0, .end = batch.layout.columns}) {}

  std::size_t scratch_bytes() const override { return products_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    const float* bias = op_.bias ? floats(buffers.inputs.back()) : nullptr;
    products_.multiply(batch_.view(buffers), batch_.numbers(buffers), floats(buffers.inputs[batch_.after()]),
                       static_cast<float>(op_.scale), bias, reinterpret_cast<float*>(buffers.outputs[0]),
                       buffers.scratch, [&](float* y, std::size_t elements) { finish(after_, y, elements); });
  }

 private:
  ResidentMatMul op_;
  Batch batch_;
  After after_ = After::nothing;
  BatchProducts products_;
};

/// The numbers of a batch of numbered rows, for a product that checks them itself. Other forms of rows have
/// none.
class GivenNumbers {
 public:
  GivenNumbers(const Batch& batch, DType dtype)
      : limit_(batch.layout.rows),
        dtype_(dtype),
        sizes_{batch.form == RowsForm::numbered ? batch.rows : 0},
        input_(batch.first + 1) {}

  std::size_t scratch_bytes() const {
    return whole_lines(static_cast<std::size_t>(sizes_[0]) * sizeof(std::int32_t));
  }

  /// The checked numbers, at the start of the scratch memory.
  const std::int32_t* checked(const KernelBuffers& buffers) const {
    if (sizes_[0] == 0) return nullptr;
    const ConstArg given{
        .dtype = dtype_, .sizes = sizes_, .data = buffers.inputs[input_], .elements = sizes_[0]};
    const Arg checked{.dtype = DType::i32, .sizes = sizes_, .data = buffers.scratch, .elements = sizes_[0]};
    CheckedRows{limit_}.check(given, checked, 0);
    return integers(buffers.scratch);
  }

 private:
  std::int64_t limit_;
  DType dtype_;
  std::array<std::int64_t, 1> sizes_;
  std::size_t input_;
};

/// One term of a split product.
class ResidentSplitKernel final : public Kernel {
 public:
  ResidentSplitKernel(const ResidentSplitMatMul& op, const Batch& batch, const GivenNumbers& numbers,
                      std::size_t term, Range columns)
      : op_(op),
        batch_(batch),
        numbers_(numbers),
        term_(term),
        products_(batch, {.begin = 0, .end = batch.rows}, columns) {}

  std::size_t scratch_bytes() const override { return numbers_.scratch_bytes() + products_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    products_.multiply(batch_.view(buffers), numbers_.checked(buffers),
                       floats(buffers.inputs[batch_.after()]), static_cast<float>(op_.scale), nullptr,
                       reinterpret_cast<float*>(buffers.outputs[term_]),
                       buffers.scratch + numbers_.scratch_bytes(), [](float*, std::size_t) {});
  }

 private:
  ResidentSplitMatMul op_;
  Batch batch_;
  GivenNumbers numbers_;
  std::size_t term_ = 0;
  BatchProducts products_;
};

/// Some column blocks of a product.
class ResidentColumnBlockKernel final : public Kernel {
 public:
  ResidentColumnBlockKernel(const ResidentMatMul& op, const Batch& batch, const GivenNumbers& numbers,
                            Range column_blocks)
      : op_(op),
        batch_(batch),
        numbers_(numbers),
        after_(after_of(op.activation).value_or(After::nothing)),
        products_(batch, column_blocks) {}

  std::size_t scratch_bytes() const override { return numbers_.scratch_bytes() + products_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    const float* bias = op_.bias ? floats(buffers.inputs.back()) : nullptr;
    products_.multiply(batch_.view(buffers), numbers_.checked(buffers),
                       floats(buffers.inputs[batch_.after()]), static_cast<float>(op_.scale), bias,
                       reinterpret_cast<float*>(buffers.outputs[0]),
                       buffers.scratch + numbers_.scratch_bytes(),
                       [&](float* y, std::size_t elements) { finish(after_, y, elements); });
  }

 private:
  ResidentMatMul op_;
  Batch batch_;
  GivenNumbers numbers_;
  After after_ = After::nothing;
  BatchProducts products_;
};

}  // namespace

std::optional<KernelChoice> checked_rows_kernel(const KernelSite& site) {
  const auto* op = site.op.as<CheckedRows>();
  if (op == nullptr) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = row_count(site.inputs[0]), .row_inputs = {true}};
  choice.make = [op = *op, dtype = site.inputs[0].dtype](Range range) {
    return std::make_unique<CheckedRowsKernel>(op, dtype, range);
  };
  return choice;
}

std::optional<KernelChoice> checked_entries_kernel(const KernelSite& site) {
  const auto* op = site.op.as<CheckedEntries>();
  if (op == nullptr) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = row_count(site.inputs[0]), .row_inputs = {true, true, false}};
  choice.in_place = {{.output = 0, .input = 0}, {.output = 1, .input = 1}};
  choice.make = [op = *op, rows = row_count(site.inputs[0]),
                 capacity = row_count(site.inputs[2])](Range range) {
    return std::make_unique<CheckedEntriesKernel>(op, rows, capacity, range);
  };
  return choice;
}

std::optional<KernelChoice> resident_matmul_kernel(const KernelSite& site) {
  const auto* op = site.op.as<ResidentMatMul>();
  if (op == nullptr || !after_of(op->activation)) return std::nullopt;
  const TensorType& y = site.outputs[0];
  const Batch batch{
      .layout = op->layout, .form = op->form, .first = 0, .rows = y.shape[0].size(), .n = y.shape[1].size()};
  KernelChoice choice;
  choice.cut = {
      .extent = batch.rows, .row_inputs = std::vector<bool>(site.inputs.size(), false), .seamless = true};
  if (op->form == RowsForm::numbered) choice.cut.row_inputs[1] = true;
  if (op->form == RowsForm::entries) choice.cut.row_inputs[0] = choice.cut.row_inputs[1] = true;
  choice.work = batch.work(1.0, batch.form == RowsForm::numbered ? kLookAndCopy : kLook);
  choice.make = [op = *op, batch](Range range) {
    return std::make_unique<ResidentMatMulKernel>(op, batch, range);
  };
  return choice;
}

std::optional<KernelChoice> resident_split_kernel(const KernelSite& site) {
  const auto* op = site.op.as<ResidentSplitMatMul>();
  if (op == nullptr) return std::nullopt;
  const TensorType& y = site.outputs[0];
  const Batch batch{
      .layout = op->layout, .form = op->form, .first = 0, .rows = y.shape[0].size(), .n = y.shape[1].size()};
  KernelChoice choice;
  choice.cut = column_cut(op->layout);
  choice.cut.row_inputs = std::vector<bool>(site.inputs.size(), false);
  choice.cut.row_inputs[batch.after()] = true;
  choice.cut.own_outputs = true;
  choice.work = batch.work(1.0, batch.form == RowsForm::numbered ? kLookAndCopy : kLook);
  choice.make = [op = *op, batch, dtype = site.inputs[1].dtype, cut = choice.cut](Range columns) {
    return std::make_unique<ResidentSplitKernel>(
        op, batch, GivenNumbers(batch, dtype), own_output(cut, static_cast<int>(op.terms), columns), columns);
  };
  return choice;
}

std::optional<KernelChoice> resident_column_block_kernel(const KernelSite& site) {
  const auto* apart = site.op.as<ResidentColumnBlockMatMul>();
  if (apart == nullptr || !after_of(apart->product.activation)) return std::nullopt;
  const ResidentMatMul& op = apart->product;
  const TensorType& y = site.outputs[0];
  const Batch batch{.layout = op.layout,
                    .form = op.form,
                    .first = 0,
                    .rows = y.shape[1].size(),
                    .n = apart->column_blocks * y.shape[2].size(),
                    .column_blocks = apart->column_blocks};
  KernelChoice choice;
  choice.cut = cut_by_column_blocks(batch.column_blocks, site);
  choice.cut.column_inputs[batch.after()] = true;
  if (op.bias) choice.cut.row_inputs.back() = true;
  choice.work = batch.work(1.0, batch.form == RowsForm::numbered ? kLookAndCopy : kLook);
  choice.make = [op, batch, dtype = site.inputs[1].dtype](Range column_blocks) {
    return std::make_unique<ResidentColumnBlockKernel>(op, batch, GivenNumbers(batch, dtype), column_blocks);
  };
  return choice;
}

}  // namespace weft
