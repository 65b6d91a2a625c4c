// What a user's first program does: build a graph, differentiate it, run it, take a step downhill, save.

#include <cmath>
#include <cstdio>
#include <exception>

#include "weft/weft.h"

int main(int argc, char** argv) {
  using namespace weft;
  if (argc != 2) return 2;
  try {
    Graph graph;
    const Value x = input(graph, "x", f32, {"batch", 3});
    const nn::Dense layer = nn::dense(graph, "layer", 3, 2);
    const Value loss = mean(square(tanh(layer(x)) - 0.5));
    const auto parameters = layer.parameters();
    Session session(graph, {.threads = 2});
    Function step = session.compile({.inputs = {x},
                                     .outputs = {loss},
                                     .updates = optim::sgd(parameters, gradients(loss, parameters), 0.5)});
    const Tensor rows = Tensor::of({1.0F, 0.0F, 0.0F, 0.0F, 1.0F, 1.0F}, {2, 3});
    const float before = step({rows})[0].item<float>();
    const float after = step({rows})[0].item<float>();
    session.save(argv[1]);
    std::printf("loss %.4f, then %.4f\n", static_cast<double>(before), static_cast<double>(after));
    return std::isfinite(after) && after < before ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
