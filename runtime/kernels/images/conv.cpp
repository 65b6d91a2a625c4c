#include "weft/runtime/kernels/images/conv.h"

#include <algorithm>
#include <array>

#include "weft/ops/conv.h"
#include "weft/runtime/kernels/images/conv_spec.h"
#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/machine/onednn_conv.h"
#include "weft/runtime/ops/image_ops.h"
#include "weft/runtime/ops/packed_ops.h"

namespace weft {
namespace {

/// The convolution of pictures as they are, or of pictures whose channels are innermost; nothing for another
/// op.
std::optional<Convolution> convolution_of(const Op& op) {
  if (const auto* packed = op.as<PackedConvolution>()) return packed->convolution;
  const auto* last = op.as<ChannelsLastConvolution>();
  return last != nullptr ? last->convolution : plain_convolution(op);
}

std::optional<OneDnnConvSpec> spec_of(const KernelSite& site) {
  if (const auto* packed = site.op.as<PackedConvolution>()) {
    std::vector<TensorType> inputs(site.inputs.begin(), site.inputs.end());
    inputs[1].shape = packed->filters;
    auto spec = spec_of({.op = packed->unpacked(), .inputs = inputs, .outputs = site.outputs});
    if (spec) spec->packed_for = packed->pictures;
    return spec;
  }
  const auto* last = site.op.as<ChannelsLastConvolution>();
  const auto spec = last != nullptr ? conv_spec(last->convolution.op, site, channels_first) : conv_spec(site);
  if (!spec) return std::nullopt;
  return OneDnnConvSpec{.kind = spec->kind,
                        .sizes = spec->sizes,
                        .x_channels = spec->sizes.channels,
                        .y_filters = spec->sizes.filters,
                        .channels_last = last != nullptr,
                        .bias = convolution_of(site.op).value_or(Convolution{}).bias};
}

/// A piece of the work that is one convolution, and where it lies in the op's two inputs and its output.
struct Piece {
  OneDnnConvSpec spec;
  std::array<std::int64_t, 3> offsets{};  // elements
  std::size_t output = 0;
};

/// Pictures [range) of y or dx.
Piece pictures_of(const OneDnnConvSpec& whole, Range range) {
  const ConvSizes& s = whole.sizes;
  const std::int64_t x = range.begin * s.channels * s.x_plane();
  const std::int64_t y = range.begin * s.filters * s.y_plane();
  Piece piece{.spec = whole};
  piece.spec.sizes.batch = range.end - range.begin;
  piece.offsets =
      whole.kind == ConvKind::forward ? std::array{x, std::int64_t{0}, y} : std::array{y, std::int64_t{0}, x};
  return piece;
}

/// The term of dw that pictures [range) give.
Piece term_of(const OneDnnConvSpec& whole, const Cut& cut, int terms, Range range) {
  const ConvSizes& s = whole.sizes;
  Piece piece{.spec = whole};
  piece.spec.sizes.batch = range.end - range.begin;
  piece.offsets = {range.begin * s.channels * s.x_plane(), range.begin * s.filters * s.y_plane(), 0};
  piece.output = own_output(cut, terms, range);
  return piece;
}

/// Filters [range) of dw: whole groups in one piece, and some filters of a group in a piece of their own.
std::vector<Piece> filters_of(const OneDnnConvSpec& whole, Range range) {
  const ConvSizes& s = whole.sizes;
  const std::int64_t group_filters = s.filters / s.groups;
  const std::int64_t group_channels = s.channels / s.groups;
  std::vector<Piece> pieces;
  for (std::int64_t at = range.begin; at < range.end;) {
    const std::int64_t group = at / group_filters;
    const std::int64_t group_end = (group + 1) * group_filters;
    const std::int64_t whole_groups = at % group_filters == 0 ? (range.end - at) / group_filters : 0;
    const std::int64_t end =
        whole_groups > 0 ? at + whole_groups * group_filters : std::min(range.end, group_end);
    Piece piece{.spec = whole};
    piece.spec.sizes.groups = std::max<std::int64_t>(whole_groups, 1);
    piece.spec.sizes.filters = end - at;
    piece.spec.sizes.channels = piece.spec.sizes.groups * group_channels;
    const std::int64_t x_channel = whole.channels_last ? 1 : s.x_plane();
    const std::int64_t y_channel = whole.channels_last ? 1 : s.y_plane();
    piece.offsets = {group * group_channels * x_channel, at * y_channel, at * group_channels * s.taps()};
    pieces.push_back(piece);
    at = end;
  }
  return pieces;
}

std::vector<Piece> pieces_of(const OneDnnConvSpec& whole, Range range) {
  if (whole.kind == ConvKind::weight_gradient) return filters_of(whole, range);
  return {pictures_of(whole, range)};
}

Cut cut_of(const OneDnnConvSpec& spec) {
  if (spec.kind == ConvKind::weight_gradient) return {.extent = spec.sizes.filters, .inputs = {}};
  return {.extent = spec.sizes.batch, .inputs = {Portion::rows}};
}

class ConvKernel final : public Kernel {
 public:
  ConvKernel(const std::vector<Piece>& pieces, bool rectified) : rectified_(rectified) {
    for (const Piece& piece : pieces) {
      const ConvSizes& s = piece.spec.sizes;
      convolutions_.push_back({.offsets = piece.offsets,
                               .output = piece.output,
                               .results = s.batch * s.filters * s.y_plane(),
                               .conv = OneDnnConv(piece.spec)});
    }
  }

