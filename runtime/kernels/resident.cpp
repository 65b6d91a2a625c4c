#include "weft/runtime/kernels/resident.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>

#include "weft/graph/sparse_tensor.h"
#include "weft/runtime/kernels/column_lists.h"
#include "weft/runtime/kernels/epilogue.h"
#include "weft/runtime/kernels/packed_rows.h"
#include "weft/runtime/kernels/row_products.h"
#include "weft/runtime/kernels/vector/sparse_functions.h"
#include "weft/runtime/sparse/resident_ops.h"

namespace weft {
namespace {

const float* floats(const std::byte* bytes) { return reinterpret_cast<const float*>(bytes); }
const std::int32_t* integers(const std::byte* bytes) { return reinterpret_cast<const std::int32_t*>(bytes); }

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

// What a non-zero takes beside its products, where being put into a list by column takes 1: to be looked up
// in a product, by estimate; to be copied before that, half as much as the list on a Zen 5; both of list and
// product.
constexpr double kLook = 0.3;
constexpr double kLookAndCopy = 0.8;
constexpr double kLookAndList = 1.3;

/// The rows X that a product takes.
struct Batch {
  RowLayout layout;
  RowsForm form = RowsForm::store;
  std::size_t first = 0;  // where they are among the inputs
  std::int64_t rows = 0;
  std::int64_t n = 0;

  std::size_t after() const { return first + inputs_of(form); }  // what follows them there
  StoredRows view(const KernelBuffers& buffers) const {
    return stored_rows(layout, form,
                       [&](std::size_t i) { return static_cast<const void*>(buffers.inputs[first + i]); });
  }
  const std::int32_t* numbers(const KernelBuffers& buffers) const {
    return form == RowsForm::numbered ? integers(buffers.inputs[first + 1]) : nullptr;
  }
  /// Every non-zero meets a row of n floats; how many there are in a batch is known on average. The weights
  /// go by `passes` times, the non-zeros alone `looks` times.
  Work work(double passes, double looks) const {
    constexpr double kFloat = sizeof(float);
    const auto weights = static_cast<double>(layout.columns) * static_cast<double>(n);
    const double nonzeros =
        layout.density() * static_cast<double>(rows) * static_cast<double>(layout.columns);
    const double products = nonzeros * static_cast<double>(n);
    const double others = nonzeros + static_cast<double>(rows) * static_cast<double>(n);
    return {.flops = 2.0 * products,
            .bytes = kFloat * (passes * weights + others),
            .traffic = kFloat * (products + others),
            .entries = looks * nonzeros};
  }
};

class ResidentMatMulKernel final : public Kernel {
 public:
  ResidentMatMulKernel(const ResidentMatMul& op, const Batch& batch, Range range)
      : op_(op),
        batch_(batch),
        range_(range),
        after_(after_of(op.activation).value_or(After::nothing)),
        products_(std::min(kGroup, size(range)), batch.layout.columns, batch.n, batch.layout.fullest_row) {
    if (batch.form == RowsForm::numbered) packed_.emplace(batch.layout, std::min(kGroup, size(range)));
  }

  std::size_t scratch_bytes() const override {
    return products_.scratch_bytes() + (packed_ ? packed_->scratch_bytes() : 0);
  }

  void run(const KernelBuffers& buffers) override {
    for (std::int64_t row = range_.begin; row < range_.end; row += kGroup) {
      const Range group{row, std::min(row + kGroup, range_.end)};
      multiply(buffers, rows(buffers, group), group);
    }
  }

 private:
  static constexpr std::int64_t kGroup = 128;  // rows whose copy stays in a core's cache
  static std::int64_t size(Range range) { return range.end - range.begin; }

  /// Those of `group` as rows 0, 1, ...
  StoredRows rows(const KernelBuffers& buffers, Range group) const {
    StoredRows x = batch_.view(buffers);
    if (packed_) {
      const std::span numbers(batch_.numbers(buffers) + group.begin, static_cast<std::size_t>(size(group)));
      return packed_->pack(x, numbers, buffers.scratch + products_.scratch_bytes());
    }
    x.begins += group.begin;
    x.ends += group.begin;
    return x;
  }

  /// Rows 0, 1, ... of x are those of `range`.
  void multiply(const KernelBuffers& buffers, const StoredRows& x, Range range) const {
    const float* w = floats(buffers.inputs[batch_.after()]);
    const float* bias = op_.bias ? floats(buffers.inputs.back()) : nullptr;
    float* y = reinterpret_cast<float*>(buffers.outputs[0]) + range.begin * batch_.n;
    products_.multiply(x, size(range), w, static_cast<float>(op_.scale), bias, y, buffers.scratch);
    finish(after_, y, static_cast<std::size_t>(size(range) * batch_.n));
  }

