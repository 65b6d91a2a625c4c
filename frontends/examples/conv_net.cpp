// A convolutional network in the manner of LeNet-5 on MNIST: two convolutions with max pooling and two dense
// layers. Arguments: a folder with MNIST, the number of epochs, and the number of threads.

#include <fmt/format.h>

#include <cstdlib>
#include <exception>

#include "weft/weft.h"

int main(int argc, char** argv) try {
  using namespace weft;
  const data::Digits digits = argc > 1 ? data::read_mnist(argv[1]) : data::load_digits(std::nullopt, 1);
  const std::int64_t epochs = argc > 2 ? std::atoll(argv[2]) : 5;
  const int threads = argc > 3 ? std::atoi(argv[3]) : 2;

  Graph graph;
  const nn::MaxPool2d halve{{.window = 2}};
  const nn::Sequential network{
      {"scale", [](const Value& pixels) { return cast(pixels, f32) * (1.0 / 255.0); }},
      {"pictures", [](const Value& x) { return reshape(x, {-1, 1, 28, 28}); }},
      nn::conv2d(graph, "conv1", 20, 5),
      halve,
      nn::conv2d(graph, "conv2", 50, 5),
      halve,
      nn::Flatten{},
      nn::dense(graph, "dense1", 500),
      relu,
      nn::dense(graph, "dense2", 10)};
  const Value test = input(graph, "test", u8, {"n", 784});
  fmt::print("{}", to_string(nn::summary(network, test)));

  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value images = gather(constant(graph, digits.train.images), rows);
  const Value labels = gather(constant(graph, digits.train.labels), rows);
  const Value loss = mean(softmax_cross_entropy(network(images), labels));
  const std::vector<Value> weights = network.parameters();
  // The rate falls as 1 / (1 + decay t) over the steps t.
  const Value t = parameter(graph, "steps", constant(graph, 0.0F));
  const Value rate = 0.05 / (1.0 + 5e-4 * t);
  auto updates = optim::sgd(weights, gradients(loss, weights), rate, {.momentum = 0.9});
  updates.push_back(assign(t, t + 1.0));

  Session session(graph, {.threads = threads});
  Function step = session.compile({.inputs = {rows}, .outputs = {loss}, .updates = updates});
  Function classify = session.compile({.inputs = {test}, .outputs = {argmax(network(test))}});
  const auto right = [&] {  // per cent of the test images
    return 100.0 * accuracy(predict(classify, digits.test.images, 1000), digits.test.labels);
  };
  fit(step, {.samples = digits.train.images.sizes()[0], .epochs = epochs},
      {.epoch = [&](const EpochResult& epoch) {
        fmt::print("epoch {}: loss {:.4f}, {:.2f}% right, {:.1f} s\n", epoch.epoch, epoch.loss, right(),
                   epoch.seconds);
      }});
  fmt::print("{}: {:.2f}% right\n", digits.source, right());
} catch (const std::exception& error) {
  fmt::print(stderr, "conv_net: {}\n", error.what());
  return 1;
}
