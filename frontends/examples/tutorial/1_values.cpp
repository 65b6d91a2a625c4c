// A graph is a list of nodes, and a Value names one output of a node. Building computes shapes and nothing
// else.

#include <fmt/format.h>

#include "weft/weft.h"

int main() {
  using namespace weft;
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});  // a symbol and a number
  const Value w = constant(graph, Tensor::of({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}, {3, 2}));
  const Value y = relu(matmul(x, w) - 4.0).named("y");
  fmt::print("y is {}\n{}", to_string(y.type()), to_text(graph));

  // Shapes are checked where the graph is built, and the error names that line.
  try {
    matmul(w, x);
  } catch (const Error& error) {
    fmt::print("refused: {}\n", error.what());
  }
}
