#include "weft/runtime/images/relayout.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <utility>

#include "weft/graph/passes/rule.h"
#include "weft/ops/conv.h"
#include "weft/ops/layout.h"
#include "weft/ops/moments.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/images/order_choice.h"
#include "weft/runtime/images/picture_order.h"
#include "weft/runtime/kernels/images/lanes/lane_functions.h"
#include "weft/runtime/ops/image_ops.h"

namespace weft {
namespace {

constexpr std::size_t kLeastRank = 4;
constexpr std::size_t kMostRank = 5;

bool is_picture(const Shape& shape) { return shape.rank() == kLeastRank || shape.rank() == kMostRank; }

/// The op as it reduces or broadcasts pictures in another order; nothing for an op of another kind.
/// Reductions keep the axes that they reduce.
std::optional<Op> moved_op(const PictureOrder& order, const Graph& graph, const Node& node) {
  const Op& op = node.op;
  if (node.inputs.empty() || !is_picture(graph.type(node.inputs[0]).shape)) return std::nullopt;
  const std::size_t rank = graph.type(node.inputs[0]).shape.rank();
  if (const auto* moments = op.as<Moments>()) return Moments{.axes = order.axes(moments->axes, rank)};
  if (const auto* sums = op.as<CentredSums>()) return CentredSums{.axes = order.axes(sums->axes, rank)};
  if (const auto* sum = op.as<Sum>()) return Sum{.axes = order.axes(sum->axes, rank), .keep_dims = true};
  if (const auto* mean = op.as<Mean>()) return Mean{.axes = order.axes(mean->axes, rank), .keep_dims = true};
  if (const auto* max = op.as<Max>()) return Max{.axes = order.axes(max->axes, rank), .keep_dims = true};
  if (const auto* broadcast = op.as<BroadcastTo>(); broadcast != nullptr && broadcast->shape.rank() == rank)
    return BroadcastTo{.shape = order.shape(broadcast->shape)};
  return std::nullopt;
}

/// The shape of a reduction's result if it kept the axes that it reduces.
Shape with_kept_axes(const Graph& graph, const Node& node, const Axes& axes) {
  std::vector<Dim> dims = graph.type(node.inputs[0]).shape.dims();
  for (const std::int64_t axis : normalize_axes(axes, dims.size()))
    dims[static_cast<std::size_t>(axis)] = Dim(1);
  return Shape(std::move(dims));
}

/// The axes of a reduction that may drop them.
std::optional<Axes> reduced_axes(const Op& op) {
  if (const auto* sum = op.as<Sum>()) return sum->axes;
  if (const auto* mean = op.as<Mean>()) return mean->axes;
  if (const auto* max = op.as<Max>()) return max->axes;
  return std::nullopt;
}

bool drops_axes(const Graph& graph, const Node& node) {
  return node.outputs[0].shape.rank() != graph.type(node.inputs[0]).shape.rank();
}

bool is_pooling(const Op& op) {
  return op.is<MaxPool2d>() || op.is<AvgPool2d>() || op.is<AvgPool2dGradient>();
}

/// The pooling whose index a scattering follows back, so that it is the pooling's gradient; otherwise null.
const MaxPool2d* gradient_of(const Graph& graph, const Node& node) {
  const auto* scatter = node.op.as<PlaneScatterAdd>();
  if (scatter == nullptr || node.inputs[1].output != 1) return nullptr;
  const Node& maker = graph.node(node.inputs[1].node);
  const auto* pool = maker.op.as<MaxPool2d>();
  return pool != nullptr && graph.type(maker.inputs[0]).shape == scatter->shape ? pool : nullptr;
}

bool can_be_moved(const Graph& graph, const Node& node) {
  return plain_convolution(node.op) && node.outputs[0].dtype == DType::f32 &&
         std::ranges::none_of(node.inputs,
                              [&](const ValueId& id) { return graph.type(id).shape.elements() == 0; });
}

/// The values of a program that are to be in the order.
std::set<ValueId> chosen_values(const PictureOrder& order, const Program& program) {
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
    const auto follows_another = [&] {
      if (node.op.traits().elementwise) return reads_chosen_of_its_shape();
      if (is_pooling(node.op))  // a gradient is larger than what it is made of, and goes on to a convolution
        return node.outputs[0].dtype == DType::f32 && (node.op.is<AvgPool2dGradient>() || reads_chosen());
      if (gradient_of(graph, node) != nullptr) return chosen.contains(node.inputs[1]);
      return moved_op(order, graph, node) && !drops_axes(graph, node) && reads_chosen();
    };
    const bool follows = can_be_moved(graph, node)
                             ? pictures_of(node.op).result
                             : is_picture(shape) && order.fits(shape) && follows_another();
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
  Relayout(const PictureOrder& order, const Program& program)
      : order_(order), graph_(*program.graph), chosen_(chosen_values(order, program)) {}

  std::vector<Value> emit(Graph& target, const Node& node, std::span<const Value> inputs) {
    const NodeId id = id_of(node);
    const bool is_chosen = chosen_.contains({id, 0});
    if (can_be_moved(graph_, node)) return {convolution(target, node, inputs, is_chosen)};
    const std::size_t rank = node.outputs[0].shape.rank();
    if (is_chosen && node.op.traits().elementwise)
      return add(target, node, node.op,
                 widened(order_.shape(node.outputs[0].shape), all_entered(node, inputs, rank)));
    if (is_chosen && is_pooling(node.op)) return pooling(target, node, inputs);
    if (const auto* pool = is_chosen ? gradient_of(graph_, node) : nullptr)
      return {pooling_gradient(target, node, *pool, inputs)};
    const auto moved = moved_op(order_, graph_, node);
    if (moved && reads_chosen(node) && (is_chosen || drops_axes(graph_, node)))
      return reduction(target, node, *moved, inputs);
    if (!reads_chosen(node)) return {};
    std::vector<Value> plain;
    for (std::size_t i = 0; i < inputs.size(); ++i) plain.push_back(left(node.inputs[i], inputs[i]));
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
    const Shape& shape = node.outputs[0].shape;
    std::vector<Value> operands;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const bool is_picture = (i == 0 && pictures.a) || (i == 1 && pictures.b);
      operands.push_back(is_picture ? entered(node.inputs[i], inputs[i], shape.rank())
                                    : left(node.inputs[i], inputs[i]));
    }
    const Value made = weft::emit(
        target, order_.convolution(plain_convolution(node.op).value_or(Convolution{})), operands, node);
    return is_chosen || !pictures.result ? made : order_.leave(made, shape);
  }

