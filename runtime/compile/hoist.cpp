#include "weft/runtime/compile/hoist.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

/// How a node's values may change between two calls.
enum class Change : std::uint8_t {
  never,   // a parameter or constant, or a view of one
  rarely,  // computed from such
  always,  // anything else
};

class Hoisting {
 public:
  explicit Hoisting(const Program& program)
      : graph_(*program.graph),
        roots_(program.roots),
        needed_(needed_nodes(graph_, roots_)),
        changes_(graph_.size(), Change::always) {}

  std::optional<Hoisted> run() {
    if (std::ranges::none_of(needed_, [&](NodeId id) { return is_fed(graph_.node(id).op); }))
      return std::nullopt;
    judge();
    find_kept();
    if (kept_.empty()) return std::nullopt;
    Hoisted result{.kept = extract(graph_, kept_), .rest = replace(), .labels = labels_};
    return result;
  }

 private:
  static bool is_fed(const Op& op) { return op.is<Input>() || op.is<RandomKey>(); }

  void judge() {
    std::set<NodeId> roots;
    for (const Value& root : roots_) roots.insert(root.node());
    for (const NodeId id : needed_) {
      if (!roots.contains(id)) changes_[id] = change_of(graph_.node(id));
    }
  }

  Change change_of(const Node& node) const {
    if (is_fed(node.op) || node.op.traits().stateful) return Change::always;
    if (node.op.is<Parameter>() || node.op.constant() != nullptr) return Change::never;
    Change most = node.op.traits().view ? Change::never : Change::rarely;
    for (const ValueId& input : node.inputs) most = std::max(most, changes_[input.node]);
    return most;
  }

  /// What changes rarely and is read by what always changes.
  void find_kept() {
    std::set<ValueId> met;
    for (const NodeId id : needed_) {
      if (changes_[id] != Change::always) continue;
      for (const ValueId& input : graph_.node(id).inputs) {
        if (changes_[input.node] == Change::rarely && met.insert(input).second)
          kept_.push_back(graph_.value(input));
      }
    }
  }

  /// Labels that no input of the program has.
  std::string prefix() const {
    std::string prefix = "kept";
    const auto taken = [&](NodeId id) {
      const auto* input = graph_.node(id).op.as<Input>();
      return input != nullptr && input->label.starts_with(prefix);
    };
    while (std::ranges::any_of(needed_, taken)) prefix += '\'';
    return prefix;
  }

  Program replace() {
    const std::string prefix = this->prefix();
    std::map<const Node*, std::vector<std::size_t>> kept_of;  // numbers of values, by their node
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      kept_of[&graph_.node(kept_[i].node())].push_back(i);
      labels_.push_back(fmt::format("{} {}", prefix, i));
    }
    Program result =
        rewrite(graph_, roots_, [&](Graph& target, const Node& node, std::span<const Value> inputs) {
          auto images = target.outputs_of(target.add(node.op, inputs, node.where, node.name));
          const auto found = kept_of.find(&node);
          if (found == kept_of.end()) return images;
          for (const std::size_t i : found->second) {
            const Input fed{labels_[i], kept_[i].type()};
            images[kept_[i].output()] = Value(&target, target.add(fed, {}, node.where, node.name), 0);
          }
          return images;
        });
    return extract(*result.graph, result.roots);
  }

  Graph& graph_;
  std::span<const Value> roots_;
  std::vector<NodeId> needed_;
  std::vector<Change> changes_;  // of each node; a root's node counts as one that always changes
  std::vector<Value> kept_;
  std::vector<std::string> labels_;
};

}  // namespace

std::optional<Hoisted> hoist(const Program& program) { return Hoisting(program).run(); }

}  // namespace weft
