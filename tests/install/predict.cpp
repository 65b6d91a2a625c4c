// What a program that only predicts needs: the graph, its ops and the runtime. Loads what train.cpp saved.

#include <cmath>
#include <cstdio>
#include <exception>

#include "weft/graph/graph.h"
#include "weft/ops/activation.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

int main(int argc, char** argv) {
  using namespace weft;
  if (argc != 2) return 2;
  try {
    Graph graph;
    const Value x = input(graph, "x", f32, {"batch", 3});
    const Value weight = parameter(graph, "layer/weight", Tensor::zeros(f32, {3, 2}));
    const Value bias = parameter(graph, "layer/bias", Tensor::zeros(f32, {2}));
    Session session(graph);
    session.load(argv[1]);
    Function predict = session.compile({.inputs = {x}, .outputs = {tanh(matmul(x, weight) + bias)}});
    const Tensor y = predict({Tensor::of({1.0F, 0.0F, 0.0F}, {1, 3})})[0];
    const auto values = y.values<float>();
    std::printf("predicted %.4f and %.4f\n", static_cast<double>(values[0]), static_cast<double>(values[1]));
    return std::abs(values[0]) > 0.0F && std::abs(values[0]) < 1.0F ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
