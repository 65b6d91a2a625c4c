#include <algorithm>
#include <optional>

#include "weft/ops/elementwise.h"
#include "weft/ops/loss.h"
#include "weft/runtime/fuse/contract.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/fuse/rule.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

/// One number for each row of logits, or one for all.
bool is_scale(const TensorType& scale, const TensorType& logits) {
  if (scale.dtype != logits.dtype) return false;
  if (scale.shape.is_scalar()) return true;
  std::vector<Dim> column = logits.shape.dims();
  column.back() = Dim(1);
  return scale.shape == Shape(std::move(column));
}

/// Whether `id` is, or needs, `from`.
bool depends_on(const Graph& graph, NodeId id, NodeId from) {
  std::vector<bool> reached(graph.size(), false);
  reached[id] = true;
  for (NodeId node = id; node > from; --node) {
    if (!reached[node]) continue;
    for (const ValueId& input : graph.node(node).inputs) reached[input.node] = true;
  }
  return reached[from];
}

class CrossEntropyRule {
 public:
  explicit CrossEntropyRule(const Program& program)
      : graph_(*program.graph), uses_(count_uses(program)), needed_(needed_nodes(graph_, program.roots)) {
    for (const Value& root : program.roots) outside_.push_back({root.node(), root.output()});
  }

  std::vector<Contraction> find() const {
    std::vector<Contraction> found;
    std::vector<NodeId> taken;
    for (const NodeId id : needed_) {
      if (!graph_.node(id).op.is<Mul>()) continue;
      for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
        auto match = match_product(id, side);
        if (!match || std::ranges::find(taken, match->nodes[0]) != taken.end()) continue;
        taken.push_back(match->nodes[0]);
        found.push_back(std::move(*match));
        break;
      }
    }
    return found;
  }

 private:
  /// label_difference(probabilities, labels) * scale, where the difference is factor `side`.
  std::optional<Contraction> match_product(NodeId id, std::size_t side) const {
    const Node& product = graph_.node(id);
    const ValueId difference = product.inputs[side];
    const ValueId scale = product.inputs[1 - side];
    const Node& subtraction = graph_.node(difference.node);
    if (!subtraction.op.is<LabelDifference>() || uses_[difference.node] != 1) return std::nullopt;
    const ValueId probabilities = subtraction.inputs[0];
    const Node& loss = graph_.node(probabilities.node);
    if (!loss.op.is<SoftmaxCrossEntropy>() || probabilities.output != 1) return std::nullopt;
    if (subtraction.inputs[1] != loss.inputs[1]) return std::nullopt;
    if (!is_scale(graph_.type(scale), loss.outputs[1])) return std::nullopt;
    if (reads(probabilities) != 1 || depends_on(graph_, scale.node, probabilities.node)) return std::nullopt;
    Contraction contraction{.nodes = {probabilities.node, difference.node, id},
                            .inputs = {loss.inputs[0], loss.inputs[1], scale},
                            .outputs = {{probabilities.node, 0}, {id, 0}},
                            .emit = {}};
    contraction.emit = [&loss](Graph& target, std::span<const Value> inputs) {
      return target.outputs_of(target.add(FusedCrossEntropy{}, inputs, loss.where, loss.name));
    };
    return contraction;
  }

  /// How often a value is read, as a root too.
  std::int64_t reads(const ValueId& value) const {
    std::int64_t count = std::ranges::count(outside_, value);
    for (const NodeId id : needed_) count += std::ranges::count(graph_.node(id).inputs, value);
    return count;
  }

  const Graph& graph_;
  std::vector<int> uses_;
  std::vector<NodeId> needed_;
  std::vector<ValueId> outside_;
};

}  // namespace

Pass fuse_cross_entropy() {
  return {"fuse_cross_entropy",
          [](const Program& program) { return contract(program, CrossEntropyRule(program).find()); }};
}

}  // namespace weft
