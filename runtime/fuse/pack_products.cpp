#include <map>
#include <utility>

#include "weft/graph/passes/rule.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/ops/fixed_values.h"
#include "weft/runtime/ops/gemm.h"

namespace weft {

std::optional<Program> pack_products(const Program& program, std::span<const KernelEntry> own, int shards,
                                     std::size_t first_fixed) {
  if (changes_session(program)) return std::nullopt;
  const Graph& graph = *program.graph;
  const std::vector<bool> fixed = fixed_nodes(program, first_fixed);
  std::map<ValueId, std::pair<BlockedOrder, Value>> packed;  // of each weight
  const auto emitted = [&](Graph& target, const Node& node,
                           std::span<const Value> inputs) -> std::vector<Value> {
    const auto formula = formula_of(node.op);
    if (!formula || !formula->is_dense() || formula->addend == Addend::accumulator ||
        !fixed[node.inputs[1].node] || fixed[node.inputs[0].node])
      return {};
    std::vector<TensorType> types;
    for (const ValueId& input : node.inputs) types.push_back(graph.type(input));
    const KernelSite site{.op = node.op, .inputs = types, .outputs = node.outputs};
    if (any_accepts(own, site)) return {};
    const auto made = packed_formula(site, shards);
    if (!made) return {};
    auto& [order, weight] = packed[node.inputs[1]];
    if (!weight.has_value() || order != made->packed.order) {
      order = made->packed.order;
      weight = emit(target, PackWeights{order}, {{inputs[1]}}, node);
    }
    std::vector<Value> operands(inputs.begin(), inputs.end());
    operands[1] = weight;
    return {emit(target, Gemm{*made}, operands, node)};
  };
  Program made = rewrite(graph, program.roots, emitted);
  if (packed.empty()) return std::nullopt;
  return extract(*made.graph, made.roots);
}

}  // namespace weft
