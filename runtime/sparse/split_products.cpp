#include "weft/runtime/sparse/split_products.h"

#include <algorithm>
#include <optional>
#include <set>

#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/runtime/fuse/rule.h"
#include "weft/runtime/sparse/resident_ops.h"

namespace weft {
namespace {

/// The parameters that a gradient is added to, and the data of that gradient.
std::set<std::pair<NodeId, NodeId>> updated_weights(const Program& program) {
  std::set<std::pair<NodeId, NodeId>> updated;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    const Node& node = program.graph->node(id);
    const auto* gradient = node.op.as<ResidentGradient>();
    if (gradient != nullptr && gradient->accumulates && gradient->form == RowsForm::numbered)
      updated.emplace(node.inputs[0].node, node.inputs[1].node);
  }
  return updated;
}

/// Whether every part has columns, and the terms are small compared with the rows of w that they save.
bool pays(const ResidentMatMul& product, std::int64_t rows, int parts) {
  constexpr std::int64_t kSmaller = 2;
  if (kSmaller * parts * rows > product.layout.columns) return false;
  const Cut cut = column_cut(product.layout);
  for (int part = 0; part < parts; ++part) {
    const Range columns = share(cut, parts, part);
    if (columns.begin == columns.end) return false;
  }
  return true;
}

/// activation(scale * X w + bias) from the terms of scale * X w.
Value sum_of(Graph& target, const ResidentMatMul& product, int parts, std::span<const Value> inputs,
             const Node& node) {
  const ResidentSplitMatMul split{.layout = product.layout, .terms = parts, .scale = product.scale};
  const Value rows = operand(inputs[1], 0);  // which the terms check
  const Value operands[] = {inputs[0], rows, inputs[2]};
  const auto terms = target.outputs_of(target.add(split, operands, node.where, node.name));
  Value sum = terms[0];
  const auto add = [&](const Value& more) { sum = emit(target, Add{}, {{sum, more}}, node); };
  std::for_each(terms.begin() + 1, terms.end(), add);
  if (product.bias) add(inputs.back());
  return product.activation.op ? emit(target, *product.activation.op, {{sum}}, node) : sum;
}

Program split(const Program& program, int parts) {
  const Graph& graph = *program.graph;
  const auto updated = updated_weights(program);
  const auto is_split = [&](const Node& node) {
    const auto* product = node.op.as<ResidentMatMul>();
    return product != nullptr && product->form == RowsForm::numbered &&
           graph.node(node.inputs[1].node).op.is<CheckedRows>() &&
           updated.contains({node.inputs[2].node, node.inputs[0].node}) &&
           pays(*product, node.outputs[0].shape[0].size(), parts);
  };
  Program result =
      rewrite(graph, program.roots,
              [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                if (!is_split(node)) return {};
                return {sum_of(target, *node.op.as<ResidentMatMul>(), parts, inputs, node)};
              });
  return extract(*result.graph, result.roots);
}

}  // namespace

Pass split_products(int parts) {
  return {"split_products", [parts](const Program& program) { return split(program, parts); }};
}

}  // namespace weft
