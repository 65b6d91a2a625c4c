// The paper's network 784-100-10 on MNIST. Arguments: a folder with MNIST, and the number of epochs.

#include <fmt/format.h>

#include "weft/weft.h"

int main(int argc, char** argv) {
  using namespace weft;
  const auto digits = argc > 1 ? data::read_mnist(argv[1]) : data::load_digits({}, 1);  // data loading
  const std::int64_t epochs = argc > 2 ? std::stoll(argv[2]) : 10;

  Graph graph;
  const Value images = constant(graph, digits.train.images);
  const Value labels = constant(graph, digits.train.labels);
  const nn::Dense hidden = nn::dense(graph, "hidden", 784, 100);
  const nn::Dense output = nn::dense(graph, "output", 100, 10);
  const auto network = [&](const Value& pixels) {
    return output(relu(hidden(cast(pixels, f32) * (1.0 / 255.0))));
  };

  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value loss = mean(softmax_cross_entropy(network(gather(images, rows)), gather(labels, rows)));
  const std::vector<Value> weights{hidden.weight, hidden.bias, output.weight, output.bias};
  const Value test = input(graph, "test", u8, {"n", 784});

  Session session(graph);
  Function step = session.compile(
      {.inputs = {rows}, .outputs = {loss}, .updates = optim::sgd(weights, gradients(loss, weights), 0.1)});
  Function classify = session.compile({.inputs = {test}, .outputs = {argmax(network(test))}});
  const FitResult result = fit(step, {.samples = digits.train.images.sizes()[0], .epochs = epochs});
  const double right = accuracy(classify({digits.test.images})[0], digits.test.labels);
  fmt::print("{}: loss {:.4f}, {:.2f}% right\n", digits.source, result.epochs.back().loss, 100.0 * right);
}
