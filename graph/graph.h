#pragma once
// A Graph owns nodes: an op, its input values, its output types, a name, and where the user wrote it. Nodes
// refer to older nodes only, so a graph is acyclic and its creation order is a topological order. A Graph
// grows but never changes or forgets a node, unless a call that throws had added it (Transaction). It cannot
// be moved or copied, and it must outlive its Values. One thread at a time may build; any number of threads
// may read a graph that no thread extends.

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weft/graph/op.h"
#include "weft/graph/value.h"

namespace weft {

/// One output of one node, within the graph that the node belongs to.
struct ValueId {
  NodeId node = 0;
  std::uint32_t output = 0;
  friend auto operator<=>(const ValueId&, const ValueId&) = default;
};

struct Node {
  Op op;
  std::vector<ValueId> inputs;
  std::vector<TensorType> outputs;
  std::string name;  // "" if it has none
  Where where;
};

/// State that sessions keep for a graph: the value that reads it, and the value that computes its initial
/// value.
struct StateDeclaration {
  Value value;
  Value initial;
};

class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() = default;

  /// Appends a node. Runs the op's shape rule; an Error from it leaves the graph unchanged and carries the
  /// op, the name, the input types and `where`. Throws Error(invalid_argument), which names both places, if a
  /// node of the same kind in this graph has the same label.
  NodeId add(const Op& op, std::span<const Value> inputs, Where where, std::string_view name = {});

  std::size_t size() const noexcept { return nodes_.size(); }
  const Node& node(NodeId id) const;
  const TensorType& type(ValueId id) const { return node(id.node).outputs[id.output]; }
  Value value(ValueId id) { return {this, id.node, id.output}; }
  std::vector<Value> outputs_of(NodeId id);
  void rename(NodeId id, std::string_view name);

  /// Declares state under a name that is unique in the graph; throws Error(invalid_argument) otherwise.
  void declare_state(std::string_view name, Value value, Value initial);
  const std::map<std::string, StateDeclaration, std::less<>>& states() const noexcept { return states_; }

  /// `name` with the scopes that are open now: "dense1/weight".
  std::string full_name(std::string_view name) const;

  /// A number that no other call on this graph returned: the stream of a random op.
  std::int64_t next_stream() noexcept { return streams_++; }

 private:
  friend class Scope;
  friend class Transaction;
  struct ScopeFrame {
    std::string prefix;
    Where where;
    bool has_where;
  };

  void expect_new_label(const Op& op, const Where& where) const;

  std::deque<Node> nodes_;  // a deque: references to nodes stay valid while the graph grows
  std::map<std::string, StateDeclaration, std::less<>> states_;
  std::map<std::pair<std::string, std::string>, NodeId> labelled_;  // by the op's name and its label
  std::int64_t streams_ = 0;
  std::vector<ScopeFrame> scopes_;
};

/// While it lives, names of nodes begin with `name` ("dense1/..."). With `where`, nodes count as written
/// there, which is how a layer or a gradient rule gives its nodes the user's line; the outermost scope with a
/// place decides.
class Scope {
 public:
  Scope(Graph& graph, std::string_view name);
  Scope(Graph& graph, std::string_view name, Where where);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() { graph_.scopes_.pop_back(); }

 private:
  Graph& graph_;
};

/// All or nothing: if an exception ends its life, the graph loses the nodes and the state that were added
/// since it began, and their Values must not be used any more. Layers and optimizers, which add several
/// parameters, begin with one.
class Transaction {
 public:
  explicit Transaction(Graph& graph);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

 private:
  Graph& graph_;
  std::size_t nodes_;
  std::int64_t streams_;
  int exceptions_;  // that were on their way when it began
};

/// Builds a node and returns its first (or only) output. The graph is that of the first operand.
Value apply_many(const Op& op, std::span<const Operand> inputs);
inline Value apply(const Op& op, std::initializer_list<Operand> inputs) {
  return apply_many(op, {inputs.begin(), inputs.size()});
}
inline Value apply(const Op& op, Operand x) { return apply(op, {std::move(x)}); }
inline Value apply(const Op& op, Operand a, Operand b) { return apply(op, {std::move(a), std::move(b)}); }
inline Value apply(const Op& op, Operand a, Operand b, Operand c) {
  return apply(op, {std::move(a), std::move(b), std::move(c)});
}
/// The same for an op with several outputs.
std::vector<Value> apply_all(const Op& op, std::initializer_list<Operand> inputs);

}  // namespace weft
