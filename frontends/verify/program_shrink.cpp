#include "weft/frontends/verify/program_shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/random_values.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft::verify {
namespace {

using Feeds = std::map<std::string, Tensor, std::less<>>;

RandomProgram copy_of(const Program& program, std::span<const Value> roots, Feeds feeds) {
  const bool updates = roots[0].graph().node(roots[0].node()).op.is<Assign>();
  return {.program = extract(*program.graph, roots),
          .feeds = std::move(feeds),
          .outputs = updates ? 0 : roots.size(),
          .expected = {}};
}

class Shrinker {
 public:
  explicit Shrinker(const RandomProgram& failing)
      : failing_(failing), graph_(*failing.program.graph), values_(1, true) {
    settle(graph_, failing.feeds, values_);
  }

  std::size_t nodes() const { return graph_.size(); }

  /// The program that computes a single node. Its operands are computed up to `depth` ops back; values before
  /// that are fed.
  std::optional<RandomProgram> around(NodeId id, int depth) const {
    if (graph_.node(id).inputs.empty()) return std::nullopt;
    std::vector<int> distance(graph_.size(), depth + 1);
    distance[id] = 0;
    for (NodeId node = id + 1; node-- > 0;) {
      for (const ValueId& input : graph_.node(node).inputs)
        distance[input.node] = std::min(distance[input.node], distance[node] + 1);
    }
    Feeds feeds = failing_.feeds;
    const Value roots[] = {graph_.value({id, 0})};
    try {
      const Program cut =
          rewrite(graph_, roots,
                  [&, next = NodeId{0}](Graph& target, const Node& node, std::span<const Value>) mutable {
                    while (&graph_.node(next) != &node) ++next;
                    std::vector<Value> outputs;
                    if (distance[next] <= depth || node.inputs.empty()) return outputs;
                    for (std::uint32_t i = 0; i < node.outputs.size(); ++i) {
                      const TensorType& type = node.outputs[i];
                      const std::string label = fmt::format("v{}_{}", next, i);
                      feeds[label] = evaluate(Cast{type.dtype}, {{values_.exact({next, i})}})[0];
                      outputs.push_back(input(target, label, type.dtype, type.shape));
                    }
                    return outputs;
                  });
      return with_expectations(copy_of(cut, cut.roots, std::move(feeds)));
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

 private:
  static void settle(const Graph& graph, const Feeds& feeds, RandomValues& values) {
    if (graph.size() == 0) return;
    values.settle(graph, static_cast<NodeId>(graph.size() - 1),
                  [&](const Node& node) { return first_feed(node, feeds); });
  }

  static std::optional<RandomProgram> with_expectations(RandomProgram program) {
    const Graph& graph = *program.program.graph;
    RandomValues values(1, true);
    settle(graph, program.feeds, values);
    for (std::size_t i = 0; i < program.program.roots.size(); ++i) {
      const Value& root = program.program.roots[i];
      const ValueId id =
          i < program.outputs ? ValueId{root.node(), root.output()} : graph.node(root.node()).inputs[1];
      if (!values.is_settled(graph, id)) return std::nullopt;
      program.expected.push_back(values.exact(id));
    }
    return program;
  }

  const RandomProgram& failing_;
  Graph& graph_;
  RandomValues values_;
};

}  // namespace

RandomProgram shrink(const RandomProgram& failing, const std::function<bool(const RandomProgram&)>& fails) {
  const Shrinker shrinker(failing);
  for (const int depth : {1, 2, 3, 5, 100}) {
    for (NodeId id = 0; id < shrinker.nodes(); ++id) {
      auto candidate = shrinker.around(id, depth);
      if (candidate && fails(*candidate)) return std::move(*candidate);
    }
  }
  RandomProgram whole{.program = extract(*failing.program.graph, failing.program.roots),
                      .feeds = failing.feeds,
                      .outputs = failing.outputs,
                      .expected = failing.expected};
  return whole;
}

}  // namespace weft::verify
