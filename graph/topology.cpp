#include "weft/graph/topology.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/graphviz.hpp>
#include <sstream>

#include "weft/graph/text.h"

namespace weft {
namespace {

struct OperandIndex {
  std::size_t operand = 0;
};

using Adjacency =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, OperandIndex>;
using Edge = boost::graph_traits<Adjacency>::edge_descriptor;

}  // namespace

/// Boost's own escaping keeps backslashes, and a backslash before a quote would end the string.
std::string quoted_for_dot(std::string_view text) {
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

struct Topology::View {
  Adjacency edges;
};

Topology::Topology(const Graph& graph) : view_(std::make_unique<View>()) {
  view_->edges = Adjacency(graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    const auto& inputs = graph.node(id).inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      boost::add_edge(inputs[i].node, id, OperandIndex{i}, view_->edges);
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

std::string Topology::to_dot(const std::function<std::string(NodeId)>& label) const {
  std::ostringstream out;
  boost::write_graphviz(
      out, view_->edges,
      [&](std::ostream& stream, std::size_t id) {
        stream << "[shape=box, label=" << quoted_for_dot(label(static_cast<NodeId>(id))) << "]";
      },
      [&](std::ostream& stream, const Edge& edge) {
        stream << "[label=\"" << view_->edges[edge].operand << "\"]";
      },
      [](std::ostream& stream) { stream << "rankdir=TB;\nnode [fontname=\"sans-serif\", fontsize=10];\n"; });
  return out.str();
}

}  // namespace weft
