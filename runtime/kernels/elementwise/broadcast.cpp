#include "weft/runtime/kernels/elementwise/broadcast.h"

#include "weft/ops/layout.h"
#include "weft/runtime/kernels/elementwise/expansion.h"

namespace weft {
namespace {

class BroadcastKernel final : public Kernel {
 public:
  /// Positions [begin, end) of the output.
  BroadcastKernel(Expansion expansion, std::size_t element_size, Range positions)
      : expansion_(std::move(expansion)), element_size_(element_size), positions_(positions) {}

  void run(const KernelBuffers& buffers) override {
    expansion_.expand(buffers.inputs[0], positions_.begin, positions_.end - positions_.begin,
                      buffers.outputs[0] + static_cast<std::size_t>(positions_.begin) * element_size_);
  }

 private:
  Expansion expansion_;
  std::size_t element_size_;
  Range positions_;
};

}  // namespace

std::optional<KernelChoice> broadcast_kernel(const KernelSite& site) {
  if (!site.op.is<BroadcastTo>() || site.outputs[0].shape.elements() == 0) return std::nullopt;
  const TensorType& output = site.outputs[0];
  const std::size_t element_size = size_of(output.dtype);
  KernelChoice choice;
  choice.cut = cut_by_rows(site);
  choice.make = [expansion = Expansion(site.inputs[0].shape, output.shape, element_size), element_size,
                 row = row_elements(output)](Range range) {
    return std::make_unique<BroadcastKernel>(expansion, element_size,
                                             Range{.begin = range.begin * row, .end = range.end * row});
  };
  return choice;
}

}  // namespace weft
