#include "weft/runtime/images/channels_last.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <utility>

#include "weft/graph/passes/rule.h"
#include "weft/ops/conv.h"
#include "weft/ops/layout.h"
#include "weft/ops/moments.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/ops/image_ops.h"

namespace weft {
namespace {

constexpr std::size_t kLeastRank = 4;
constexpr std::size_t kMostRank = 5;

bool is_picture(const Shape& shape) { return shape.rank() == kLeastRank || shape.rank() == kMostRank; }

/// Axes of [batch, channels, height, width] where they lie in [batch, height, width, channels].
Axes last_axes(const Axes& axes, std::size_t rank) {
  const std::vector<std::int64_t> order = order_with_channels_last(rank);
  Axes moved;
  for (const std::int64_t axis : normalize_axes(axes, rank))
    moved.push_back(std::ranges::find(order, axis) - order.begin());
  std::ranges::sort(moved);
  return moved;
}

/// The op as it reduces or broadcasts pictures whose channels are last; nothing for an op of another kind.
std::optional<Op> moved_op(const Graph& graph, const Node& node) {
  const Op& op = node.op;
  if (node.inputs.empty() || !is_picture(graph.type(node.inputs[0]).shape)) return std::nullopt;
  const std::size_t rank = graph.type(node.inputs[0]).shape.rank();
  const auto keeps_order = [&](const Axes& axes, bool keep_dims) {
    // Without the axes that go, batch and channels are still in their order, but channels and rows are not.
    const Axes reduced = normalize_axes(axes, rank);
    const auto goes = [&](std::int64_t axis) { return std::ranges::find(reduced, axis) != reduced.end(); };
    const auto spatial = std::views::iota(std::int64_t{2}, static_cast<std::int64_t>(rank));
    return keep_dims || goes(1) || std::ranges::all_of(spatial, goes);
  };
  if (const auto* moments = op.as<Moments>()) return Moments{.axes = last_axes(moments->axes, rank)};
  if (const auto* sums = op.as<CentredSums>()) return CentredSums{.axes = last_axes(sums->axes, rank)};
  if (const auto* sum = op.as<Sum>(); sum != nullptr && keeps_order(sum->axes, sum->keep_dims))
    return Sum{.axes = last_axes(sum->axes, rank), .keep_dims = sum->keep_dims};
  if (const auto* mean = op.as<Mean>(); mean != nullptr && keeps_order(mean->axes, mean->keep_dims))
    return Mean{.axes = last_axes(mean->axes, rank), .keep_dims = mean->keep_dims};
  if (const auto* max = op.as<Max>(); max != nullptr && keeps_order(max->axes, max->keep_dims))
    return Max{.axes = last_axes(max->axes, rank), .keep_dims = max->keep_dims};
  if (const auto* broadcast = op.as<BroadcastTo>(); broadcast != nullptr && broadcast->shape.rank() == rank)
    return BroadcastTo{.shape = channels_last({DType::f32, broadcast->shape}).shape};
  return std::nullopt;
}

bool can_be_moved(const Graph& graph, const Node& node) {
  return is_convolution(node.op) && node.outputs[0].dtype == DType::f32 &&
         std::ranges::none_of(node.inputs,
                              [&](const ValueId& id) { return graph.type(id).shape.elements() == 0; });
}

/// The values of a program that are to have their channels last.
std::set<ValueId> chosen_values(const Program& program) {
  const Graph& graph = *program.graph;
  std::set<ValueId> roots;
  for (const Value& root : program.roots) roots.insert({root.node(), root.output()});
  std::set<ValueId> chosen;
  for (const NodeId id : needed_nodes(graph, program.roots)) {
    const Node& node = graph.node(id);
    const auto reads_chosen = [&] {
      return std::ranges::any_of(node.inputs, [&](const ValueId& input) { return chosen.contains(input); });
    };
    const Shape& shape = node.outputs[0].shape;
    const auto reads_chosen_of_its_shape = [&] {
      return std::ranges::any_of(node.inputs, [&](const ValueId& input) {
        return chosen.contains(input) && graph.type(input).shape == shape;
      });
    };
    const bool follows =
        can_be_moved(graph, node)
            ? pictures_of(node.op).result
            : is_picture(shape) && (node.op.traits().elementwise ? reads_chosen_of_its_shape()
                                                                 : moved_op(graph, node) && reads_chosen());
    const auto outputs = static_cast<std::uint32_t>(node.outputs.size());
    bool is_root = false;
    for (std::uint32_t i = 0; i < outputs; ++i) is_root = is_root || roots.contains({id, i});
    for (std::uint32_t i = 0; follows && !is_root && i < outputs; ++i) chosen.insert({id, i});
  }
  return chosen;
}

/// Builds the program with the chosen values in their new order.
class Relayout {
 public:
  Relayout(const Program& program, std::set<ValueId> chosen)
      : graph_(*program.graph), chosen_(std::move(chosen)) {}

