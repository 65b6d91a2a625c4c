// The paper's network 784-100-10 on MNIST. Arguments: a folder with MNIST, and the number of epochs.

#include <fmt/format.h>

#include "weft/weft.h"

int main(int argc, char** argv) {
  using namespace weft;
  const auto digits = argc > 1 ? data::read_mnist(argv[1]) : data::load_digits({}, 1);  // data loading
  const std::int64_t epochs = argc > 2 ? std::stoll(argv[2]) : 10;

  Graph graph;
  const nn::Sequential network{[](const Value& pixels) { return cast(pixels, f32) * (1.0 / 255.0); },
                               nn::dense(graph, "hidden", 100), relu, nn::dense(graph, "output", 10)};

  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value images = gather(constant(graph, digits.train.images), rows);
  const Value labels = gather(constant(graph, digits.train.labels), rows);
  const Value loss = mean(softmax_cross_entropy(network(images), labels));
  const std::vector<Value> weights = network.parameters();
  const Value test = input(graph, "test", u8, {"n", 784});

  Session session(graph);
  Function step = session.compile(
      {.inputs = {rows}, .outputs = {loss}, .updates = optim::sgd(weights, gradients(loss, weights), 0.1)});
  Function classify = session.compile({.inputs = {test}, .outputs = {argmax(network(test))}});
  const FitResult result = fit(step, {.samples = digits.train.images.sizes()[0], .epochs = epochs});
  const double right = accuracy(predict(classify, digits.test.images), digits.test.labels);
  fmt::print("{}: loss {:.4f}, {:.2f}% right\n", digits.source, result.epochs.back().loss, 100.0 * right);
}
