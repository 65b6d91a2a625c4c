#include <algorithm>
#include <unordered_map>

#include "weft/graph/passes/standard.h"

namespace weft {
namespace {

struct Expression {
  Op op;
  std::vector<ValueId> inputs;
  friend bool operator==(const Expression&, const Expression&) = default;
};

struct ExpressionHash {
  std::size_t operator()(const Expression& expression) const {
    std::size_t hash = expression.op.hash();
    for (const ValueId& input : expression.inputs)
      hash = (hash ^ input.node) * 0x100000001B3ULL + input.output;
    return hash;
  }
};

Expression expression_of(const Op& op, std::span<const Value> inputs) {
  Expression expression{op, {}};
  for (const Value& input : inputs) expression.inputs.push_back({input.node(), input.output()});
  if (op.traits().commutative) std::ranges::sort(expression.inputs);
  return expression;
}

}  // namespace

Pass common_subexpressions() {
  return {"common_subexpressions", [](const Program& program) {
            std::unordered_map<Expression, NodeId, ExpressionHash> seen;
            return rewrite(
                *program.graph, program.roots,
                [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                  if (node.op.traits().stateful) return {};
                  auto expression = expression_of(node.op, inputs);
                  if (auto found = seen.find(expression); found != seen.end()) {
                    return target.outputs_of(found->second);
                  }
                  const NodeId made = target.add(node.op, inputs, node.where, node.name);
                  seen.emplace(std::move(expression), made);
                  return target.outputs_of(made);
                });
          }};
}

}  // namespace weft
