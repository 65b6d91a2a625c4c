#include "weft/runtime/kernels/resident.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>

#include "weft/graph/sparse_tensor.h"
#include "weft/runtime/cache.h"
#include "weft/runtime/kernels/column_lists.h"
#include "weft/runtime/kernels/epilogue.h"
#include "weft/runtime/kernels/resident_batch.h"
#include "weft/runtime/kernels/vector/sparse_functions.h"

namespace weft {
namespace {

/// Some of the row numbers, so that whoever reads as many rows of a batch need not wait for the others.
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

/// Some of the rows of a sparse matrix.
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

/// The numbers of a batch of numbered rows, for a product that checks them itself; of other rows there are
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

  /// At the start of the scratch memory.
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

/// Some panels of a product.
class ResidentPanelKernel final : public Kernel {
 public:
  ResidentPanelKernel(const ResidentPanelMatMul& op, const Batch& batch, const GivenNumbers& numbers,
                      Range panels)
      : op_(op),
        batch_(batch),
        numbers_(numbers),
        after_(after_of(op.activation).value_or(After::nothing)),
        products_(batch, panels) {}

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
  ResidentPanelMatMul op_;
  Batch batch_;
  GivenNumbers numbers_;
  After after_ = After::nothing;
  BatchProducts products_;
};

class ResidentGradientKernel final : public Kernel {
 public:
  /// Of the part `columns` of X, with these panels of d.
  ResidentGradientKernel(const ResidentGradient& op, const Batch& batch, Range columns, Range panels)
      : op_(op),
        batch_(batch),
        lists_(batch.layout, batch.form == RowsForm::numbered, batch.rows, columns),
        panels_(panels) {}

  std::size_t scratch_bytes() const override { return panel_bytes() + lists_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    const Range columns = lists_.columns();
    const StoredColumns x =
        lists_.build(batch_.view(buffers), batch_.numbers(buffers), buffers.scratch + panel_bytes());
    for (std::int64_t panel = panels_.begin; panel < panels_.end; ++panel) {
      const std::int64_t at = columns.begin * batch_.n + panel * batch_.width();
      sparse_functions().accumulate(
          x, columns.end - columns.begin,
          floats(buffers.inputs.back()) + panel * batch_.rows * batch_.width(), batch_.rows, batch_.width(),
          static_cast<float>(op_.scale), op_.accumulates ? floats(buffers.inputs[0]) + at : nullptr,
          reinterpret_cast<float*>(buffers.outputs[0]) + at, batch_.n,
          {.data = reinterpret_cast<float*>(buffers.scratch), .size = panel_floats()});
    }
  }

 private:
  std::int64_t panel_floats() const { return batch_.rows * panel_width(batch_.rows, batch_.width()); }
  std::size_t panel_bytes() const { return static_cast<std::size_t>(panel_floats()) * sizeof(float); }

  ResidentGradient op_;
  Batch batch_;
  ColumnLists lists_;
  Range panels_;
};

/// A sparse matrix may be so wide that a list for each column costs more than the few entries of a batch.
class ScatteredGradientKernel final : public Kernel {
 public:
  /// Of the part `columns` of X, with these panels of d.
  ScatteredGradientKernel(const ResidentGradient& op, const Batch& batch, Range columns, Range panels)
      : op_(op), batch_(batch), columns_(columns), panels_(panels) {}

  void run(const KernelBuffers& buffers) override {
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]);
    start(buffers, y);
    for (std::int64_t panel = panels_.begin; panel < panels_.end; ++panel) {
      sparse_functions().scatter(batch_.view(buffers), batch_.rows, columns_.begin, columns_.end,
                                 floats(buffers.inputs.back()) + panel * batch_.rows * batch_.width(),
                                 batch_.width(), static_cast<float>(op_.scale), y + panel * batch_.width(),
                                 batch_.n);
    }
  }

 private:
  void start(const KernelBuffers& buffers, float* y) const {
    if (op_.accumulates && buffers.inputs[0] == buffers.outputs[0]) return;
    const std::int64_t first = panels_.begin * batch_.width();
    const auto bytes =
        static_cast<std::size_t>((panels_.end - panels_.begin) * batch_.width()) * sizeof(float);
    for (std::int64_t row = columns_.begin; row < columns_.end; ++row) {
      const std::int64_t at = row * batch_.n + first;
      if (op_.accumulates) {
        std::memcpy(y + at, floats(buffers.inputs[0]) + at, bytes);
      } else {
        std::memset(y + at, 0, bytes);
      }
    }
  }

