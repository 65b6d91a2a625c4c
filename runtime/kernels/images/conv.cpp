#include "weft/runtime/kernels/images/conv.h"

#include <algorithm>
#include <array>

#include "weft/ops/conv.h"
#include "weft/runtime/machine/onednn_conv.h"

namespace weft {
namespace {

std::optional<OneDnnConvSpec> spec_of(const KernelSite& site) {
  const auto spec = [](OneDnnConvKind kind, const Conv2dOptions& options, const TensorType& x,
                       const TensorType& w, const TensorType& y) {
    const Conv2dSizes sizes = conv2d_sizes(x.shape.sizes(), w.shape.sizes(), y.shape.sizes());
    return OneDnnConvSpec{kind, options, sizes, sizes.channels, sizes.filters};
  };
  const auto& in = site.inputs;
  const TensorType& out = site.outputs[0];
  if (const auto* op = site.op.as<Conv2d>()) {
    return spec(OneDnnConvKind::forward, op->options(), in[0], in[1], out);
  }
  if (const auto* op = site.op.as<Conv2dInputGradient>()) {
    return spec(OneDnnConvKind::input_gradient, op->options(), out, in[1], in[0]);
  }
  if (const auto* op = site.op.as<Conv2dWeightGradient>()) {
    return spec(OneDnnConvKind::weight_gradient, op->options(), in[0], out, in[1]);
  }
  return std::nullopt;
}

/// A piece of the work that is one convolution, and where it lies in the op's two inputs and its output.
struct Piece {
  OneDnnConvSpec spec;
  std::array<std::int64_t, 3> offsets{};  // elements
};

/// Pictures [range) of y or dx.
Piece pictures_of(const OneDnnConvSpec& whole, Range range) {
  const Conv2dSizes& s = whole.sizes;
  const std::int64_t x = range.begin * s.channels * s.height * s.width;
  const std::int64_t y = range.begin * s.filters * s.out_height * s.out_width;
  Piece piece{.spec = whole};
  piece.spec.sizes.batch = range.end - range.begin;
  piece.offsets = whole.kind == OneDnnConvKind::forward ? std::array{x, std::int64_t{0}, y}
                                                        : std::array{y, std::int64_t{0}, x};
  return piece;
}

/// Filters [range) of dw: whole groups in one piece, and some filters of a group in a piece of their own.
std::vector<Piece> filters_of(const OneDnnConvSpec& whole, Range range) {
  const Conv2dSizes& s = whole.sizes;
  const std::int64_t group_filters = s.filters / whole.options.groups;
  const std::int64_t group_channels = s.channels / whole.options.groups;
  std::vector<Piece> pieces;
  for (std::int64_t at = range.begin; at < range.end;) {
    const std::int64_t group = at / group_filters;
    const std::int64_t group_end = (group + 1) * group_filters;
    const std::int64_t whole_groups = at % group_filters == 0 ? (range.end - at) / group_filters : 0;
    const std::int64_t end =
        whole_groups > 0 ? at + whole_groups * group_filters : std::min(range.end, group_end);
    Piece piece{.spec = whole};
    piece.spec.options.groups = std::max<std::int64_t>(whole_groups, 1);
    piece.spec.sizes.filters = end - at;
    piece.spec.sizes.channels = piece.spec.options.groups * group_channels;
    piece.offsets = {group * group_channels * s.height * s.width, at * s.out_height * s.out_width,
                     at * group_channels * s.kernel_height * s.kernel_width};
    pieces.push_back(piece);
    at = end;
  }
  return pieces;
}

std::vector<Piece> pieces_of(const OneDnnConvSpec& whole, Range range) {
  if (whole.kind == OneDnnConvKind::weight_gradient) return filters_of(whole, range);
  return {pictures_of(whole, range)};
}

Cut cut_of(const OneDnnConvSpec& spec) {
  if (spec.kind == OneDnnConvKind::weight_gradient)
    return {.extent = spec.sizes.filters, .row_inputs = {false, false}};
  return {.extent = spec.sizes.batch, .row_inputs = {true, false}};
}

class ConvKernel final : public Kernel {
 public:
  explicit ConvKernel(const std::vector<Piece>& pieces) {
    for (const Piece& piece : pieces)
      convolutions_.push_back({.offsets = piece.offsets, .conv = OneDnnConv(piece.spec)});
  }

  std::size_t scratch_bytes() const override {
    std::size_t bytes = 0;
    for (const Convolution& each : convolutions_) bytes = std::max(bytes, each.conv.scratch_bytes());
    return bytes;
  }
  bool needs_signals_blocked() const override {
    return std::ranges::any_of(convolutions_, [](const Convolution& each) { return each.conv.calls_gemm(); });
  }

  void run(const KernelBuffers& buffers) override {
    for (Convolution& each : convolutions_) {
      each.conv.run(reinterpret_cast<const float*>(buffers.inputs[0]) + each.offsets[0],
                    reinterpret_cast<const float*>(buffers.inputs[1]) + each.offsets[1],
                    reinterpret_cast<float*>(buffers.outputs[0]) + each.offsets[2], buffers.scratch);
    }
  }

 private:
  struct Convolution {
    std::array<std::int64_t, 3> offsets;
    OneDnnConv conv;
  };
  std::vector<Convolution> convolutions_;
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
  choice.work = work_of(site);
  const Conv2dSizes& s = spec->sizes;
  const std::int64_t outputs = s.batch * s.filters * s.out_height * s.out_width;
  const std::int64_t each = s.channels / spec->options.groups * s.kernel_height * s.kernel_width;
  choice.work.flops = 2.0 * static_cast<double>(outputs) * static_cast<double>(each);
  choice.make = [spec = *spec](Range range) { return std::make_unique<ConvKernel>(pieces_of(spec, range)); };
  return choice;
}

}  // namespace weft
