#include "weft/runtime/fuse/contract.h"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>

namespace weft {
namespace {

/// A future node of the new program, and the units that wait for it.
struct Unit {
  NodeId node = 0;  // the node itself, or the youngest of a contraction
  const Contraction* contraction = nullptr;
  std::size_t waits = 0;
  std::vector<NodeId> next;  // the units that read it, by their nodes
};

class Contractor {
 public:
  Contractor(const Program& program, std::span<const Contraction> contractions)
      : program_(program), graph_(*program.graph), unit_of_(graph_.size()), units_(graph_.size()) {
    for (NodeId id = 0; id < graph_.size(); ++id) units_[id].node = unit_of_[id] = id;
    for (const Contraction& contraction : contractions) {
      const NodeId youngest = std::ranges::max(contraction.nodes);
      for (const NodeId id : contraction.nodes) unit_of_[id] = youngest;
      units_[youngest].contraction = &contraction;
    }
  }

  Program run() {
    std::size_t left = find_orders();
    while (!ready_.empty()) {
      const NodeId id = ready_.top();
      ready_.pop();
      emit(units_[id]);
      --left;
      for (const NodeId next : units_[id].next) {
        if (--units_[next].waits == 0) ready_.push(next);
      }
    }
    if (left > 0)
      throw Error(ErrorCode::internal, "a fusing rule made nodes wait for each other in a circle");
    for (const Value& root : program_.roots)
      result_.roots.push_back(images_.at({root.node(), root.output()}));
    return extract(*result_.graph, result_.roots);
  }

 private:
  std::span<const ValueId> inputs_of(const Unit& unit) const {
    return unit.contraction != nullptr ? unit.contraction->inputs : graph_.node(unit.node).inputs;
  }

  /// Fills the units' orders; returns how many units there are.
  std::size_t find_orders() {
    std::size_t count = 0;
    for (const NodeId id : needed_nodes(graph_, program_.roots)) {
      if (unit_of_[id] != id) continue;
      ++count;
      for (const ValueId& input : inputs_of(units_[id])) {
        units_[unit_of_[input.node]].next.push_back(id);
        ++units_[id].waits;
      }
      if (units_[id].waits == 0) ready_.push(id);
    }
    return count;
  }

  void emit(const Unit& unit) {
    std::vector<Value> inputs;
    for (const ValueId& input : inputs_of(unit)) inputs.push_back(images_.at(input));
    const Node& node = graph_.node(unit.node);
    Graph& target = *result_.graph;
    if (unit.contraction == nullptr) {
      const auto outputs = target.outputs_of(target.add(node.op, inputs, node.where, node.name));
      for (std::uint32_t i = 0; i < outputs.size(); ++i) images_[{unit.node, i}] = outputs[i];
      return;
    }
    const auto outputs = unit.contraction->emit(target, inputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) images_[unit.contraction->outputs[i]] = outputs[i];
  }

  const Program& program_;
  const Graph& graph_;
  std::vector<NodeId> unit_of_;  // by node: the unit that it is in
  std::vector<Unit> units_;      // by node, for the youngest node of each unit
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready_;
  Program result_{std::make_unique<Graph>(), {}};
  std::map<ValueId, Value> images_;
};

}  // namespace

Program contract(const Program& program, std::span<const Contraction> contractions) {
  return Contractor(program, contractions).run();
}

}  // namespace weft
