// What the compiler makes of a training step, stage by stage, and how to see that it computes the same.

#include <fmt/format.h>

#include "weft/weft.h"

int main() {
  using namespace weft;
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 8});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {8, 4}));
  const Value bias = parameter(graph, "bias", Tensor::zeros(f32, {4}));
  const Value loss = mean(square(tanh(matmul(x, w) + bias) - 1.0));
  const std::vector<Value> parameters{w, bias};
  const auto slopes = gradients(loss, parameters);
  const FunctionSpec step{.inputs = {x},
                          .outputs = {loss},
                          .updates = {assign(w, w - 0.1 * slopes[0]), assign(bias, bias - 0.1 * slopes[1])}};

  // Symbols are bound here by hand; in a call, what is fed binds them.
  Session session(graph);
  session.inspect(step, {{"batch", 16}}, [](std::string_view stage, const std::string& text) {
    if (stage == "prune" || stage == "fuse" || stage == "schedule") fmt::print("== {}\n{}\n", stage, text);
  });

  // With self_check, every stage and every kernel runs beside the reference; a difference is an error that
  // names it.
  Session checked(graph, {.compile = {.self_check = true}});
  Function function = checked.compile(step);
  fmt::print("loss {:.4f}, every stage and kernel as the reference\n",
             function({Tensor::zeros(f32, {16, 8})})[0].item<float>());
}
