// A convolutional network in the manner of LeNet-5 on MNIST: two convolutions with max pooling and two dense
// layers. Arguments: a folder with MNIST, the number of epochs, and the number of threads.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>

#include "weft/weft.h"

int main(int argc, char** argv) try {
  using namespace weft;
  const data::Digits digits = argc > 1 ? data::read_mnist(argv[1]) : data::load_digits(std::nullopt, 1);
  const std::int64_t epochs = argc > 2 ? std::atoll(argv[2]) : 5;
  const int threads = argc > 3 ? std::atoi(argv[3]) : 2;

  Graph graph;
  const nn::Conv2dLayer conv1 = nn::conv2d(graph, "conv1", 1, 20, 5);
  const nn::Conv2dLayer conv2 = nn::conv2d(graph, "conv2", 20, 50, 5);
  const nn::Dense dense1 = nn::dense(graph, "dense1", 800, 500);  // 50 planes of 4x4
  const nn::Dense dense2 = nn::dense(graph, "dense2", 500, 10);
  const auto network = [&](const Value& pixels) {  // u8 [batch, 784] to logits [batch, 10]
    Value x = reshape(cast(pixels, f32) * (1.0 / 255.0), {-1, 1, 28, 28});
    x = max_pool2d(conv1(x), {.window = 2});  // [batch, 20, 12, 12]
    x = max_pool2d(conv2(x), {.window = 2});  // [batch, 50, 4, 4]
    return dense2(relu(dense1(flatten(x))));
  };
  std::vector<Value> weights;
  for (const auto& layer :
       {conv1.parameters(), conv2.parameters(), dense1.parameters(), dense2.parameters()}) {
    weights.insert(weights.end(), layer.begin(), layer.end());
  }

  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value images = gather(constant(graph, digits.train.images), rows);
  const Value labels = gather(constant(graph, digits.train.labels), rows);
  const Value loss = mean(softmax_cross_entropy(network(images), labels));
  // The rate falls as 1 / (1 + decay t) over the steps t.
  const Value t = parameter(graph, "steps", constant(graph, 0.0F));
  const Value rate = 0.05 / (1.0 + 5e-4 * t);
  auto updates = optim::sgd(weights, gradients(loss, weights), rate, {.momentum = 0.9});
  updates.push_back(assign(t, t + 1.0));
  const Value test = input(graph, "test", u8, {"n", 784});

  Session session(graph, {.threads = threads});
  Function step = session.compile({.inputs = {rows}, .outputs = {loss}, .updates = updates});
  Function classify = session.compile({.inputs = {test}, .outputs = {argmax(network(test))}});
  const auto right = [&] {  // per cent of the test images, in batches that keep the memory small
    constexpr std::int64_t kBatch = 1000;
    const std::int64_t count = digits.test.images.sizes()[0];
    double sum = 0.0;
    for (std::int64_t begin = 0; begin < count; begin += kBatch) {
      const std::int64_t size = std::min(kBatch, count - begin);
      const auto classes = classify({digits.test.images.rows(begin, size)});
      sum += accuracy(classes[0], digits.test.labels.rows(begin, size)) * static_cast<double>(size);
    }
    return 100.0 * sum / static_cast<double>(count);
  };
  fit(step, {.samples = digits.train.images.sizes()[0], .epochs = epochs},
      {.progress = {}, .epoch = [&](const EpochResult& epoch) {
         fmt::print("epoch {}: loss {:.4f}, {:.2f}% right, {:.1f} s\n", epoch.epoch, epoch.loss, right(),
                    epoch.seconds);
       }});
  fmt::print("{}: {:.2f}% right\n", digits.source, right());
} catch (const std::exception& error) {
  fmt::print(stderr, "conv_net: {}\n", error.what());
  return 1;
}