  ResidentMatMul op_;
  Batch batch_;
  Range range_;
  After after_ = After::nothing;
  RowProducts products_;
  std::optional<PackedRows> packed_;
};

class ResidentGradientKernel final : public Kernel {
 public:
  ResidentGradientKernel(const ResidentGradient& op, const Batch& batch, Range range)
      : op_(op), batch_(batch), lists_(batch.layout, batch.form == RowsForm::numbered, batch.rows, range) {}

  std::size_t scratch_bytes() const override { return panel_bytes() + lists_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    const Range columns = lists_.columns();
    const std::int64_t at = columns.begin * batch_.n;
    float* y = reinterpret_cast<float*>(buffers.outputs[0]) + at;
    const float* c = op_.accumulates ? floats(buffers.inputs[0]) + at : nullptr;
    const StoredColumns x =
        lists_.build(batch_.view(buffers), batch_.numbers(buffers), buffers.scratch + panel_bytes());
    sparse_functions().accumulate(
        x, columns.end - columns.begin, floats(buffers.inputs.back()), batch_.rows, batch_.n,
        static_cast<float>(op_.scale), c, y,
        {.data = reinterpret_cast<float*>(buffers.scratch), .size = panel_floats()});
  }

 private:
  std::int64_t panel_floats() const { return batch_.rows * panel_width(batch_.rows, batch_.n); }
  std::size_t panel_bytes() const { return static_cast<std::size_t>(panel_floats()) * sizeof(float); }

  ResidentGradient op_;
  Batch batch_;
  ColumnLists lists_;
};

/// A sparse matrix may be so wide that a list for each column costs more than the few entries of a batch.
class ScatteredGradientKernel final : public Kernel {
 public:
  ScatteredGradientKernel(const ResidentGradient& op, const Batch& batch, Range range)
      : op_(op), batch_(batch), range_(range) {}

  void run(const KernelBuffers& buffers) override {
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]);
    start(buffers, y);
    sparse_functions().scatter(batch_.view(buffers), batch_.rows, range_.begin, range_.end,
                               floats(buffers.inputs.back()), batch_.n, static_cast<float>(op_.scale), y);
  }

 private:
  void start(const KernelBuffers& buffers, float* y) const {
    const std::int64_t at = range_.begin * batch_.n;
    const std::size_t bytes =
        static_cast<std::size_t>((range_.end - range_.begin) * batch_.n) * sizeof(float);
    if (!op_.accumulates) {
      std::memset(y + at, 0, bytes);
    } else if (buffers.inputs[0] != buffers.outputs[0]) {
      std::memcpy(y + at, floats(buffers.inputs[0]) + at, bytes);
    }
  }

  ResidentGradient op_;
  Batch batch_;
  Range range_;
};

/// Whether lists by column can hold all that a batch may have.
bool lists_fit(const Batch& batch) {
  return most_entries(batch.layout, batch.form == RowsForm::numbered, batch.rows, batch.layout.columns) <=
         std::numeric_limits<std::int32_t>::max();
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

std::optional<KernelChoice> resident_gradient_kernel(const KernelSite& site) {
  const auto* op = site.op.as<ResidentGradient>();
  if (op == nullptr) return std::nullopt;
  const TensorType& d = site.inputs.back();
  const Batch batch{.layout = op->layout,
                    .form = op->form,
                    .first = op->accumulates ? 1U : 0U,
                    .rows = d.shape[0].size(),
                    .n = d.shape[1].size()};
  const bool scatters = batch.form == RowsForm::entries;
  if (!scatters && !lists_fit(batch)) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = op->layout.columns,
                .row_inputs = std::vector<bool>(site.inputs.size(), false),
                .load = op->layout.column_load,
                .seamless = true};
  if (op->accumulates) {
    choice.cut.row_inputs[0] = true;
    choice.in_place = {{.output = 0, .input = 0}};
  }
  choice.work = batch.work(op->accumulates ? 2.0 : 1.0, scatters ? kLook : kLookAndList);
  choice.make = [op = *op, batch, scatters](Range range) -> std::unique_ptr<Kernel> {
    if (scatters) return std::make_unique<ScatteredGradientKernel>(op, batch, range);
    return std::make_unique<ResidentGradientKernel>(op, batch, range);
  };
  return choice;
}

}  // namespace weft
