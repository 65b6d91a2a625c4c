// Parameters live in the session. A call reads them as they were before it, and all of its updates show after
// it: a call is a transaction. An optimizer is nothing but updates.

#include <fmt/format.h>

#include "weft/weft.h"

int main() {
  using namespace weft;
  Graph graph;
  const Value a = parameter(graph, "a", Tensor::scalar(1.0F));
  const Value b = parameter(graph, "b", Tensor::scalar(2.0F));

  Session session(graph);
  // Both updates read the old values: this swaps a and b.
  Function swap = session.compile({.inputs = {}, .outputs = {a, b}, .updates = {assign(a, b), assign(b, a)}});
  const auto before = swap();
  fmt::print("before {} and {}, ", before[0].item<float>(), before[1].item<float>());
  fmt::print("after {} and {}\n", session.value(a).item<float>(), session.value(b).item<float>());

  // Gradient descent on (a - 5)^2, by hand and by an optimizer that keeps a slot of its own in the session.
  const Value loss = square(a - 5.0);
  const std::vector<Value> parameters{a};
  Function descend =
      session.compile({.inputs = {}, .outputs = {loss}, .updates = {assign(a, a - 0.1 * gradient(loss, a))}});
  Function momentum = session.compile(
      {.inputs = {},
       .outputs = {loss},
       .updates = optim::sgd(parameters, gradients(loss, parameters), 0.1, {.momentum = 0.5})});
  for (int step = 0; step < 20; ++step) descend();
  fmt::print("a by hand: {:.3f}\n", session.value(a).item<float>());
  for (int step = 0; step < 40; ++step) momentum();
  fmt::print("a with momentum: {:.3f}\n", session.value(a).item<float>());
}
