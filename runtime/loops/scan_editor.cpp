#include "weft/runtime/loops/scan_editor.h"

#include <algorithm>

#include "weft/graph/program.h"

namespace weft {

ScanEditor::ScanEditor(const Scan& scan, std::span<const Value> inputs)
    : scan_(scan), outer_(&inputs[0].graph()) {
  const auto first_captured = static_cast<std::size_t>(scan.states + scan.sequences);
  std::vector<Value> arguments;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value inside = builder_.argument(scan.body.arguments[i]);
    arguments.push_back(inside);
    auto& list = i < static_cast<std::size_t>(scan.states) ? states
                 : i < first_captured                      ? sequences
                                                           : captured;
    list.push_back({inside, inputs[i]});
  }
  const std::vector<Value> results = inline_body(scan.body, body(), arguments);
  next.assign(results.begin(), results.begin() + scan.states);
  outputs.assign(results.begin() + scan.states, results.end());
}

namespace {

Value argument_for(std::vector<ScanEditor::Argument>& list, const Value& outside, const TensorType& type,
                   BodyBuilder& builder) {
  const auto found = std::ranges::find(list, outside, &ScanEditor::Argument::outside);
  if (found != list.end()) return found->inside;
  list.push_back({builder.argument(type), outside});
  return list.back().inside;
}

}  // namespace

Value ScanEditor::sequence(const Value& outside) {
  const Shape& shape = outside.shape();
  return argument_for(sequences, outside, {outside.dtype(), Shape({shape.begin() + 1, shape.end()})},
                      builder_);
}

Value ScanEditor::capture(const Value& outside) {
  return argument_for(captured, outside, outside.type(), builder_);
}

std::size_t ScanEditor::stack(const Value& inside) {
  const auto found = std::ranges::find(outputs, inside);
  if (found == outputs.end()) {
    outputs.push_back(inside);
    return outputs.size() - 1;
  }
  return static_cast<std::size_t>(found - outputs.begin());
}

std::vector<Value> ScanEditor::finish(const Node& origin) const {
  Graph& body = next.empty() ? outputs[0].graph() : next[0].graph();
  std::vector<Value> results = next;
  results.insert(results.end(), outputs.begin(), outputs.end());
  // What is read once the replacements are made.
  Images reached;
  for (const Replacement& replacement : replaced_) reached[id_of(replacement.inside)] = replacement.by;
  std::vector<bool> read(body.size(), false);
  std::vector<ValueId> open;
  for (const Value& result : results) open.push_back(id_of(result));
  std::vector<bool> seen(body.size(), false);
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (const auto found = reached.find(id); found != reached.end()) {
      open.push_back(id_of(found->second));
      continue;
    }
    read[id.node] = true;
    if (seen[id.node]) continue;
    seen[id.node] = true;
    const auto& inputs = body.node(id.node).inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }

  BodyBuilder builder;
  Images images;
  std::vector<Value> inputs;
  Scan scan = scan_;
  const auto add = [&](const std::vector<Argument>& list, bool all) {
    std::int64_t count = 0;
    for (const Argument& argument : list) {
      if (!all && !read[argument.inside.node()]) continue;
      images[id_of(argument.inside)] = builder.argument(argument.inside.type());
      inputs.push_back(argument.outside);
      ++count;
    }
    return count;
  };
  scan.states = add(states, true);
  scan.sequences = add(sequences, false);
  add(captured, false);
  for (const Replacement& replacement : replaced_) {
    if (read[replacement.by.node()])
      images[id_of(replacement.inside)] = graft(builder.graph(), body, {&replacement.by, 1}, images)[0];
  }
  scan.body = builder.finish(graft(builder.graph(), body, results, images));
  return outer().outputs_of(outer().add(scan, inputs, origin.where, origin.name));
}

std::vector<Depends> dependences(ScanEditor& editor) {
  const Graph& graph = editor.body();
  std::vector<Depends> depends(graph.size(), Depends::on_constants);
  for (const auto& argument : editor.states) depends[argument.inside.node()] = Depends::on_states;
  for (const auto& argument : editor.sequences) depends[argument.inside.node()] = Depends::on_sequences;
  for (const auto& argument : editor.captured) depends[argument.inside.node()] = Depends::on_captured;
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const ValueId& input : graph.node(id).inputs)
      depends[id] = std::max(depends[id], depends[input.node]);
  }
  return depends;
}

}  // namespace weft
