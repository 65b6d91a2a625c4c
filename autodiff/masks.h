#pragma once
// Which elements of a gradient count. Elements that `where` did not choose, or that relu or a limit cut off,
// have the gradient 0, and so has everything that they were computed from. That holds also where the
// derivative of an element that was not chosen is infinite, such as that of log at 0, and 0 times it would be
// a NaN, and where an input holds NaNs in elements that were not chosen. Internal to autodiff/.

#include <map>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/ops/axis_walk.h"
#include "weft/ops/ranges.h"

namespace weft {

/// The elements where a bool value is true, or where it is false. The value broadcasts to the gradient.
struct Mask {
  Value condition;
  bool holds = true;
  /// Whether a `where` of the graph chose: what it did not choose may have overflowed.
  bool guards = false;
  friend bool operator==(const Mask&, const Mask&) = default;
};
/// An element counts if any of the masks has it. With an empty list all elements count.
using Masks = std::vector<Mask>;

/// The masks of the gradients of one reverse sweep. A gradient that selects, `where(c, g, 0)`, masks itself.
/// A mask passes through elementwise ops unchanged, through linear ops as they carry a gradient, and that of
/// a `where` through the other reductions and softmax too; elsewhere it ends. Where a rule might turn masked
/// zeros into NaNs, its gradient is masked again. That never happens in networks without `where` whose
/// activations and normalizations have finite slopes.
class MaskSweep {
 public:
  explicit MaskSweep(Graph& graph) : graph_(graph), start_(static_cast<NodeId>(graph.size())) {}

  /// The gradient that a rule built for input `input` of a node, masked again if necessary, and its masks.
  /// The rule has built the nodes from `first` on.
  struct Guarded {
    Value gradient;
    Masks masks;
  };
  Guarded guard(NodeId node, const GradientArgs& args, std::size_t input, const Value& gradient,
                NodeId first);

  /// The masks of a gradient of `shape` after it was summed to the shape of `to`.
  Masks unbroadcast(const Masks& masks, const Shape& shape, const Value& to);

  /// Records the masks of the first gradient of a value (begin), or of one more that is added to it (add).
  void begin(ValueId value, Masks masks);
  void add(ValueId value, const Masks& masks);

  /// The masks of the gradient of a value, so far.
  const Masks& of(const Value& value) const;

 private:
  Value mask_again(const Value& gradient, const Masks& masks) const;
  bool may_poison(const Value& gradient, const Value& incoming, NodeId first, bool guards);
  Masks carried(const Node& node, const GradientArgs& args, std::size_t input, const Masks& masks);
  Masks carried_over(const Axes& axes, const GradientArgs& args, const Masks& masks) const;
  bool is_linear(const Value& gradient, const Value& incoming, NodeId first) const;
  Value as_number(const Mask& mask, const Shape& shape, DType dtype) const;
  Mask both(const Mask& a, const Mask& b) const;

  Graph& graph_;
  NodeId start_;
  std::vector<NumberRange> ranges_;  // of the nodes before start_, computed when the first is needed
  std::map<ValueId, Masks> masks_;
};

}  // namespace weft
