#include "weft/runtime/kernels/elementwise/division.h"

#include <algorithm>
#include <map>
#include <set>

#include "weft/ops/source.h"

namespace weft {
namespace {

constexpr std::size_t kMostSteps = 64;  // of a chain, so that compiling stays linear

class Division {
 public:
  Division(const ElementwiseBody& body, const std::function<bool(NodeId)>& is_scalar)
      : graph_(*body.program->graph), is_scalar_(is_scalar), readers_(graph_.size()), root_(graph_.size()) {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      for (const ValueId& input : graph_.node(id).inputs) readers_[input.node].push_back(id);
    }
    for (const Value& root : body.program->roots) root_[root.node()] = true;
    done_.resize(graph_.size());
    alone_.resize(graph_.size());
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (graph_.node(id).inputs.empty()) {
        done_[id] = true;
      } else {
        waiting_.push_back(id);
        alone_[id] = !can_be_step(graph_.node(id).op, types_of_inputs(id), dtype(id));
      }
    }
  }

  std::vector<Part> parts() && {
    while (!waiting_.empty()) {
      if (const std::vector<NodeId> nodes = next_chain(); !nodes.empty()) {
        add_chain(nodes);
      } else {
        add_ready_nodes();
      }
    }
    return std::move(parts_);
  }

 private:
  DType dtype(NodeId id) const { return graph_.node(id).outputs[0].dtype; }
  std::vector<DType> types_of_inputs(NodeId id) const {
    std::vector<DType> types;
    for (const ValueId& input : graph_.node(id).inputs) types.push_back(dtype(input.node));
    return types;
  }

  /// The waiting nodes that can be steps and wait for nothing but each other. Where f32 stands beside f64,
  /// truth values have no one width of lanes, and stay out.
  std::vector<NodeId> next_chain() {
    while (true) {
      std::vector<NodeId> nodes;
      std::set<NodeId> inside;
      for (const NodeId id : waiting_) {
        if (nodes.size() == kMostSteps) break;
        const auto ready = [&](const ValueId& input) {
          return done_[input.node] || inside.contains(input.node);
        };
        if (alone_[id] || !std::ranges::all_of(graph_.node(id).inputs, ready)) continue;
        nodes.push_back(id);
        inside.insert(id);
      }
      const auto handles_truths = [&](NodeId id) { return dtype(id) == DType::boolean || reads_truths(id); };
      if (!mixes_floats(nodes)) return nodes;
      const auto first = std::ranges::find_if(nodes, handles_truths);
      if (first == nodes.end()) return nodes;
      alone_[*first] = true;
    }
  }

  bool reads_truths(NodeId id) const {
    return std::ranges::any_of(graph_.node(id).inputs,
                               [&](const ValueId& input) { return dtype(input.node) == DType::boolean; });
  }

  /// Whether f32 and f64 stand side by side, so that there is no one width for the lanes of truth values.
  bool mixes_floats(const std::vector<NodeId>& nodes) const {
    bool single = false;
    bool twice = false;
    const auto look_at = [&](NodeId id) {
      single |= dtype(id) == DType::f32;
      twice |= dtype(id) == DType::f64;
    };
    for (const NodeId id : nodes) {
      look_at(id);
      for (const ValueId& input : graph_.node(id).inputs) look_at(input.node);
    }
    return single && twice;
  }

  void add_chain(const std::vector<NodeId>& nodes) {
    Part part{.nodes = nodes, .code = nullptr, .operands = {}, .results = {}};
    const auto inside = [&](NodeId id) { return std::ranges::find(nodes, id) != nodes.end(); };
    Chain chain;
    std::map<NodeId, std::size_t> value;
    for (const NodeId id : nodes) {
      for (const ValueId& input : graph_.node(id).inputs) {
        if (inside(input.node) || value.contains(input.node)) continue;
        value[input.node] = part.operands.size();
        part.operands.push_back(input.node);
        chain.operands.push_back({.dtype = dtype(input.node), .scalar = is_scalar_(input.node)});
      }
    }
    for (const NodeId id : nodes) {
      ChainStep step{.op = graph_.node(id).op, .inputs = {}, .dtype = dtype(id)};
      for (const ValueId& input : graph_.node(id).inputs) step.inputs.push_back(value.at(input.node));
      value[id] = chain.values();
      chain.steps.push_back(std::move(step));
      const bool read_outside =
          std::ranges::any_of(readers_[id], [&](NodeId reader) { return !inside(reader); });
      if (!root_[id] && !read_outside) continue;
      part.results.push_back(id);
      chain.results.push_back(value[id]);
    }
    part.code = compile_chain(chain);
    if (part.code != nullptr) {
      take(std::move(part));
    } else if (nodes.size() > 1) {  // too much at a time: the first half may do
      add_chain({nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(nodes.size() / 2)});
    } else {
      alone_[nodes.front()] = true;
    }
  }

  void add_ready_nodes() {
    const std::vector<NodeId> waiting = waiting_;
    for (const NodeId id : waiting) {
      const auto& inputs = graph_.node(id).inputs;
      const auto ready = [&](const ValueId& input) { return done_[input.node]; };
      if (!alone_[id] || !std::ranges::all_of(inputs, ready)) continue;
      Part part{.nodes = {id}, .code = nullptr, .operands = {}, .results = {id}};
      for (const ValueId& input : inputs) part.operands.push_back(input.node);
      take(std::move(part));
    }
  }

  void take(Part part) {
    for (const NodeId id : part.nodes) done_[id] = true;
    std::erase_if(waiting_, [&](NodeId id) { return done_[id]; });
    parts_.push_back(std::move(part));
  }

  const Graph& graph_;
  const std::function<bool(NodeId)>& is_scalar_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> root_;
  std::vector<bool> done_;
  std::vector<bool> alone_;  // cannot be in a chain
  std::vector<NodeId> waiting_;
  std::vector<Part> parts_;
};

}  // namespace

std::vector<Part> divide(const ElementwiseBody& body, const std::function<bool(NodeId)>& is_scalar) {
  return Division(body, is_scalar).parts();
}

}  // namespace weft
