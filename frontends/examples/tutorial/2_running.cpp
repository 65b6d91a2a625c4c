// A session compiles the part of a graph that a run needs. What is fed binds the symbols; each binding has
// its own plan.

#include <fmt/format.h>

#include "weft/weft.h"

int main() {
  using namespace weft;
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2});
  const Value length = sqrt(sum(square(x), {1}));
  const Value unused = exp(x);  // no output needs it, so it is never computed

  Session session(graph);
  Function lengths = session.compile({.inputs = {x}, .outputs = {length}, .updates = {}});
  const auto one = lengths({Tensor::of({3.0F, 4.0F}, {1, 2})});
  const auto two = lengths({Tensor::of({5.0F, 12.0F, 8.0F, 15.0F}, {2, 2})});
  fmt::print("one row: {}\ntwo rows: {}\nplans: {}\n", to_string(one[0]), to_string(two[0]), lengths.plans());

  try {
    lengths({Tensor::zeros(f32, {1, 3})});
  } catch (const Error& error) {
    fmt::print("refused: {}\n", error.what());
  }
  return unused.shape().rank() == 2 ? 0 : 1;
}
