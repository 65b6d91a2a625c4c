#include <map>
#include <utility>

#include "weft/graph/passes/rule.h"
#include "weft/ops/gather.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/ops/row_ops.h"

namespace weft {
namespace {

/// Indices that steps of their own check, before anything is updated; the same ones once for tables of a
/// size.
class IndexChecks {
 public:
  Value of(const Value& indices, const Value& table) {
    const std::int64_t rows = table.shape()[0].size();
    Value& check = made_[{{indices.node(), indices.output()}, rows}];
    if (!check.has_value()) check = apply(CheckedIndices{.rows = rows}, indices);
    return check;
  }

 private:
  std::map<std::pair<ValueId, std::int64_t>, Value> made_;
};

/// Rows of a scatter_add that are gathered by the indices that scattered them.
std::vector<Value> sum_equal_rows(Graph& target, const Node& node, std::span<const Value> inputs,
                                  IndexChecks& checks) {
  const Node& maker = producer(inputs[0]);
  if (!maker.op.is<ScatterAdd>() || operand(inputs[0], 1) != inputs[1]) return {};
  if (node.outputs[0].shape.elements() == 0) return {};
  const Value parts[] = {operand(inputs[0], 0), checks.of(inputs[1], inputs[0])};
  return {emit(target, SumEqualRows{}, parts, node)};
}

/// Rows of a table that a scatter_nd sets at indices of one number each.
std::vector<Value> replace_rows(Graph& target, const Node& node, std::span<const Value> inputs,
                                IndexChecks& checks) {
  const Shape& places = inputs[1].shape();
  if (!places[places.rank() - 1].is(1) || inputs[0].shape().elements() == 0) return {};
  const Shape list(std::vector<Dim>(places.begin(), places.end() - 1));
  // Where an axis was put behind the indices, they are what other steps check too.
  const bool widened = producer(inputs[1]).op.is<Reshape>() && operand(inputs[1], 0).shape() == list;
  const Value indices = widened ? operand(inputs[1], 0) : reshape(inputs[1], list);
  const Value parts[] = {inputs[0], inputs[2], checks.of(indices, inputs[0])};
  return {emit(target, ReplaceRows{}, parts, node)};
}

}  // namespace

Pass fuse_rows() {
  return {"fuse_rows", [](const Program& program) {
            IndexChecks checks;
            const Program fused = rewrite(*program.graph, program.roots,
                                          [&checks](Graph& target, const Node& node,
                                                    std::span<const Value> inputs) -> std::vector<Value> {
                                            if (node.op.is<Gather>())
                                              return sum_equal_rows(target, node, inputs, checks);
                                            const auto* scatter = node.op.as<ScatterNd>();
                                            if (scatter == nullptr || scatter->reduction != Reduction::set)
                                              return {};
                                            return replace_rows(target, node, inputs, checks);
                                          });
            return extract(*fused.graph, fused.roots);
          }};
}

}  // namespace weft