  std::size_t scratch_bytes() const override {
    std::size_t bytes = 0;
    for (const Placed& each : convolutions_) bytes = std::max(bytes, each.conv.scratch_bytes());
    return bytes;
  }
  bool needs_signals_blocked() const override {
    return std::ranges::any_of(convolutions_, [](const Placed& each) { return each.conv.calls_gemm(); });
  }

  void run(const KernelBuffers& buffers) override {
    const auto* bias =
        buffers.inputs.size() > 2 ? reinterpret_cast<const float*>(buffers.inputs[2]) : nullptr;
    for (Placed& each : convolutions_) {
      auto* result = reinterpret_cast<float*>(buffers.outputs[each.output]) + each.offsets[2];
      each.conv.run(reinterpret_cast<const float*>(buffers.inputs[0]) + each.offsets[0],
                    reinterpret_cast<const float*>(buffers.inputs[1]) + each.offsets[1], bias, result,
                    buffers.scratch);
      // oneDNN's own would turn a NaN into 0.
      if (rectified_) vector_functions().relu(result, result, static_cast<std::size_t>(each.results));
    }
  }

 private:
  struct Placed {
    std::array<std::int64_t, 3> offsets;
    std::size_t output;
    std::int64_t results;  // elements of y
    OneDnnConv conv;
  };
  std::vector<Placed> convolutions_;
  bool rectified_;
};

/// So many terms at most are added up in f32, but for those of a single picture.
constexpr std::int64_t kLongestSum = 8192;

/// The gradient of weights over more terms: some pictures at a time, whose sums are added up in f64.
class LongWeightGradientKernel final : public Kernel {
 public:
  explicit LongWeightGradientKernel(const std::vector<Piece>& pieces) {
    for (const Piece& piece : pieces) {
      const ConvSizes& s = piece.spec.sizes;
      const std::int64_t together = std::max<std::int64_t>(1, kLongestSum / (s.y_plane()));
      Part part{.offsets = piece.offsets,
                .output = piece.output,
                .steps = {together * piece.spec.x_channels * s.x_plane(),
                          together * piece.spec.y_filters * s.y_plane()},
                .elements = s.filters * (s.channels / s.groups) * s.taps(),
                .rounds = s.batch / together,
                .convolutions = {}};
      const auto convolution = [&](std::int64_t pictures) {
        OneDnnConvSpec spec = piece.spec;
        spec.sizes.batch = pictures;
        const OneDnnConv& made = part.convolutions.emplace_back(spec);
        conv_bytes_ = std::max(conv_bytes_, made.scratch_bytes());
      };
      if (part.rounds > 0) convolution(together);
      if (s.batch % together > 0) convolution(s.batch % together);
      most_elements_ = std::max(most_elements_, static_cast<std::size_t>(part.elements));
      parts_.push_back(std::move(part));
    }
  }

  std::size_t scratch_bytes() const override { return sums_bytes() + terms_bytes() + conv_bytes_; }
  bool needs_signals_blocked() const override {
    return std::ranges::any_of(parts_, [](const Part& part) {
      return std::ranges::any_of(part.convolutions, [](const OneDnnConv& conv) { return conv.calls_gemm(); });
    });
  }

  void run(const KernelBuffers& buffers) override {
    for (Part& part : parts_) add_up(part, buffers);
  }

 private:
  /// Some filters.
  struct Part {
    std::array<std::int64_t, 3> offsets;
    std::size_t output = 0;
    std::array<std::int64_t, 2> steps;  // from one round's pictures and gradients to the next's
    std::int64_t elements = 0;
    std::int64_t rounds = 0;               // of the first convolution; a second one takes what is left
    std::vector<OneDnnConv> convolutions;  // of a round, if there are any, and of the rest
  };

