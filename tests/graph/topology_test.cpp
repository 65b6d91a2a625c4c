#include "weft/graph/topology.h"

#include <gtest/gtest.h>

#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

using Path = std::vector<NodeId>;

/// x -> exp -> log -> add <- x: a long way and a short one.
class TopologyTest : public testing::Test {
 protected:
  Graph graph_;
  Value x_ = input(graph_, "x", f32, {2});
  Value exp_ = exp(x_);
  Value log_ = log(exp_);
  Value sum_ = add(log_, x_);
  Value unrelated_ = input(graph_, "z", f32, {2});
};

TEST_F(TopologyTest, FindsTheShortestPath) {
  const Topology topology(graph_);
  EXPECT_EQ(topology.shortest_path(0, 3), (Path{0, 3}));
  EXPECT_EQ(topology.shortest_path(1, 3), (Path{1, 2, 3}));
  EXPECT_EQ(topology.shortest_path(2, 2), Path{2});
}

TEST_F(TopologyTest, FindsNoPathAgainstTheFlowOrBetweenStrangers) {
  const Topology topology(graph_);
  EXPECT_EQ(topology.shortest_path(3, 0), Path{});
  EXPECT_EQ(topology.shortest_path(4, 3), Path{});
  EXPECT_EQ(topology.shortest_path(0, 4), Path{});
}

TEST_F(TopologyTest, TakesTheOldestNodesAmongEqualPaths) {
  const Value younger_first = mul(sqrt(x_), abs(x_));  // nodes 5, 6 in an order that the compiler chooses
  const Value again = add(exp_, neg(x_));
  const Topology topology(graph_);
  EXPECT_EQ(topology.shortest_path(0, younger_first.node()), (Path{0, 5, 7}));
  EXPECT_EQ(topology.shortest_path(0, again.node()), (Path{0, 1, again.node()}));
}

TEST(Topology, TakesParallelEdgesForWhatTheyAre) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  mul(x, x);
  const Topology topology(graph);
  EXPECT_EQ(topology.shortest_path(0, 1), (Path{0, 1}));
  const std::string dot = topology.to_dot([](NodeId id) { return "node" + std::to_string(id); });
  EXPECT_NE(dot.find("0->1 [label=\"0\"]"), std::string::npos) << dot;
  EXPECT_NE(dot.find("0->1 [label=\"1\"]"), std::string::npos) << dot;
}

TEST(Topology, AcceptsAnEmptyGraph) {
  const Graph graph;
  EXPECT_EQ(Topology(graph).to_dot([](NodeId) { return ""; }).find("->"), std::string::npos);
}

TEST(Topology, IsAViewOfTheGraphAsItWas) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Topology before(graph);
  exp(x);
  const auto text = [](NodeId) { return "node"; };
  EXPECT_EQ(before.to_dot(text).find("0->1"), std::string::npos);
  EXPECT_NE(Topology(graph).to_dot(text).find("0->1"), std::string::npos);
}

}  // namespace
}  // namespace weft
