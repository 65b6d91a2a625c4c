#include "weft/runtime/split/split_products.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/runtime/ops/gemm.h"

namespace weft {
namespace {

/// A weight, and the load that decides how its rows are sharded.
using CutWeight = std::pair<ValueId, const void*>;

/// The weights that gradients are added to.
std::set<CutWeight> updated_weights(const Program& program) {
  std::set<CutWeight> updated;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    const Node& node = program.graph->node(id);
    const auto formula = formula_of(node.op);
    if (formula && formula->is_update() && formula->left.is_stored())
      updated.emplace(node.inputs[0], formula->left.rows.column_load.get());
  }
  return updated;
}

/// Whether the shards can be made to have equal loads, and the terms are small compared with the rows of w
/// that they save. If nothing is known about the columns, as for a fed matrix, the most frequent ones may all
/// lie in one shard.
bool pays(const GemmFormula& split, std::int64_t rows) {
  constexpr std::int64_t kSmaller = 2;
  const RowLayout& layout = split.left.rows;
  if (layout.column_load == nullptr || kSmaller * split.terms * rows > layout.columns) return false;
  for (int term = 0; term < static_cast<int>(split.terms); ++term) {
    const Range columns = columns_of_term(split, term);
    if (columns.begin == columns.end) return false;
  }
  return true;
}

/// The formula of the terms alone.
GemmFormula terms_of(GemmFormula whole, int shards) {
  whole.addend = Addend::nothing;
  whole.activation = {};
  whole.terms = shards;
  return whole;
}

/// activation(the sum of the terms + bias).
Value sum_of(Graph& target, const GemmFormula& whole, int shards, std::span<const Value> inputs,
             const Node& node) {
  const bool bias = whole.addend == Addend::bias;
  std::vector<Value> operands(inputs.begin(), bias ? inputs.end() - 1 : inputs.end());
  const Op split = with_given_numbers(terms_of(whole, shards), operands);
  const auto terms = target.outputs_of(target.add(split, operands, node.where, node.name));
  Value sum = terms[0];
  const auto add = [&](const Value& more) { sum = emit(target, Add{}, {{sum, more}}, node); };
  std::for_each(terms.begin() + 1, terms.end(), add);
  if (bias) add(inputs.back());
  return whole.activation.op ? emit(target, *whole.activation.op, {{sum}}, node) : sum;
}

Program split(const Program& program, int shards) {
  const Graph& graph = *program.graph;
  const auto updated = updated_weights(program);
  const auto is_split = [&](const Node& node, const GemmFormula& whole) {
    const bool multiplies =
        whole.is_plain() && whole.is_whole() && whole.addend != Addend::accumulator && whole.left.is_stored();
    return multiplies && updated.contains({node.inputs[whole.b()], whole.left.rows.column_load.get()}) &&
           pays(terms_of(whole, shards), node.outputs[0].shape[0].size());
  };
  Program result =
      rewrite(graph, program.roots,
              [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                const auto whole = formula_of(node.op);
                if (!whole || !is_split(node, *whole)) return {};
                return {sum_of(target, *whole, shards, inputs, node)};
              });
  return extract(*result.graph, result.roots);
}

}  // namespace

Pass split_products(int shards) {
  return {"split_products", [shards](const Program& program) { return split(program, shards); }};
}

}  // namespace weft
