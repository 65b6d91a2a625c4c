#include <algorithm>
#include <optional>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/loss.h"
#include "weft/runtime/fuse/contract.h"
#include "weft/runtime/fuse/fuse.h"
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

/// Answers whether a value needs a node, looking at nothing older than that node.
class Ancestry {
 public:
  explicit Ancestry(const Graph& graph) : graph_(graph), met_(graph.size(), 0) {}

  /// Whether `id` is `from` or needs it.
  bool depends_on(NodeId id, NodeId from) {
    if (id <= from) return id == from;
    ++search_;
    std::vector<NodeId> open{id};
    while (!open.empty()) {
      const NodeId node = open.back();
      open.pop_back();
      for (const ValueId& input : graph_.node(node).inputs) {
        if (input.node == from) return true;
        if (input.node < from || met_[input.node] == search_) continue;
        met_[input.node] = search_;
        open.push_back(input.node);
      }
    }
    return false;
  }

 private:
  const Graph& graph_;
  std::vector<std::size_t> met_;  // the last search that met a node
  std::size_t search_ = 0;
};

class CrossEntropyRule {
 public:
  explicit CrossEntropyRule(const Program& program)
      : graph_(*program.graph),
        needed_(needed_nodes(graph_, program.roots)),
        uses_(count_uses(program)),
        reads_(graph_.size(), 0),
        ancestry_(graph_) {
    const auto count = [&](const ValueId& value) { reads_[value.node] += value.output == kProbabilities; };
    for (const NodeId id : needed_) std::ranges::for_each(graph_.node(id).inputs, count);
    for (const Value& root : program.roots) count({root.node(), root.output()});
  }

  std::vector<Contraction> find() {
    std::vector<Contraction> found;
    std::vector<bool> taken(graph_.size(), false);
    for (const NodeId id : needed_) {
      if (!graph_.node(id).op.is<Mul>()) continue;
      for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
        auto match = match_product(id, side);
        if (!match || taken[match->nodes[0]]) continue;
        taken[match->nodes[0]] = true;
        found.push_back(std::move(*match));
        break;
      }
    }
    return found;
  }

 private:
  static constexpr std::uint32_t kProbabilities = 1;  // an output of softmax_cross_entropy

  /// label_difference(probabilities, labels) * scale, where the difference is factor `side`.
  std::optional<Contraction> match_product(NodeId id, std::size_t side) {
    const Node& product = graph_.node(id);
    const ValueId difference = product.inputs[side];
    const ValueId scale = product.inputs[1 - side];
    const Node& subtraction = graph_.node(difference.node);
    if (!subtraction.op.is<LabelDifference>() || uses_[difference.node] != 1) return std::nullopt;
    const ValueId probabilities = subtraction.inputs[0];
    const Node& loss = graph_.node(probabilities.node);
    if (!loss.op.is<SoftmaxCrossEntropy>() || probabilities.output != kProbabilities) return std::nullopt;
    if (subtraction.inputs[1] != loss.inputs[1]) return std::nullopt;
    if (!is_scale(graph_.type(scale), loss.outputs[1])) return std::nullopt;
    if (reads_[probabilities.node] != 1 || ancestry_.depends_on(scale.node, probabilities.node))
      return std::nullopt;
    Contraction contraction{.nodes = {probabilities.node, difference.node, id},
                            .inputs = {loss.inputs[0], loss.inputs[1], scale},
                            .outputs = {{probabilities.node, 0}, {id, 0}},
                            .emit = {}};
    contraction.emit = [&loss](Graph& target, std::span<const Value> inputs) {
      return target.outputs_of(target.add(FusedCrossEntropy{}, inputs, loss.where, loss.name));
    };
    return contraction;
  }

  const Graph& graph_;
  std::vector<NodeId> needed_;
  std::vector<int> uses_;
  std::vector<int> reads_;  // by node: how often its probabilities are read, also as roots
  Ancestry ancestry_;
};

}  // namespace

Pass fuse_cross_entropy() {
  return {"fuse_cross_entropy",
          [](const Program& program) { return contract(program, CrossEntropyRule(program).find()); }};
}

}  // namespace weft
