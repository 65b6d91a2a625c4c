#include "weft/runtime/sparse/kernels/finite_columns.h"

#include <algorithm>
#include <cmath>

#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/ops/sparse_ops.h"

namespace weft {
namespace {

class FiniteColumnsKernel final : public Kernel {
 public:
  FiniteColumnsKernel(std::size_t rows, std::size_t width, Range columns)
      : rows_(rows), width_(width), columns_(columns) {}

  // The sum of a finite column is finite unless it overflows, so a column whose sum is not finite is looked
  // at again.
  void run(const KernelBuffers& buffers) override {
    const auto* w = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]);
    const auto begin = static_cast<std::size_t>(columns_.begin);
    const auto end = static_cast<std::size_t>(columns_.end);
    std::fill(y + begin, y + end, 0.0F);
    vector_functions().add_rows(w + begin, rows_, width_, y + begin, end - begin);
    for (std::size_t j = begin; j < end; ++j) y[j] = std::isfinite(y[j]) ? 0.0F : mark_of(w + j);
  }

 private:
  float mark_of(const float* column) const {
    float mark = 0.0F;
    for (std::size_t i = 0; i < rows_; ++i) mark += 0.0F * column[i * width_];
    return mark;
  }

  std::size_t rows_;
  std::size_t width_;
  Range columns_;
};

}  // namespace

std::optional<KernelChoice> finite_columns_kernel(const KernelSite& site) {
  if (!site.op.is<FiniteColumns>()) return std::nullopt;
  const Shape& w = site.inputs[0].shape;
  KernelChoice choice;
  choice.cut = {.extent = w[1].size(), .inputs = {}};
  choice.make = [rows = w[0].size(), width = w[1].size()](Range columns) {
    return std::make_unique<FiniteColumnsKernel>(static_cast<std::size_t>(rows),
                                                 static_cast<std::size_t>(width), columns);
  };
  return choice;
}

}  // namespace weft