  std::size_t sums_bytes() const { return whole_lines(most_elements_ * sizeof(double)); }
  std::size_t terms_bytes() const { return whole_lines(most_elements_ * sizeof(float)); }

  void add_up(Part& part, const KernelBuffers& buffers) const {
    const auto elements = static_cast<std::size_t>(part.elements);
    const std::span sums(reinterpret_cast<double*>(buffers.scratch), elements);
    const std::span terms(reinterpret_cast<float*>(buffers.scratch + sums_bytes()), elements);
    std::ranges::fill(sums, 0.0);
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]) + part.offsets[0];
    const auto* dy = reinterpret_cast<const float*>(buffers.inputs[1]) + part.offsets[1];
    const auto add = [&](OneDnnConv& conv) {
      conv.run(x, dy, nullptr, terms.data(), buffers.scratch + sums_bytes() + terms_bytes());
      for (std::size_t i = 0; i < elements; ++i) sums[i] += static_cast<double>(terms[i]);
      x += part.steps[0];
      dy += part.steps[1];
    };
    for (std::int64_t round = 0; round < part.rounds; ++round) add(part.convolutions.front());
    if (part.rounds == 0 || part.convolutions.size() > 1) add(part.convolutions.back());
    auto* dw = reinterpret_cast<float*>(buffers.outputs[part.output]) + part.offsets[2];
    std::ranges::transform(sums, dw, [](double sum) { return static_cast<float>(sum); });
  }

  std::vector<Part> parts_;
  std::size_t most_elements_ = 0;
  std::size_t conv_bytes_ = 0;
};

std::unique_ptr<Kernel> make_kernel(const std::vector<Piece>& pieces, bool rectified = false) {
  const OneDnnConvSpec& spec = pieces.front().spec;
  const ConvSizes& s = spec.sizes;
  const bool is_long = s.batch > 1 && s.batch * s.y_plane() > kLongestSum;
  if (spec.kind == ConvKind::weight_gradient && is_long)
    return std::make_unique<LongWeightGradientKernel>(pieces);
  return std::make_unique<ConvKernel>(pieces, rectified);
}

/// Like the kernel of the gradient that is split, but each shard takes some pictures and writes a term.
std::optional<KernelChoice> terms_kernel(const WeightGradientTerms& op, const KernelSite& site) {
  const std::span<const TensorType> one = site.outputs.first(1);
  const KernelSite whole{.op = op.convolution.op, .inputs = site.inputs, .outputs = one};
  auto choice = onednn_conv_kernel(whole);
  const auto spec = spec_of(whole);
  if (!choice || !spec) return std::nullopt;
  choice->cut = {
      .extent = spec->sizes.batch, .inputs = {Portion::rows, Portion::rows}, .outputs = Portion::whole};
  choice->make = [spec = *spec, cut = choice->cut, terms = static_cast<int>(op.terms)](Range range) {
    return make_kernel({term_of(spec, cut, terms, range)});
  };
  return choice;
}

}  // namespace

std::optional<OneDnnConvSpec> onednn_conv_spec(const KernelSite& site) {
  if (site.outputs[0].dtype != DType::f32) return std::nullopt;
  const auto spec = spec_of(site);
  if (!spec || !conv_end(convolution_of(site.op).value_or(Convolution{}))) return std::nullopt;
  // oneDNN computes nothing for empty tensors, where a sum over nothing should be zero.
  if (spec->sizes.batch == 0 || spec->sizes.filters == 0 || spec->sizes.channels == 0) return std::nullopt;
  return spec;
}

std::optional<KernelChoice> onednn_conv_kernel(const KernelSite& site) {
  if (const auto* terms = site.op.as<WeightGradientTerms>())
    return site.outputs[0].dtype == DType::f32 ? terms_kernel(*terms, site) : std::nullopt;
  const auto spec = onednn_conv_spec(site);
  if (!spec) return std::nullopt;
  const ConvEnd end = conv_end(convolution_of(site.op).value_or(Convolution{})).value_or(ConvEnd{});
  KernelChoice choice;
  choice.cut = cut_of(*spec);
  choice.work = work_of(site);
  choice.work.flops = conv_flops(spec->sizes);
  choice.make = [spec = *spec, rectified = end.rectified](Range range) {
    return make_kernel(pieces_of(spec, range), rectified);
  };
  return choice;
}

}  // namespace weft
