#include "weft/runtime/images/pack_filters.h"

#include <map>
#include <utility>
#include <vector>

#include "weft/graph/passes/rule.h"
#include "weft/runtime/kernels/images/conv.h"
#include "weft/runtime/machine/onednn_conv.h"
#include "weft/runtime/ops/fixed_values.h"
#include "weft/runtime/ops/packed_ops.h"

namespace weft {
namespace {

class FilterPacking {
 public:
  FilterPacking(const Program& program, std::span<const KernelEntry> own)
      : graph_(*program.graph), own_(own), fixed_(fixed_nodes(program)) {}

  std::vector<Value> packed(Graph& target, const Node& node, std::span<const Value> inputs) {
    if (inputs.size() < 2 || !fixed_[node.inputs[1].node] || fixed_[node.inputs[0].node]) return {};
    const auto* last = node.op.as<ChannelsLastConvolution>();
    const auto convolution = last != nullptr ? std::optional(last->convolution) : plain_convolution(node.op);
    if (!convolution || is_weight_gradient(convolution->op)) return {};
    std::vector<TensorType> types;
    for (const ValueId& input : node.inputs) types.push_back(graph_.type(input));
    const KernelSite site{.op = node.op, .inputs = types, .outputs = node.outputs};
    if (any_accepts(own_, site)) return {};
    const auto spec = onednn_conv_spec(site);
    const auto order = spec ? packed_filters(*spec) : std::nullopt;
    if (!order) return {};
    PackedConvolution op{.convolution = *convolution,
                         .last = last != nullptr,
                         .filters = types[1].shape,
                         .pictures = spec->sizes.batch,
                         .order = {.sizes = order->sizes,
                                   .strides = order->strides,
                                   .blocks = order->blocks,
                                   .block_axes = order->block_axes,
                                   .elements = order->elements}};
    std::vector<Value> operands(inputs.begin(), inputs.end());
    auto& [packed_order, weight] = weights_[node.inputs[1]];
    if (!weight.has_value() || packed_order != op.order) {
      packed_order = op.order;
      weight = emit(target, PackWeights{op.order}, {{inputs[1]}}, node);
    }
    operands[1] = weight;
    return {emit(target, op, operands, node)};
  }

  bool is_done() const { return !weights_.empty(); }

 private:
  const Graph& graph_;
  std::span<const KernelEntry> own_;
  std::vector<bool> fixed_;
  std::map<ValueId, std::pair<BlockedOrder, Value>> weights_;  // packed
};

}  // namespace

std::optional<Program> pack_filters(const Program& program, std::span<const KernelEntry> own) {
  if (changes_session(program)) return std::nullopt;
  FilterPacking packing(program, own);
  Program made = rewrite(*program.graph, program.roots,
                         [&](Graph& target, const Node& node, std::span<const Value> inputs) {
                           return packing.packed(target, node, inputs);
                         });
  if (!packing.is_done()) return std::nullopt;
  return extract(*made.graph, made.roots);
}

}  // namespace weft
