#pragma once
// Which elements of a gradient count. What `where` did not choose, what relu or a limit cut off, has the
// gradient 0, and everything before it has, too: also where the derivative of what was not chosen is
// infinite, as that of log at 0, and 0 times it would be no number. Internal to autodiff/.

#include <map>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/ops/ranges.h"

namespace weft {

/// The elements where a bool value holds, or does not; it broadcasts to the gradient.
struct Mask {
  Value condition;
  bool holds = true;
  friend bool operator==(const Mask&, const Mask&) = default;
};
/// The elements of any of them count; of an empty list all do.
using Masks = std::vector<Mask>;

/// The masks of the gradients of one reverse sweep. A gradient that selects, `where(c, g, 0)`, masks itself.
/// Through elementwise ops a mask goes on as it is, through linear ones as they carry a gradient; elsewhere
/// it ends. Where an elementwise rule might make NaNs of masked zeros, its gradient is masked again: never in
/// networks whose activations and normalizations have finite slopes.
class MaskSweep {
 public:
  explicit MaskSweep(Graph& graph) : graph_(graph), start_(static_cast<NodeId>(graph.size())) {}

  /// What a rule gave for input `input` of a node, masked again if need be, and its masks. The rule has built
  /// what is in the graph from `first` on.
  struct Guarded {
    Value gradient;
    Masks masks;
  };
  Guarded guard(NodeId node, const GradientArgs& args, std::size_t input, const Value& gradient,
                NodeId first);

  /// The masks of a gradient of `shape` that was summed over what broadcast from `to`.
  Masks unbroadcast(const Masks& masks, const Shape& shape, const Value& to);

  /// The gradient of a value is the first with these masks, or one more that is added.
  void begin(ValueId value, Masks masks);
  void add(ValueId value, const Masks& masks);

  /// The masks of the gradient of a value, so far.
  const Masks& of(const Value& value) const;

 private:
  bool may_poison(const Value& gradient, const Value& incoming, NodeId first);
  Masks carried(const Node& node, const GradientArgs& args, std::size_t input, const Masks& masks);
  bool is_linear(const Value& gradient, const Value& incoming, NodeId first) const;
  Value as_number(const Mask& mask, const Shape& shape, DType dtype) const;
  Mask both(const Mask& a, const Mask& b) const;

  Graph& graph_;
  NodeId start_;
  std::vector<NumberRange> ranges_;  // of the nodes before start_, when the first is asked for
  std::map<ValueId, Masks> masks_;
};

}  // namespace weft
