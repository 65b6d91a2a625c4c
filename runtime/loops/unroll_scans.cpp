#include <algorithm>

#include "weft/runtime/loops/loops.h"
#include "weft/runtime/ops/unrolled_scan.h"

namespace weft {
namespace {

/// `count` steps of a scan as one body.
Body block_of(const Scan& scan, std::int64_t count) {
  const auto states = static_cast<std::size_t>(scan.states);
  const auto sequences = static_cast<std::size_t>(scan.sequences);
  const std::vector<TensorType>& types = scan.body.arguments;
  BodyBuilder builder;
  const auto add = [&](std::size_t begin, std::size_t end) {
    std::vector<Value> made;
    for (std::size_t i = begin; i < end; ++i) made.push_back(builder.argument(types[i]));
    return made;
  };
  std::vector<Value> known = add(0, states);
  std::vector<std::vector<Value>> elements;
  for (std::int64_t step = 0; step < count; ++step) elements.push_back(add(states, states + sequences));
  const std::vector<Value> captured = add(states + sequences, types.size());
  std::vector<Value> outputs;
  for (const std::vector<Value>& of_step : elements) {
    std::vector<Value> arguments = known;
    arguments.insert(arguments.end(), of_step.begin(), of_step.end());
    arguments.insert(arguments.end(), captured.begin(), captured.end());
    const std::vector<Value> results = inline_body(scan.body, builder.graph(), arguments);
    known.assign(results.begin(), results.begin() + scan.states);
    outputs.insert(outputs.end(), results.begin() + scan.states, results.end());
  }
  known.insert(known.end(), outputs.begin(), outputs.end());
  return builder.finish(known);
}

Program with_unrolled_scans(const Program& program) {
  return rewrite(*program.graph, program.roots,
                 [](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                   const auto* scan = node.op.as<Scan>();
                   if (scan == nullptr) return {};
                   const std::int64_t count = std::min(scan->unroll, scan->length.size());
                   if (count < 2) return {};
                   const UnrolledScan op{.block = block_of(*scan, count),
                                         .single = scan->body,
                                         .states = scan->states,
                                         .sequences = scan->sequences,
                                         .length = scan->length,
                                         .reverse = scan->reverse,
                                         .unroll = count};
                   return target.outputs_of(target.add(op, inputs, node.where, node.name));
                 });
}

}  // namespace

Pass unroll_scans() { return {"unroll_scans", with_unrolled_scans}; }

}  // namespace weft
