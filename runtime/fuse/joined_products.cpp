#include <algorithm>
#include <map>

#include "weft/graph/passes/rule.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/runtime/fuse/contract.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/fuse/sum_trees.h"

namespace weft {
namespace {

/// Whether a node is a^T b of two matrices.
bool is_inner_product(const Graph& graph, const Node& node) {
  const auto* product = node.op.as<MatMul>();
  return product != nullptr && product->transpose_a && !product->transpose_b &&
         graph.type(node.inputs[0]).shape.rank() == 2 && graph.type(node.inputs[1]).shape.rank() == 2;
}

/// The joined product of pairs a, b that follow each other in `pairs`.
Value joined(std::span<const Value> pairs) {
  std::vector<Value> left;
  std::vector<Value> right;
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    left.push_back(pairs[i]);
    right.push_back(pairs[i + 1]);
  }
  return matmul(concat(left), concat(right), true, false);
}

std::optional<Contraction> match_products(const Graph& graph, const SumTree& tree,
                                          std::span<const int> uses) {
  // Beyond the copies of the operands it must pay that the result is written once.
  constexpr std::size_t kFewest = 4;
  Contraction contraction{.nodes = tree.sums, .inputs = {}, .outputs = {{tree.root, 0}}, .emit = {}};
  std::vector<ValueId> others;
  for (const ValueId& leaf : tree.leaves) {
    const Node& node = graph.node(leaf.node);
    if (uses[leaf.node] == 1 && is_inner_product(graph, node)) {
      contraction.nodes.push_back(leaf.node);
      contraction.inputs.insert(contraction.inputs.end(), node.inputs.begin(), node.inputs.end());
    } else {
      others.push_back(leaf);
    }
  }
  const std::size_t operands = contraction.inputs.size();
  if (operands < 2 * kFewest) return std::nullopt;
  contraction.inputs.insert(contraction.inputs.end(), others.begin(), others.end());
  contraction.emit = [operands, &node = graph.node(tree.root)](
                         Graph& target, std::span<const Value> inputs) -> std::vector<Value> {
    const Scope origin(target, node.name.empty() ? node.op.name() : node.name, node.where);
    const auto rest = inputs.subspan(operands);
    std::vector<Value> terms(rest.begin(), rest.end());
    terms.push_back(joined(inputs.first(operands)));
    return {sum_of_terms(terms)};
  };
  return contraction;
}

Program with_joined_products(const Program& program) {
  const std::vector<int> uses = count_uses(program);
  std::vector<Contraction> found;
  for (const SumTree& tree : sum_trees(program, uses)) {
    if (auto match = match_products(*program.graph, tree, uses)) found.push_back(std::move(*match));
  }
  return contract(program, found);
}

}  // namespace

Pass join_products() { return {"join_products", with_joined_products}; }

}  // namespace weft