  ResidentGradient op_;
  Batch batch_;
  Range columns_;
  Range panels_;
};

/// Whether lists by column can hold all that a batch may have.
bool lists_fit(const Batch& batch) {
  return most_entries(batch.layout, batch.form == RowsForm::numbered, batch.rows, batch.layout.columns) <=
         std::numeric_limits<std::int32_t>::max();
}

/// Along panels of columns. A thread's parts are computed as one, for what they share is prepared once.
Cut panel_cut(std::int64_t panels, std::size_t inputs) {
  return {.extent = panels,
          .row_inputs = std::vector<bool>(inputs, false),
          .column_inputs = std::vector<bool>(inputs, false),
          .seamless = true};
}

/// Which of the terms a part of the columns gives.
std::size_t term_of(const Cut& cut, std::int64_t terms, Range columns) {
  for (int term = 0; term < static_cast<int>(terms); ++term) {
    const Range part = share(cut, static_cast<int>(terms), term);
    if (part.begin == columns.begin && part.end == columns.end) return static_cast<std::size_t>(term);
  }
  throw Error(ErrorCode::internal, "a split product is cut into other parts than it has terms");
}

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
    return std::make_unique<ResidentSplitKernel>(op, batch, GivenNumbers(batch, dtype),
                                                 term_of(cut, op.terms, columns), columns);
  };
  return choice;
}

std::optional<KernelChoice> resident_panel_kernel(const KernelSite& site) {
  const auto* op = site.op.as<ResidentPanelMatMul>();
  if (op == nullptr || !after_of(op->activation)) return std::nullopt;
  const TensorType& y = site.outputs[0];
  const Batch batch{.layout = op->layout,
                    .form = op->form,
                    .first = 0,
                    .rows = y.shape[1].size(),
                    .n = op->panels * y.shape[2].size(),
                    .panels = op->panels};
  KernelChoice choice;
  choice.cut = panel_cut(batch.panels, site.inputs.size());
  choice.cut.column_inputs[batch.after()] = true;
  if (op->bias) choice.cut.row_inputs.back() = true;
  choice.work = batch.work(1.0, batch.form == RowsForm::numbered ? kLookAndCopy : kLook);
  choice.make = [op = *op, batch, dtype = site.inputs[1].dtype](Range panels) {
    return std::make_unique<ResidentPanelKernel>(op, batch, GivenNumbers(batch, dtype), panels);
  };
  return choice;
}

std::optional<KernelChoice> resident_gradient_kernel(const KernelSite& site) {
  const auto* op = site.op.as<ResidentGradient>();
  if (op == nullptr) return std::nullopt;
  const Shape& d = site.inputs.back().shape;
  const Batch batch{.layout = op->layout,
                    .form = op->form,
                    .first = op->accumulates ? 1U : 0U,
                    .rows = d[d.rank() - 2].size(),
                    .n = op->panels * d[d.rank() - 1].size(),
                    .panels = op->panels};
  const bool scatters = batch.form == RowsForm::entries;
  if (!scatters && !lists_fit(batch)) return std::nullopt;
  const bool by_panels = op->panels > 1;
  KernelChoice choice;
  if (by_panels) {
    choice.cut = panel_cut(batch.panels, site.inputs.size());
    choice.cut.row_inputs.back() = true;
    choice.cut.column_outputs = true;
    if (op->accumulates) choice.cut.column_inputs[0] = true;
  } else {
    choice.cut = column_cut(op->layout);
    choice.cut.row_inputs = std::vector<bool>(site.inputs.size(), false);
    choice.cut.seamless = true;
    if (op->accumulates) choice.cut.row_inputs[0] = true;
  }
  if (op->accumulates) choice.in_place = {{.output = 0, .input = 0}};
  choice.work = batch.work(op->accumulates ? 2.0 : 1.0, scatters ? kLook : kLookAndList);
  choice.make = [op = *op, batch, scatters, by_panels](Range range) -> std::unique_ptr<Kernel> {
    const Range columns = by_panels ? Range{.begin = 0, .end = batch.layout.columns} : range;
    const Range panels = by_panels ? range : Range{.begin = 0, .end = 1};
    if (scatters) return std::make_unique<ScatteredGradientKernel>(op, batch, columns, panels);
    return std::make_unique<ResidentGradientKernel>(op, batch, columns, panels);
  };
  return choice;
}

}  // namespace weft
