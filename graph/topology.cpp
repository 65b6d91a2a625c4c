#include "weft/graph/topology.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/dag_shortest_paths.hpp>
#include <boost/graph/graphviz.hpp>
#include <sstream>

#include "weft/graph/text.h"

namespace weft {
namespace {

struct OperandIndex {
  std::size_t operand = 0;
  double weight = 0.0;
};

using Adjacency =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, OperandIndex>;
using Edge = boost::graph_traits<Adjacency>::edge_descriptor;

/// A quoted string of Graphviz's language, where a new line in the text begins a new line of the label.
/// Boost's own escaping leaves backslashes as they are, and one before a quote would end the string.
std::string quote(std::string_view text) {
  std::string quoted = "\"";
  while (true) {
    const auto end = std::min(text.find('\n'), text.size());
    for (const char letter : printable(text.substr(0, end))) {
      if (letter == '"' || letter == '\\') quoted += '\\';
      quoted += letter;
    }
    if (end == text.size()) return quoted + '"';
    quoted += "\\n";
    text.remove_prefix(end + 1);
  }
}

}  // namespace

struct Topology::View {
  Adjacency edges;
  std::vector<bool> is_source;
};

Topology::Topology(const Graph& graph) : view_(std::make_unique<View>()) {
  view_->edges = Adjacency(graph.size());
  view_->is_source.assign(graph.size(), true);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const auto& inputs = graph.node(id).inputs;
    view_->is_source[id] = inputs.empty();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      boost::add_edge(inputs[i].node, id, OperandIndex{.operand = i, .weight = 0.0}, view_->edges);
    }
  }
}

Topology::~Topology() = default;

std::vector<NodeId> Topology::shortest_path(NodeId from, NodeId to) const {
  // Breadth-first from `from` gives distances; walking back over the oldest predecessor that is one step
  // closer makes the answer independent of edge order.
  const auto count = boost::num_vertices(view_->edges);
  constexpr int kUnreached = -1;
  std::vector<int> distance(count, kUnreached);
  distance[from] = 0;
  boost::breadth_first_search(view_->edges, from,
                              boost::visitor(boost::make_bfs_visitor(
                                  boost::record_distances(distance.data(), boost::on_tree_edge()))));
  if (distance[to] == kUnreached) return {};
  std::vector<std::vector<NodeId>> closer(count);
  for (auto [edge, end] = boost::edges(view_->edges); edge != end; ++edge) {
    const auto source = boost::source(*edge, view_->edges);
    const auto target = boost::target(*edge, view_->edges);
    if (distance[source] != kUnreached && distance[target] == distance[source] + 1) {
      closer[target].push_back(static_cast<NodeId>(source));
    }
  }
  std::vector<NodeId> path{to};
  while (path.back() != from) path.push_back(std::ranges::min(closer[path.back()]));
  std::ranges::reverse(path);
  return path;
}

std::vector<NodeId> Topology::critical_path(const std::function<double(NodeId)>& cost) const {
  // Longest path in a DAG: shortest path with negated weights, from a virtual start before every source.
  Adjacency edges = view_->edges;
  const auto start = boost::add_vertex(edges);
  const auto count = start;
  for (NodeId id = 0; id < count; ++id) {
    if (view_->is_source[id]) boost::add_edge(start, id, OperandIndex{}, edges);
  }
  for (auto [edge, end] = boost::edges(edges); edge != end; ++edge) {
    edges[*edge].weight = -cost(static_cast<NodeId>(boost::target(*edge, edges)));
  }
  std::vector<double> distance(count + 1);
  std::vector<std::size_t> before(count + 1);
  boost::dag_shortest_paths(edges, start,
                            boost::weight_map(boost::get(&OperandIndex::weight, edges))
                                .distance_map(distance.data())
                                .predecessor_map(before.data()));
  if (count == 0) return {};
  auto last = static_cast<std::size_t>(
      std::min_element(distance.begin(), distance.begin() + static_cast<std::ptrdiff_t>(count)) -
      distance.begin());
  std::vector<NodeId> path;
  for (; last != start; last = before[last]) path.push_back(static_cast<NodeId>(last));
  std::ranges::reverse(path);
  return path;
}

std::string Topology::to_dot(const std::function<std::string(NodeId)>& label) const {
  std::ostringstream out;
  boost::write_graphviz(
      out, view_->edges,
      [&](std::ostream& stream, std::size_t id) {
        stream << "[shape=box, label=" << quote(label(static_cast<NodeId>(id))) << "]";
      },
      [&](std::ostream& stream, const Edge& edge) {
        stream << "[label=\"" << view_->edges[edge].operand << "\"]";
      },
      [](std::ostream& stream) { stream << "rankdir=TB;\nnode [fontname=\"sans-serif\", fontsize=10];\n"; });
  return out.str();
}

}  // namespace weft
