// Layers are functions that build graph and hold their parameters; fit() runs a compiled step over shuffled
// batches, and predict() runs a function over as many rows as there are. Digits that weft draws itself are
// the data, so that this program needs no files.

#include <fmt/format.h>

#include "weft/weft.h"

int main() {
  using namespace weft;
  const data::Digits digits = data::load_digits({}, 1);

  Graph graph;
  const Value images = constant(graph, digits.train.images);  // the data set is a constant of the graph
  const Value labels = constant(graph, digits.train.labels);
  const nn::Sequential network{
      {"scale", [](const Value& pixels) { return cast(pixels, f32) * (1.0 / 255.0); }},
      nn::dense(graph, "hidden", 32),  // as many inputs as it is applied to
      relu,
      nn::dense(graph, "output", 10)};

  const Value rows = input(graph, "rows", i32, {"batch"});  // a step is fed row numbers only
  const Value loss = mean(softmax_cross_entropy(network(gather(images, rows)), gather(labels, rows)));
  const std::vector<Value> weights = network.parameters();

  Session session(graph);
  Function step = session.compile({.inputs = {rows},
                                   .outputs = {loss},
                                   .updates = optim::adam(weights, gradients(loss, weights), 0.001)});
  const FitResult result = fit(step, {.samples = digits.train.images.sizes()[0], .epochs = 2});

  const Value test = input(graph, "test", u8, {"n", 784});
  fmt::print("{}", to_string(nn::summary(network, test)));
  Function classify = session.compile({.inputs = {test}, .outputs = {argmax(network(test))}, .updates = {}});
  const double right = accuracy(predict(classify, digits.test.images), digits.test.labels);
  fmt::print("{}: loss {:.3f}, {:.1f}% right\n", digits.source, result.epochs.back().loss, 100.0 * right);
}
