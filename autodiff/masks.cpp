#include "weft/autodiff/masks.h"

#include <algorithm>
#include <optional>

#include "weft/autodiff/unbroadcast.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/exponential.h"
#include "weft/ops/folds.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/norm.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

bool is_zero(const Graph& graph, const ValueId& value) {
  const Tensor* tensor = graph.node(value.node).op.constant();
  if (tensor == nullptr || tensor->elements() != 1) return false;
  return visit_dtype(tensor->dtype(), [&]<typename T>(T) { return tensor->values<T>()[0] == T{0}; });
}

/// The mask of a gradient that its rule made as where(condition, g, 0) or where(condition, 0, g).
Masks selection_of(const Value& gradient, NodeId first) {
  Graph& graph = gradient.graph();
  const Node& node = graph.node(gradient.node());
  if (gradient.node() < first || !node.op.is<Select>()) return {};
  const bool holds = is_zero(graph, node.inputs[2]);
  if (!holds && !is_zero(graph, node.inputs[1])) return {};
  return {{.condition = graph.value(node.inputs[0]), .holds = holds}};
}

template <typename... O>
std::optional<Axes> axes_of_any(const Op& op) {
  std::optional<Axes> axes;
  const auto take = [&](const auto* one) {
    if (one != nullptr) axes = one->axes;
  };
  (take(op.as<O>()), ...);
  return axes;
}

/// The axes along which an element of the first output depends on the first input; empty for an op of another
/// kind.
std::optional<Axes> axes_of(const Op& op) {
  if (op.is<Softmax>() || op.is<LogSoftmax>() || op.is<SoftmaxCrossEntropy>()) return Axes{-1};
  return axes_of_any<Max, Min, Prod, Norm, LogSumExp>(op);
}

NumberRange range_in(const Graph& graph, NodeId id, auto range_at) {
  std::vector<NumberRange> inputs;
  for (const ValueId& input : graph.node(id).inputs) inputs.push_back(range_at(input));
  return range_of(graph.node(id), inputs);
}

bool is_leaf(const Value& value) { return value.graph().node(value.node()).inputs.empty(); }

}  // namespace

MaskSweep::Guarded MaskSweep::guard(NodeId id, const GradientArgs& args, std::size_t input,
                                    const Value& gradient, NodeId first) {
  const Node& node = graph_.node(id);
  const bool one = std::ranges::none_of(args.output_gradients.subspan(1), &Value::has_value);
  Masks masks = one ? of(args.outputs[0]) : Masks{};
  Value guarded = gradient;
  const bool ends = is_leaf(args.inputs[input]);
  const bool guards = std::ranges::any_of(masks, &Mask::guards);
  if (!masks.empty() && node.op.traits().elementwise) {
    if (may_poison(gradient, args.output_gradients[0], first, guards)) guarded = mask_again(gradient, masks);
  } else if (const auto axes = guards && input == 0 ? axes_of(node.op) : std::nullopt) {
    masks = carried_over(*axes, args, masks);
    guarded = mask_again(gradient, masks);
  } else if (!masks.empty()) {
    const bool linear = !ends && is_linear(gradient, args.output_gradients[0], first);
    masks = linear ? carried(node, args, input, masks) : Masks{};
  }
  if (ends) return {guarded, {}};
  Masks selected = selection_of(gradient, first);
  for (Mask& mask : selected) mask.guards = node.op.is<Select>();
  if (selected.empty()) return {guarded, std::move(masks)};
  for (Mask& mask : masks) mask = both(mask, selected[0]);
  return {guarded, masks.empty() ? std::move(selected) : std::move(masks)};
}

Masks MaskSweep::unbroadcast(const Masks& masks, const Shape& shape, const Value& to) {
  if (is_leaf(to)) return {};
  Masks narrow;
  for (const Mask& mask : masks) {
    const Value counted = weft::unbroadcast(as_number(mask, shape, gradient_dtype(to.dtype())), to.shape());
    narrow.push_back({.condition = counted > 0.0, .holds = true, .guards = mask.guards});
  }
  return narrow;
}

void MaskSweep::begin(ValueId value, Masks masks) {
  if (!masks.empty()) masks_.insert_or_assign(value, std::move(masks));
}

void MaskSweep::add(ValueId value, const Masks& masks) {
  const auto found = masks_.find(value);
  if (found == masks_.end()) return;
  bool all = masks.empty();
  for (const Mask& mask : masks) {
    const Mask opposite{.condition = mask.condition, .holds = !mask.holds, .guards = mask.guards};
    all = all || std::ranges::find(found->second, opposite) != found->second.end();
    if (std::ranges::find(found->second, mask) == found->second.end()) found->second.push_back(mask);
  }
  constexpr std::size_t kMost = 8;  // more masks would cost more than they gain
  if (all || found->second.size() > kMost) masks_.erase(found);
}

