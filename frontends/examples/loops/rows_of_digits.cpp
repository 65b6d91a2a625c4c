// Reads pictures row by row: an LSTM over the 28 rows of a digit, and a dense layer on its last state.
// Arguments: a folder with MNIST, and the number of epochs.

#include <fmt/format.h>

#include "weft/weft.h"

int main(int argc, char** argv) {
  using namespace weft;
  const auto digits = argc > 1 ? data::read_mnist(argv[1]) : data::load_digits({}, 1);
  const std::int64_t epochs = argc > 2 ? std::stoll(argv[2]) : 10;

  Graph graph;
  const nn::Recurrent reader = nn::lstm(graph, "reader", 28, 128);
  const nn::Dense head = nn::dense(graph, "head", 128, 10);
  const auto classify = [&](const Value& pixels) {
    const Value rows = reshape(cast(pixels, f32) * (1.0 / 255.0), {-1, 28, 28});
    return head(reader.run(rows).states[0]);
  };

  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value images = gather(constant(graph, digits.train.images), rows);
  const Value labels = gather(constant(graph, digits.train.labels), rows);
  const Value loss = mean(softmax_cross_entropy(classify(images), labels));
  const std::vector<Value> weights = nn::parameters(reader, head);
  const Value test = input(graph, "test", u8, {"n", 784});

  Session session(graph);
  Function step = session.compile(
      {.inputs = {rows}, .outputs = {loss}, .updates = optim::adam(weights, gradients(loss, weights), 2e-3)});
  Function predicted = session.compile({.inputs = {test}, .outputs = {argmax(classify(test))}});
  const FitObserver observer{.epoch = [&](const EpochResult& epoch) {
    const double right = accuracy(predict(predicted, digits.test.images), digits.test.labels);
    fmt::print("epoch {:2}: loss {:.4f}, {:.2f}% right\n", epoch.epoch, epoch.loss, 100.0 * right);
  }};
  fit(step, {.samples = digits.train.images.sizes()[0], .epochs = epochs}, observer);
}
