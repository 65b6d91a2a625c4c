// gradient() adds nodes to the same graph. So a gradient can be printed, run, and differentiated like any
// other value.

#include <fmt/format.h>

#include "weft/weft.h"

int main() {
  using namespace weft;
  Graph graph;
  const Value x = input(graph, "x", f64, {"n"});
  const Value y = x * x * x;
  const Value slope = gradient(sum(y), x);          // 3 x^2
  const Value curvature = gradient(sum(slope), x);  // 6 x
  const Value third = gradient(sum(curvature), x);  // 6

  Session session(graph);
  Function function =
      session.compile({.inputs = {x}, .outputs = {y, slope, curvature, third}, .updates = {}});
  const auto results = function({Tensor::of({1.0, 2.0})});
  for (const Tensor& result : results) fmt::print("{}\n", to_string(result));

  // The rule of an op is verified against finite differences of its reference kernel.
  fmt::print("nodes in the graph: {}\n", graph.size());
}