const Masks& MaskSweep::of(const Value& value) const {
  static const Masks kAll;
  const auto found = masks_.find({value.node(), value.output()});
  return found == masks_.end() ? kAll : found->second;
}

Value MaskSweep::mask_again(const Value& gradient, const Masks& masks) const {
  Value kept = constant(graph_, 0.0, gradient.dtype());
  for (const Mask& mask : masks)
    kept = mask.holds ? where(mask.condition, gradient, kept) : where(mask.condition, kept, gradient);
  return kept;
}

/// Whether the gradient that a rule built from `incoming` may be a NaN where `incoming` is 0. Behind a mask
/// that guards, whatever was computed without a bound may be infinite.
bool MaskSweep::may_poison(const Value& gradient, const Value& incoming, NodeId first, bool guards) {
  if (gradient.node() < first) return gradient.node() != incoming.node();
  for (auto id = static_cast<NodeId>(ranges_.size()); id < start_; ++id) {
    ranges_.push_back(range_in(graph_, id, [&](const ValueId& input) { return ranges_[input.node]; }));
  }
  std::map<NodeId, NumberRange> built;
  for (NodeId id = first; id <= gradient.node(); ++id) {
    built[id] = range_in(graph_, id, [&](const ValueId& input) {
      if (input.node == incoming.node()) return NumberRange{};
      if (const auto found = built.find(input.node); found != built.end()) return found->second;
      if (input.node >= start_) return NumberRange{};
      NumberRange range = ranges_[input.node];
      if (guards && !range.bounded && !graph_.node(input.node).inputs.empty()) range.finite = false;
      return range;
    });
  }
  return !built.at(gradient.node()).finite;
}

/// Whether the rule reads no floating-point number but the incoming gradient. Counting reads shapes alone.
bool MaskSweep::is_linear(const Value& gradient, const Value& incoming, NodeId first) const {
  for (NodeId id = first; id <= gradient.node(); ++id) {
    for (const ValueId& input : graph_.node(id).inputs) {
      const bool known =
          input.node >= first || input.node == incoming.node() || graph_.node(id).op.is<Count>();
      if (!known && is_real(graph_.type(input).dtype)) return false;
    }
  }
  return true;
}

/// A mask takes the path of the gradient: an element counts if one that counts contributes to it.
Masks MaskSweep::carried(const Node& node, const GradientArgs& args, std::size_t input, const Masks& masks) {
  const Op op = node.op;
  Masks carried;
  for (const Mask& mask : masks) {
    const Value number = as_number(mask, args.outputs[0].shape(), gradient_dtype(args.outputs[0].dtype()));
    const Value counted = op.gradient(
        {.inputs = args.inputs, .outputs = args.outputs, .output_gradients = {&number, 1}})[input];
    carried.push_back({.condition = counted > 0.0, .holds = true, .guards = mask.guards});
  }
  return carried;
}

/// An element counts if one does that was reduced, or normalized, together with it.
Masks MaskSweep::carried_over(const Axes& axes, const GradientArgs& args, const Masks& masks) const {
  const Value& x = args.inputs[0];
  Masks carried;
  for (const Mask& mask : masks) {
    const Value& y = args.outputs[0];
    const Value number = as_number(mask, y.shape(), gradient_dtype(y.dtype()));
    const Value counted = y.shape() == x.shape() ? sum(number, axes, true) : number;
    carried.push_back({.condition = spread(counted, x, axes) > 0.0, .holds = true, .guards = mask.guards});
  }
  return carried;
}

Value MaskSweep::as_number(const Mask& mask, const Shape& shape, DType dtype) const {
  const Value one = constant(graph_, 1.0, dtype);
  const Value number = mask.holds ? where(mask.condition, one, 0.0) : where(mask.condition, 0.0, one);
  return broadcast_to(number, shape);
}

Mask MaskSweep::both(const Mask& a, const Mask& b) const {
  const Value yes = constant(graph_, Tensor::scalar(true));
  const Value no = constant(graph_, Tensor::scalar(false));
  const Value second = b.holds ? b.condition : where(b.condition, no, yes);
  return {.condition = a.holds ? where(a.condition, second, no) : where(a.condition, no, second),
          .holds = true,
          .guards = a.guards || b.guards};
}

}  // namespace weft
