// Builds y = (x W)^2, differentiates it, runs it, and takes one step downhill.

#include <fmt/format.h>

#include "weft/weft.h"

int main() {
  using namespace weft;
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});
  const Value w = parameter(graph, "w", Tensor::of({1.0F, 2.0F, 3.0F}, {3, 1}));
  const Value loss = mean(square(matmul(x, w)));
  const Value slope = gradient(loss, w);  // more graph, in the same graph

  Session session(graph);
  Function step =
      session.compile({.inputs = {x}, .outputs = {loss, slope}, .updates = {assign(w, w - 0.01 * slope)}});
  const Tensor rows = Tensor::of({1.0F, 0.0F, 0.0F, 0.0F, 1.0F, 1.0F}, {2, 3});
  for (int i = 0; i < 3; ++i) {
    const auto [loss_now, slope_now] = step.call<2>({rows});
    fmt::print("loss {:.4f}, gradient {}\n", loss_now.item<float>(), to_string(slope_now));
  }
  fmt::print("w is now {}\n", to_string(session.value(w)));
}