  /// What drops the axes that it reduces gives its result back as it was.
  std::vector<Value> reduction(Graph& target, const Node& node, const Op& moved,
                               std::span<const Value> inputs) {
    const std::size_t rank = graph_.type(node.inputs[0]).shape.rank();
    auto made = add(target, node, moved, all_entered(node, inputs, rank));
    const auto axes = reduced_axes(node.op);
    if (!axes || !drops_axes(graph_, node)) return made;
    return {reshape(order_.leave(made[0], with_kept_axes(graph_, node, *axes)), node.outputs[0].shape)};
  }

  std::vector<Value> pooling(Graph& target, const Node& node, std::span<const Value> inputs) {
    Op op = node.op;
    if (const auto* gradient = op.as<AvgPool2dGradient>()) {
      AvgPool2dGradient moved = *gradient;
      moved.shape = channels_first({DType::f32, flat(order_.shape(gradient->shape))}).shape;
      op = moved;
    }
    const Value operand = entered(node.inputs[0], inputs[0], kLeastRank);
    auto made = add(target, node, ChannelsLastPooling{{op}}, {{reshape(operand, flat(operand.shape()))}});
    for (std::size_t i = 0; i < made.size(); ++i)
      made[i] = reshape(made[i], order_.shape(node.outputs[i].shape));
    return made;
  }

  Value pooling_gradient(Graph& target, const Node& node, const MaxPool2d& pool,
                         std::span<const Value> inputs) {
    const Shape shape = order_.shape(node.outputs[0].shape);
    const ChannelsLastMaxPoolGradient op{pool.options(), flat(shape)};
    const Value dy = entered(node.inputs[0], inputs[0], kLeastRank);
    const Value index = entered(node.inputs[1], inputs[1], kLeastRank);
    const std::array operands{reshape(dy, flat(dy.shape())), reshape(index, flat(index.shape()))};
    return reshape(weft::emit(target, op, operands, node), shape);
  }

