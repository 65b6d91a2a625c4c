#include "weft/runtime/images/order_choice.h"

#include <algorithm>
#include <vector>

#include "weft/runtime/kernels/images/conv_spec.h"
#include "weft/runtime/kernels/images/lanes/lane_functions.h"

namespace weft {
namespace {

constexpr std::int64_t kFewChannels = 4;

// Fractions of the processor's peak, measured on a Zen 5 with 64 pictures of 8x8 to 32x32, 1 to 128 channels
// and filters, kernels 1x1, 3x3 and 5x5.

/// oneDNN computes whole vectors of what it writes.
double rate_with_channels_last(const ConvSpec& spec) {
  const ConvSizes& s = spec.sizes;
  const std::int64_t width = lane_functions().lanes / 2;
  const std::int64_t written = (spec.kind == ConvKind::input_gradient ? s.channels : s.filters) / s.groups;
  const std::int64_t whole = (written + width - 1) / width * width;
  const double used = static_cast<double>(written) / static_cast<double>(whole);
  if (spec.kind == ConvKind::input_gradient) return used;
  if (s.channels / s.groups < kFewChannels) return 0.6 * used;
  const bool is_single_vector = spec.kind == ConvKind::forward && whole == width;
  return is_single_vector ? 0.8 * used : used;
}

double rate_interleaved(const ConvSpec& spec) {
  const ConvSizes& s = spec.sizes;
  if (spec.kind == ConvKind::weight_gradient) return s.taps() == 1 ? 0.35 : 0.8;
  const std::int64_t written = (spec.kind == ConvKind::input_gradient ? s.channels : s.filters) / s.groups;
  return written < kFewChannels ? 0.2 * static_cast<double>(written) : 0.97;
}

ConvSpec spec_of(const Graph& graph, const Node& node) {
  std::vector<TensorType> inputs;
  for (const ValueId& input : node.inputs) inputs.push_back(graph.type(input));
  return conv_spec({.op = node.op, .inputs = inputs, .outputs = node.outputs}).value_or(ConvSpec{});
}

bool can_be_interleaved(const ConvSizes& s, int shards) {
  const std::int64_t lanes = lane_functions().lanes;
  const bool has_blocks = s.batch % lanes == 0 && s.batch / lanes >= shards;
  return has_blocks && (s.groups == 1 || std::min(s.channels, s.filters) / s.groups >= kFewChannels);
}

}  // namespace

bool interleaving_pays(const Graph& graph, std::span<const NodeId> convolutions, int shards) {
  double as_lanes = 0.0;
  double as_channels = 0.0;
  for (const NodeId id : convolutions) {
    const ConvSpec spec = spec_of(graph, graph.node(id));
    if (!can_be_interleaved(spec.sizes, shards)) return false;
    as_lanes += conv_flops(spec.sizes) / rate_interleaved(spec);
    as_channels += conv_flops(spec.sizes) / rate_with_channels_last(spec);
  }
  return as_lanes < as_channels;
}

}  // namespace weft
