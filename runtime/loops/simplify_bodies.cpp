#include "weft/graph/passes/standard.h"
#include "weft/ops/bodies.h"
#include "weft/runtime/loops/loops.h"

namespace weft {
namespace {

Program with_simple_bodies(const Program& program) {
  return rewrite(*program.graph, program.roots,
                 [](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                   std::vector<Body> bodies = node.op.bodies();
                   if (bodies.empty()) return {};
                   for (Body& body : bodies) {
                     const Program simple = simplify().run(with_simple_bodies(*body.program));
                     body.program = std::make_shared<const Program>(common_subexpressions().run(simple));
                   }
                   const Op op = node.op.with_bodies(std::move(bodies));
                   return target.outputs_of(target.add(op, inputs, node.where, node.name));
                 });
}

}  // namespace

Pass simplify_bodies() { return {"simplify_bodies", with_simple_bodies}; }

}  // namespace weft
