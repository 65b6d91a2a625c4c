#include <cstring>
#include <limits>

#include "weft/runtime/sparse/kernels/batch.h"
#include "weft/runtime/sparse/kernels/column_lists.h"
#include "weft/runtime/sparse/kernels/rows_gemm.h"
#include "weft/runtime/sparse/vector/sparse_functions.h"

namespace weft {
namespace {

/// Whether the gradient is added to the first input.
bool accumulates(const Batch& batch) { return batch.first == 1; }

class ListedGradientKernel final : public Kernel {
 public:
  /// For `columns` of X, with these column blocks of d.
  ListedGradientKernel(const Batch& batch, double scale, Range columns, Range column_blocks)
      : batch_(batch),
        scale_(static_cast<float>(scale)),
        lists_(batch.layout(), batch.is_numbered(), batch.rows, columns),
        column_blocks_(column_blocks) {}

  std::size_t scratch_bytes() const override { return panel_bytes() + lists_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    const Range columns = lists_.columns();
    const StoredColumns x =
        lists_.build(batch_.view(buffers), batch_.numbers(buffers), buffers.scratch + panel_bytes());
    for (std::int64_t block = column_blocks_.begin; block < column_blocks_.end; ++block) {
      const std::int64_t at = columns.begin * batch_.n + block * batch_.width();
      sparse_functions().accumulate(
          x, columns.end - columns.begin,
          floats(buffers.inputs.back()) + block * batch_.rows * batch_.width(), batch_.rows, batch_.width(),
          scale_, accumulates(batch_) ? floats(buffers.inputs[0]) + at : nullptr,
          reinterpret_cast<float*>(buffers.outputs[0]) + at, batch_.n,
          {.data = reinterpret_cast<float*>(buffers.scratch), .size = panel_floats()});
    }
  }

 private:
  std::int64_t panel_floats() const { return batch_.rows * panel_width(batch_.rows, batch_.width()); }
  std::size_t panel_bytes() const { return static_cast<std::size_t>(panel_floats()) * sizeof(float); }

  Batch batch_;
  float scale_ = 1.0F;
  ColumnLists lists_;
  Range column_blocks_;
};

/// A sparse matrix may be so wide that a list for each column costs more than the few entries of a batch.
class ScatteredGradientKernel final : public Kernel {
 public:
  /// For `columns` of X, with these column blocks of d.
  ScatteredGradientKernel(const Batch& batch, double scale, Range columns, Range column_blocks)
      : batch_(batch), scale_(static_cast<float>(scale)), columns_(columns), column_blocks_(column_blocks) {}

  void run(const KernelBuffers& buffers) override {
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]);
    start(buffers, y);
    for (std::int64_t block = column_blocks_.begin; block < column_blocks_.end; ++block) {
      sparse_functions().scatter(batch_.view(buffers), batch_.rows, columns_.begin, columns_.end,
                                 floats(buffers.inputs.back()) + block * batch_.rows * batch_.width(),
                                 batch_.width(), scale_, y + block * batch_.width(), batch_.n);
    }
  }

 private:
  void start(const KernelBuffers& buffers, float* y) const {
    if (accumulates(batch_) && buffers.inputs[0] == buffers.outputs[0]) return;
    const std::int64_t first = column_blocks_.begin * batch_.width();
    const auto bytes =
        static_cast<std::size_t>((column_blocks_.end - column_blocks_.begin) * batch_.width()) *
        sizeof(float);
    for (std::int64_t row = columns_.begin; row < columns_.end; ++row) {
      const std::int64_t at = row * batch_.n + first;
      if (accumulates(batch_)) {
        std::memcpy(y + at, floats(buffers.inputs[0]) + at, bytes);
      } else {
        std::memset(y + at, 0, bytes);
      }
    }
  }

  Batch batch_;
  float scale_ = 1.0F;
  Range columns_;
  Range column_blocks_;
};

/// Whether lists by column can hold all entries that a batch may have.
bool lists_fit(const Batch& batch) {
  return most_entries(batch.layout(), batch.is_numbered(), batch.rows, batch.layout().columns) <=
         std::numeric_limits<std::int32_t>::max();
}

}  // namespace

std::optional<KernelChoice> rows_gradient_kernel(const KernelSite& site) {
  const auto formula = formula_of(site.op);
  const bool takes = formula && formula->left.is_stored() && formula->product.transpose_a &&
                     formula->terms == 1 && formula->addend != Addend::bias && !formula->activation.op;
  if (!takes) return std::nullopt;
  const Shape& d = site.inputs.back().shape;
  const Batch batch{.left = formula->left,
                    .first = formula->a(),
                    .rows = d[d.rank() - 2].size(),
                    .n = formula->column_blocks * d[d.rank() - 1].size(),
                    .column_blocks = formula->column_blocks};
  const bool scatters = !batch.is_numbered() && batch.layout().fullest_row == 0;
  if (!scatters && !lists_fit(batch)) return std::nullopt;
  const bool by_column_blocks = batch.column_blocks > 1;
  KernelChoice choice;
  if (by_column_blocks) {
    choice.cut = cut_by_column_blocks(batch.column_blocks, site);
    choice.cut.inputs.back() = Portion::rows;
    choice.cut.outputs = Portion::columns;
    if (accumulates(batch)) choice.cut.inputs[0] = Portion::columns;
  } else {
    choice.cut = column_cut(batch.layout());
    choice.cut.inputs = std::vector<Portion>(site.inputs.size());
    choice.cut.seamless = true;
    if (accumulates(batch)) choice.cut.inputs[0] = Portion::rows;
  }
  if (accumulates(batch)) choice.in_place = {{.output = 0, .input = 0}};
  choice.work = batch.work(accumulates(batch) ? 2.0 : 1.0, scatters ? kLook : kLookAndList);
  choice.make = [scale = formula->alpha, batch, scatters,
                 by_column_blocks](Range range) -> std::unique_ptr<Kernel> {
    const Range columns = by_column_blocks ? Range{.begin = 0, .end = batch.layout().columns} : range;
    const Range column_blocks = by_column_blocks ? range : Range{.begin = 0, .end = 1};
    if (scatters) return std::make_unique<ScatteredGradientKernel>(batch, scale, columns, column_blocks);
    return std::make_unique<ListedGradientKernel>(batch, scale, columns, column_blocks);
  };
  return choice;
}

}  // namespace weft
