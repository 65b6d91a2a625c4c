#include "weft/runtime/kernels/conv.h"

#include "weft/ops/conv.h"
#include "weft/runtime/onednn_conv.h"

namespace weft {
namespace {

std::optional<OneDnnConvSpec> spec_of(const KernelSite& site) {
  const auto sizes = [&](const TensorType& x, const TensorType& w, const TensorType& y) {
    return conv2d_sizes(x.shape.sizes(), w.shape.sizes(), y.shape.sizes());
  };
  const auto& in = site.inputs;
  const TensorType& out = site.outputs[0];
  if (const auto* op = site.op.as<Conv2d>()) {
    return OneDnnConvSpec{OneDnnConvKind::forward, op->options(), sizes(in[0], in[1], out),
                          out.shape[1].size()};
  }
  if (const auto* op = site.op.as<Conv2dInputGradient>()) {
    return OneDnnConvSpec{OneDnnConvKind::input_gradient, op->options(), sizes(out, in[1], in[0]),
                          in[0].shape[1].size()};
  }
  if (const auto* op = site.op.as<Conv2dWeightGradient>()) {
    return OneDnnConvSpec{OneDnnConvKind::weight_gradient, op->options(), sizes(in[0], out, in[1]),
                          in[1].shape[1].size()};
  }
  return std::nullopt;
}

/// A part: rows of the batch, or filters of a weight gradient, as distances into the three tensors.
struct Part {
  OneDnnConvSpec spec;
  std::array<std::int64_t, 3> offsets{};  // elements, for the op's two inputs and its output
};

Part part_of(const OneDnnConvSpec& whole, const Cut& cut, Range range) {
  Part part{.spec = whole};
  if (cut.extent <= 1) return part;
  const Conv2dSizes& s = whole.sizes;
  const std::int64_t picture_x = s.channels * s.height * s.width;
  const std::int64_t plane_y = s.out_height * s.out_width;
  const std::int64_t rows = range.end - range.begin;
  switch (whole.kind) {
    case OneDnnConvKind::forward:
      part.spec.sizes.batch = rows;
      part.offsets = {range.begin * picture_x, 0, range.begin * s.filters * plane_y};
      break;
    case OneDnnConvKind::input_gradient:
      part.spec.sizes.batch = rows;
      part.offsets = {range.begin * s.filters * plane_y, 0, range.begin * picture_x};
      break;
    case OneDnnConvKind::weight_gradient:
      part.spec.sizes.filters = rows;
      part.offsets = {0, range.begin * plane_y, range.begin * s.channels * s.kernel_height * s.kernel_width};
      break;
  }
  return part;
}

/// Pictures are apart from each other; of a weight gradient the filters are, unless groups tie them together.
Cut cut_of(const OneDnnConvSpec& spec) {
  if (spec.kind != OneDnnConvKind::weight_gradient)
    return {.extent = spec.sizes.batch, .row_inputs = {true, false}};
  return {.extent = spec.options.groups == 1 ? spec.sizes.filters : 1, .row_inputs = {false, false}};
}

class ConvKernel final : public Kernel {
 public:
  explicit ConvKernel(const Part& part) : offsets_(part.offsets), conv_(part.spec) {}

  std::size_t scratch_bytes() const override { return conv_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    conv_.run(reinterpret_cast<const float*>(buffers.inputs[0]) + offsets_[0],
              reinterpret_cast<const float*>(buffers.inputs[1]) + offsets_[1],
              reinterpret_cast<float*>(buffers.outputs[0]) + offsets_[2], buffers.scratch);
  }

 private:
  std::array<std::int64_t, 3> offsets_;
  OneDnnConv conv_;
};

}  // namespace

std::optional<KernelChoice> onednn_conv_kernel(const KernelSite& site) {
  if (site.outputs[0].dtype != DType::f32) return std::nullopt;
  const auto spec = spec_of(site);
  if (!spec) return std::nullopt;
  // oneDNN computes nothing for empty tensors, where a sum over nothing should be zero.
  if (spec->sizes.batch == 0 || spec->sizes.filters == 0 || spec->sizes.channels == 0) return std::nullopt;
  KernelChoice choice;
  choice.cut = cut_of(*spec);
  choice.make = [spec = *spec, cut = choice.cut](Range range) {
    return std::make_unique<ConvKernel>(part_of(spec, cut, range));
  };
  return choice;
}

}  // namespace weft
