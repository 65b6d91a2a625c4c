#pragma once
// A kernel of one's own for a unary op, most often a wrong one: to see that it is taken, and found out.

#include <memory>
#include <optional>
#include <span>

#include "weft/runtime/kernels/kernel.h"

namespace weft::testing_support {

/// compute(x, y) with all elements, whatever the shape.
template <void (*compute)(std::span<const float> x, std::span<float> y)>
class OwnKernel final : public Kernel {
 public:
  explicit OwnKernel(std::int64_t elements) : elements_(static_cast<std::size_t>(elements)) {}
  void run(const KernelBuffers& buffers) override {
    compute({reinterpret_cast<const float*>(buffers.inputs[0]), elements_},
            {reinterpret_cast<float*>(buffers.outputs[0]), elements_});
  }

 private:
  std::size_t elements_;
};

/// Offers it for the op O in f32, in one shard.
template <typename O, void (*compute)(std::span<const float> x, std::span<float> y)>
std::optional<KernelChoice> own_kernel(const KernelSite& site) {
  if (!site.op.is<O>() || site.outputs[0].dtype != DType::f32) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = 1, .inputs = {}};
  choice.make = [elements = site.outputs[0].shape.elements()](Range) {
    return std::make_unique<OwnKernel<compute>>(elements);
  };
  return choice;
}

}  // namespace weft::testing_support