  /// [..., height, width, channels, lanes] with the lanes as channels: poolings treat both alike.
  static Shape flat(const Shape& shape) {
    std::vector<Dim> dims = shape.dims();
    for (; dims.size() > kLeastRank; dims.pop_back())
      dims[dims.size() - 2] = Dim(dims[dims.size() - 2].size() * dims.back().size());
    return Shape(std::move(dims));
  }

  /// The inputs as they meet pictures of `rank` axes.
  std::vector<Value> all_entered(const Node& node, std::span<const Value> inputs, std::size_t rank) {
    std::vector<Value> moved;
    for (std::size_t i = 0; i < inputs.size(); ++i) moved.push_back(entered(node.inputs[i], inputs[i], rank));
    return moved;
  }

  /// Small values that are the same for all lanes are repeated for each, so that elementwise ops read whole
  /// vectors.
  std::vector<Value> widened(const Shape& result, std::vector<Value> values) {
    for (Value& value : values) {
      const Shape& shape = value.shape();
      if (shape.rank() != result.rank() || !shape[shape.rank() - 1].is(1) || result[result.rank() - 1].is(1))
        continue;
      const auto [found, is_new] = wide_.try_emplace(value.node());
      if (is_new) {
        std::vector<Dim> dims = shape.dims();
        dims.back() = result[result.rank() - 1];
        found->second = broadcast_to(value, Shape(std::move(dims)));
      }
      value = found->second;
    }
    return values;
  }

  /// A value in the new order; one of a lower rank as it broadcasts to pictures of `rank` axes.
  Value entered(const ValueId& id, const Value& made, std::size_t rank) {
    if (chosen_.contains(id) || graph_.type(id).shape.rank() == 0) return made;
    const auto [found, is_new] = entered_.try_emplace({id, rank});
    if (is_new) found->second = newly_entered(id, made, rank);
    return found->second;
  }

  Value newly_entered(const ValueId& id, const Value& made, std::size_t rank) {
    std::vector<Dim> dims = graph_.type(id).shape.dims();
    dims.insert(dims.begin(), rank - dims.size(), Dim(1));
    const Shape shape(std::move(dims));
    const Node& node = graph_.node(id.node);
    const auto* broadcast = node.op.as<BroadcastTo>();
    if (broadcast != nullptr && !chosen_.contains(node.inputs[0]))
      return broadcast_to(entered(node.inputs[0], operand(made, 0), rank), order_.shape(shape));
    return order_.enter(reshape(made, shape));
  }

  Value left(const ValueId& id, const Value& made) {
    if (!chosen_.contains(id)) return made;
    const auto [found, is_new] = left_.try_emplace(id);
    if (is_new) found->second = order_.leave(made, graph_.type(id).shape);
    return found->second;
  }

  const PictureOrder& order_;
  const Graph& graph_;
  std::set<ValueId> chosen_;
  NodeId next_ = 0;
  std::map<std::pair<ValueId, std::size_t>, Value> entered_;  // by rank, of values that are not chosen
  std::map<ValueId, Value> left_;                             // of values that are
  std::map<NodeId, Value> wide_;                              // by node of the new program
};

Program relaid(const PictureOrder& order, const Program& program) {
  Relayout relayout(order, program);
  constexpr bool kOtherShapes = true;
  Program result = rewrite(
      *program.graph, program.roots,
      [&](Graph& target, const Node& node, std::span<const Value> inputs) {
        return relayout.emit(target, node, inputs);
      },
      kOtherShapes);
  return extract(*result.graph, result.roots);
}

/// The convolutions of a program that can be moved.
std::vector<NodeId> convolutions_of(const Program& program) {
  std::vector<NodeId> found;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    if (can_be_moved(*program.graph, program.graph->node(id))) found.push_back(id);
  }
  return found;
}

}  // namespace

Pass interleave_pictures(int shards) {
  return {"interleave_pictures", [shards](const Program& program) {
            const std::vector<NodeId> convolutions = convolutions_of(program);
            if (convolutions.empty() || !interleaving_pays(*program.graph, convolutions, shards))
              return extract(*program.graph, program.roots);
            return relaid(PictureOrder::interleaved(lane_functions().lanes), program);
          }};
}

Pass channels_last() {
  return {"channels_last", [](const Program& program) {
            if (convolutions_of(program).empty()) return extract(*program.graph, program.roots);
            return relaid(PictureOrder::channels_last(), program);
          }};
}

}  // namespace weft
