#include "weft/runtime/split/split_convolutions.h"

#include <vector>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/runtime/ops/image_ops.h"

namespace weft {
namespace {

bool can_be_split(const Op& op) {
  if (const auto* last = op.as<ChannelsLastConvolution>()) return is_weight_gradient(last->convolution.op);
  if (const auto* mixed = op.as<InterleavedConvolution>()) return is_weight_gradient(mixed->convolution.op);
  return is_weight_gradient(op);
}

/// Whether each shard has pictures, and all terms together are smaller than the pictures.
bool terms_pay(const Graph& graph, const Node& node, int shards) {
  const Shape& x = graph.type(node.inputs[0]).shape;
  const Shape& dy = graph.type(node.inputs[1]).shape;
  return x[0].size() >= shards && shards * node.outputs[0].shape.elements() < x.elements() + dy.elements();
}

Value sum_of_terms(Graph& target, const Node& node, std::span<const Value> inputs, int shards) {
  const WeightGradientTerms split{.convolution = {node.op}, .terms = shards};
  const auto terms = target.outputs_of(target.add(split, inputs, node.where, node.name));
  Value sum = terms[0];
  for (const Value& term : std::span(terms).subspan(1)) sum = emit(target, Add{}, {{sum, term}}, node);
  return sum;
}

Program split_over_batch(const Program& program, int shards) {
  const Graph& graph = *program.graph;
  Program result =
      rewrite(graph, program.roots,
              [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                if (!can_be_split(node.op) || !terms_pay(graph, node, shards)) return {};
                return {sum_of_terms(target, node, inputs, shards)};
              });
  return extract(*result.graph, result.roots);
}

}  // namespace

Pass split_convolutions(int shards) {
  return {"split_convolutions",
          [shards](const Program& program) { return split_over_batch(program, shards); }};
}

}  // namespace weft
