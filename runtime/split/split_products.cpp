#include "weft/runtime/split/split_products.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/runtime/sparse/resident_ops.h"

namespace weft {
namespace {

/// A weight, and the load that decides how its rows are sharded.
using CutWeight = std::pair<ValueId, const void*>;

/// The weights that gradients are added to.
std::set<CutWeight> updated_weights(const Program& program) {
  std::set<CutWeight> updated;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    const Node& node = program.graph->node(id);
    const auto* gradient = node.op.as<ResidentGradient>();
    if (gradient != nullptr && gradient->accumulates)
      updated.emplace(node.inputs[0], gradient->layout.column_load.get());
  }
  return updated;
}

/// Whether the shards can be made to have equal loads, and the terms are small compared with the rows of w
/// that they save. If nothing is known about the columns, as for a fed matrix, the most frequent ones may all
/// lie in one shard.
bool pays(const ResidentMatMul& product, std::int64_t rows, int shards) {
  constexpr std::int64_t kSmaller = 2;
  const RowLayout& layout = product.layout;
  if (layout.column_load == nullptr || kSmaller * shards * rows > layout.columns) return false;
  const Cut cut = column_cut(layout);
  for (int shard = 0; shard < shards; ++shard) {
    const Range columns = share(cut, shards, shard);
    if (columns.begin == columns.end) return false;
  }
  return true;
}

/// activation(scale * X w + bias) from the terms of scale * X w.
Value sum_of(Graph& target, const ResidentMatMul& product, int shards, std::span<const Value> inputs,
             const Node& node) {
  std::vector<Value> operands(inputs.begin(), inputs.end());
  if (product.bias) operands.pop_back();
  if (product.form == RowsForm::numbered) operands[1] = operand(operands[1], 0);  // the terms check them
  const ResidentSplitMatMul split{
      .layout = product.layout, .form = product.form, .terms = shards, .scale = product.scale};
  const auto terms = target.outputs_of(target.add(split, operands, node.where, node.name));
  Value sum = terms[0];
  const auto add = [&](const Value& more) { sum = emit(target, Add{}, {{sum, more}}, node); };
  std::for_each(terms.begin() + 1, terms.end(), add);
  if (product.bias) add(inputs.back());
  return product.activation.op ? emit(target, *product.activation.op, {{sum}}, node) : sum;
}

Program split(const Program& program, int shards) {
  const Graph& graph = *program.graph;
  const auto updated = updated_weights(program);
  const auto is_split = [&](const Node& node) {
    const auto* product = node.op.as<ResidentMatMul>();
    if (product == nullptr || product->form == RowsForm::store) return false;
    const ValueId weight = node.inputs[inputs_of(product->form)];
    return updated.contains({weight, product->layout.column_load.get()}) &&
           pays(*product, node.outputs[0].shape[0].size(), shards);
  };
  Program result =
      rewrite(graph, program.roots,
              [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                if (!is_split(node)) return {};
                return {sum_of(target, *node.op.as<ResidentMatMul>(), shards, inputs, node)};
              });
  return extract(*result.graph, result.roots);
}

}  // namespace

Pass split_products(int shards) {
  return {"split_products", [shards](const Program& program) { return split(program, shards); }};
}

}  // namespace weft