  std::vector<Value> emit(Graph& target, const Node& node, std::span<const Value> inputs) {
    const NodeId id = id_of(node);
    const bool is_chosen = chosen_.contains({id, 0});
    if (can_be_moved(graph_, node)) return {convolution(target, node, inputs, is_chosen)};
    if (is_chosen && node.op.traits().elementwise)
      return add(target, node, node.op, all_last(node, inputs, node.outputs[0].shape.rank()));
    const auto moved = moved_op(graph_, node);
    if (moved && reads_chosen(node) && (is_chosen || !is_picture(node.outputs[0].shape)))
      return add(target, node, *moved, all_last(node, inputs, graph_.type(node.inputs[0]).shape.rank()));
    if (!reads_chosen(node)) return {};
    std::vector<Value> plain;
    for (std::size_t i = 0; i < inputs.size(); ++i) plain.push_back(first(node.inputs[i], inputs[i]));
    return add(target, node, node.op, plain);
  }

 private:
  static std::vector<Value> add(Graph& target, const Node& node, const Op& op,
                                std::span<const Value> inputs) {
    return target.outputs_of(target.add(op, inputs, node.where, node.name));
  }

  NodeId id_of(const Node& node) {
    while (&graph_.node(next_) != &node) ++next_;
    return next_;
  }

  bool reads_chosen(const Node& node) const {
    return std::ranges::any_of(node.inputs, [&](const ValueId& input) { return chosen_.contains(input); });
  }

  Value convolution(Graph& target, const Node& node, std::span<const Value> inputs, bool is_chosen) {
    const ConvolutionPictures pictures = pictures_of(node.op);
    const std::size_t rank = node.outputs[0].shape.rank();
    const std::array operands{
        pictures.a ? last(node.inputs[0], inputs[0], rank) : first(node.inputs[0], inputs[0]),
        pictures.b ? last(node.inputs[1], inputs[1], rank) : first(node.inputs[1], inputs[1])};
    const Value made = weft::emit(target, ChannelsLastConvolution{{node.op}}, operands, node);
    return is_chosen || !pictures.result ? made : transpose(made, order_with_channels_first(rank));
  }

  /// The inputs as they meet pictures of `rank` axes.
  std::vector<Value> all_last(const Node& node, std::span<const Value> inputs, std::size_t rank) {
    std::vector<Value> moved;
    for (std::size_t i = 0; i < inputs.size(); ++i) moved.push_back(last(node.inputs[i], inputs[i], rank));
    return moved;
  }

  /// A value with channels last; one of a lower rank as it broadcasts to pictures of `rank` axes.
  Value last(const ValueId& id, const Value& made, std::size_t rank) {
    if (chosen_.contains(id) || graph_.type(id).shape.rank() == 0) return made;
    const auto [found, is_new] = last_.try_emplace({id, rank});
    if (is_new) found->second = moved_last(id, made, rank);
    return found->second;
  }

  Value moved_last(const ValueId& id, const Value& made, std::size_t rank) {
    std::vector<Dim> dims = graph_.type(id).shape.dims();
    dims.insert(dims.begin(), rank - dims.size(), Dim(1));
    const Shape shape(std::move(dims));
    const Shape moved = channels_last({DType::f32, shape}).shape;
    const Node& node = graph_.node(id.node);
    const auto* broadcast = node.op.as<BroadcastTo>();
    if (broadcast != nullptr && !chosen_.contains(node.inputs[0]))
      return broadcast_to(last(node.inputs[0], operand(made, 0), rank), moved);
    return reordered(made, shape, moved, order_with_channels_last(rank));
  }

  Value first(const ValueId& id, const Value& made) {
    if (!chosen_.contains(id)) return made;
    const auto [found, is_new] = first_.try_emplace(id);
    if (is_new)
      found->second = reordered(made, made.shape(), graph_.type(id).shape,
                                order_with_channels_first(made.shape().rank()));
    return found->second;
  }

  /// Where the axes of more than one element keep their order, all elements lie as they are to lie.
  static Value reordered(const Value& value, const Shape& shape, const Shape& moved,
                         const std::vector<std::int64_t>& order) {
    std::vector<std::int64_t> longer;
    for (const std::int64_t axis : order) {
      if (!shape[static_cast<std::size_t>(axis)].is(1)) longer.push_back(axis);
    }
    return std::ranges::is_sorted(longer) ? reshape(value, moved) : transpose(reshape(value, shape), order);
  }

  const Graph& graph_;
  std::set<ValueId> chosen_;
  NodeId next_ = 0;
  std::map<std::pair<ValueId, std::size_t>, Value> last_;  // by rank, of values that are not chosen
  std::map<ValueId, Value> first_;                         // of values that are
};

Program relaid(const Program& program) {
  const auto ids = needed_nodes(*program.graph, program.roots);
  const bool convolves = std::ranges::any_of(
      ids, [&](NodeId id) { return can_be_moved(*program.graph, program.graph->node(id)); });
  if (!convolves) return extract(*program.graph, program.roots);
  Relayout relayout(program, chosen_values(program));
  constexpr bool kOtherShapes = true;
  Program result = rewrite(
      *program.graph, program.roots,
      [&](Graph& target, const Node& node, std::span<const Value> inputs) {
        return relayout.emit(target, node, inputs);
      },
      kOtherShapes);
  return extract(*result.graph, result.roots);
}

}  // namespace

Pass channels_last() { return {"channels_last", relaid}; }

}  // namespace weft
