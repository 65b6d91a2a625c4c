#include <map>
#include <optional>
#include <set>

#include "weft/runtime/loops/loops.h"
#include "weft/runtime/loops/prune_control.h"
#include "weft/runtime/loops/scan_editor.h"

namespace weft {
namespace {

/// The values that some node or root reads.
std::set<ValueId> read_values(const Program& program) {
  std::set<ValueId> read;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    const auto& inputs = program.graph->node(id).inputs;
    read.insert(inputs.begin(), inputs.end());
  }
  for (const Value& root : program.roots) read.insert(id_of(root));
  return read;
}

/// Which states are read in the end, or lead to something that is.
std::vector<bool> live_states(ScanEditor& editor, const std::vector<Value>& wanted,
                              const std::vector<bool>& read) {
  std::vector<bool> live(editor.states.size(), false);
  for (bool grows = true; grows;) {
    grows = false;
    std::vector<Value> roots = wanted;
    for (std::size_t i = 0; i < live.size(); ++i) {
      if (live[i]) roots.push_back(editor.next[i]);
    }
    std::vector<bool> leads(editor.body().size(), false);
    for (const NodeId id : needed_nodes(editor.body(), roots)) leads[id] = true;
    for (std::size_t i = 0; i < live.size(); ++i) {
      if (live[i] || !(read[i] || leads[editor.states[i].inside.node()])) continue;
      live[i] = true;
      grows = true;
    }
  }
  return live;
}

/// The outputs of a scan without what nothing needs; `read` says of each output whether something does.
std::vector<Value> pruned(ScanEditor& editor, const Node& node, const std::vector<bool>& read) {
  const std::vector<ScanEditor::Argument> states = editor.states;
  const std::vector<Value> next = editor.next;
  const std::vector<Value> stacked = editor.outputs;
  editor.outputs.clear();
  for (std::size_t i = 0; i < stacked.size(); ++i) {
    if (read[states.size() + i]) editor.stack(stacked[i]);
  }
  for (const ScanEditor::Argument& argument : editor.captured) {
    const Op& op = argument.outside.graph().node(argument.outside.node()).op;
    const Tensor* number = op.constant();
    if (number == nullptr || number->elements() != 1) continue;  // of large ones the outside may know more
    editor.replace(argument.inside, editor.body().value({editor.body().add(op, {}, {}), 0}));
  }
  const std::vector<bool> live = live_states(editor, editor.outputs, read);
  editor.states.clear();
  editor.next.clear();
  std::vector<std::optional<std::size_t>> place(states.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (next[i] == states[i].inside) {
      editor.replace(states[i].inside, editor.capture(states[i].outside));
    } else if (live[i]) {
      place[i] = editor.states.size();
      editor.states.push_back(states[i]);
      editor.next.push_back(next[i]);
    }
  }
  std::vector<Value> made;
  if (!editor.next.empty() || !editor.outputs.empty()) made = editor.finish(node);
  std::vector<Value> outputs;
  for (std::size_t i = 0; i < states.size(); ++i)
    outputs.push_back(place[i] ? made[place[i].value_or(0)] : states[i].outside);
  for (std::size_t i = 0; i < stacked.size(); ++i) {
    const bool wanted = read[states.size() + i];
    outputs.push_back(wanted ? made[editor.next.size() + editor.stack(stacked[i])]
                             : filler(editor.outer(), node.outputs[states.size() + i]));
  }
  return outputs;
}

/// How many inputs and outputs the loops and branches of a program have.
std::size_t size_of_loops(const Program& program) {
  std::size_t size = 0;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    const Node& node = program.graph->node(id);
    if (!node.op.bodies().empty()) size += node.inputs.size() + node.outputs.size();
  }
  return size;
}

Program prune_once(const Program& program) {
  const std::set<ValueId> read = read_values(program);
  std::map<const Node*, NodeId> ids;
  for (NodeId id = 0; id < program.graph->size(); ++id) ids[&program.graph->node(id)] = id;
  const Program made =
      rewrite(*program.graph, program.roots,
              [&](Graph&, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                if (inputs.empty() || node.op.bodies().empty()) return {};
                std::vector<bool> outputs;
                for (std::uint32_t i = 0; i < node.outputs.size(); ++i)
                  outputs.push_back(read.contains({ids.at(&node), i}));
                const auto* scan = node.op.as<Scan>();
                if (scan == nullptr) return pruned_control(node, inputs, outputs);
                ScanEditor editor(*scan, inputs);
                return pruned(editor, node, outputs);
              });
  return extract(*made.graph, made.roots);
}

/// What one scan no longer reads, another need not compute.
Program with_pruned_scans(const Program& program) {
  std::size_t before = size_of_loops(program);
  Program made = prune_once(program);
  for (std::size_t after = size_of_loops(made); after < before; after = size_of_loops(made)) {
    before = after;
    made = prune_once(made);
  }
  return made;
}

}  // namespace

Pass prune_scans() { return {"prune_scans", with_pruned_scans}; }

}  // namespace weft
