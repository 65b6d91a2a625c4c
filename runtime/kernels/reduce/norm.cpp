#include "weft/runtime/kernels/reduce/norm.h"

#include <algorithm>
#include <cmath>

#include "weft/ops/norm.h"
#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {
namespace {

/// The input seen as [outer, kept, inner, columns]: `outer` and `inner` are reduced.
struct Layers {
  std::size_t outer = 1;
  std::size_t kept = 1;
  std::size_t inner = 1;
  std::size_t columns = 1;
};

/// Empty if kept and reduced axes alternate more often than that.
std::optional<Layers> layers_of(const Shape& shape, const Axes& listed) {
  const Axes axes = normalize_axes(listed, shape.rank());
  std::vector<bool> reduced(shape.rank(), axes.empty());
  for (const std::int64_t axis : axes) reduced[static_cast<std::size_t>(axis)] = true;
  Layers layers;
  std::size_t at = 0;
  const auto take = [&](bool kind) {
    std::size_t size = 1;
    for (; at < shape.rank() && (reduced[at] == kind || shape[at].is(1)); ++at)
      size *= static_cast<std::size_t>(shape[at].size());
    return size;
  };
  layers.outer = take(true);
  layers.kept = take(false);
  layers.inner = take(true);
  layers.columns = take(false);
  if (at < shape.rank()) return std::nullopt;
  return layers;
}

class NormKernel final : public Kernel {
 public:
  NormKernel(const Layers& layers, bool wide, Range kept) : layers_(layers), wide_(wide), kept_(kept) {}

  std::size_t scratch_bytes() const override { return layers_.columns * sizeof(double); }

  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* sums = reinterpret_cast<double*>(buffers.scratch);
    const auto [outer, kept, inner, columns] = layers_;
    for (auto row = static_cast<std::size_t>(kept_.begin); row < static_cast<std::size_t>(kept_.end); ++row) {
      std::fill(sums, sums + columns, 0.0);
      for (std::size_t block = 0; block < outer; ++block) {
        const float* from = x + (block * kept + row) * inner * columns;
        if (columns == 1) {
          sums[0] += vector_functions().sum_squares(from, inner);
        } else {
          vector_functions().add_squares(from, inner, columns, sums, columns);
        }
      }
      for (std::size_t j = 0; j < columns; ++j)
        store(buffers.outputs[0], row * columns + j, std::sqrt(sums[j]));
    }
  }

 private:
  void store(std::byte* y, std::size_t at, double norm) const {
    if (wide_) {
      reinterpret_cast<double*>(y)[at] = norm;
    } else {
      reinterpret_cast<float*>(y)[at] = static_cast<float>(norm);
    }
  }

  Layers layers_;
  bool wide_;
  Range kept_;
};

}  // namespace

std::optional<KernelChoice> norm_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Norm>();
  if (op == nullptr || site.inputs[0].dtype != DType::f32) return std::nullopt;
  const auto layers = layers_of(site.inputs[0].shape, op->axes);
  if (!layers) return std::nullopt;
  // Norms within rows are cut by rows; all others run whole.
  const auto kept = static_cast<std::int64_t>(layers->kept);
  const std::int64_t rows = site.outputs[0].shape.is_scalar() ? 0 : row_count(site.outputs[0]);
  const bool by_rows =
      layers->outer == 1 && rows > 0 && row_count(site.inputs[0]) == rows && kept % rows == 0;
  const std::int64_t step = by_rows ? kept / rows : kept;
  KernelChoice choice;
  choice.cut = {.extent = by_rows ? rows : 1, .row_inputs = {by_rows}};
  choice.make = [layers = *layers, wide = op->wide, step](Range range) {
    return std::make_unique<NormKernel>(layers, wide,
                                        Range{.begin = range.begin * step, .end = range.end * step});
  };
  return choice;
}

}  // namespace weft
