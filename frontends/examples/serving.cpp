// Two programs and the file between them. The first trains a network on features of digits and saves its
// weights; the second has a graph of its own, with the same features and a new head, takes the features from
// the file, and trains the head alone. Argument: a folder for the file.

#include <fmt/format.h>

#include <exception>
#include <filesystem>

#include "weft/weft.h"

namespace {

using namespace weft;

/// u8 [batch, 784] -> f32 [batch, 64]. Both programs build it, and so its parameters have the same names in
/// both.
nn::Sequential features_of_pixels(Graph& graph) {
  return {{"scale", [](const Value& pixels) { return cast(pixels, f32) * (1.0 / 255.0); }},
          nn::dense(graph, "features/dense1", 128),
          relu,
          nn::dense(graph, "features/dense2", 64),
          relu};
}

/// The share of `images` that `logits` puts into the right class.
double share_right(Session& session, const Value& pixels, const Value& logits, const Tensor& images,
                   const Tensor& labels) {
  Function classify = session.compile({.inputs = {pixels}, .outputs = {argmax(logits)}, .updates = {}});
  return accuracy(predict(classify, images), labels);
}

void train(const data::Digits& digits, const std::filesystem::path& file) {
  Graph graph;
  const nn::Sequential network{features_of_pixels(graph), nn::Dropout{0.2}, nn::dense(graph, "digit", 10)};
  const Value pixels = input(graph, "pixels", u8, {"batch", 784});
  const Value labels = input(graph, "labels", u8, {"batch"});
  const auto [logits, updates] = network.train(pixels);
  const Value loss = mean(softmax_cross_entropy(logits, labels));
  const std::vector<Value> weights = network.parameters();

  Session session(graph);
  Function step = session.compile({.inputs = {pixels, labels},
                                   .outputs = {loss},
                                   .updates = optim::adam(weights, gradients(loss, weights), 0.001)});
  fit(step, {digits.train.images, digits.train.labels}, {.epochs = 4});
  session.save_weights(file, {}, {{"data", digits.source}});  // no slots of Adam
  fmt::print("trained: {:.1f}% right\n",
             100.0 * share_right(session, pixels, network(pixels), digits.test.images, digits.test.labels));
}

void serve(const data::Digits& digits, const std::filesystem::path& file) {
  Graph graph;
  const nn::Sequential features = features_of_pixels(graph);
  const auto head = nn::dense(graph, "is_even", 2);  // another question, so a head of its own
  const Value pixels = input(graph, "pixels", u8, {"batch", 784});
  const Value labels = input(graph, "labels", u8, {"batch"});
  const Value logits = head(features(pixels));
  const Value loss = mean(softmax_cross_entropy(logits, labels));
  const std::vector<Value> weights = head.parameters();

  Session session(graph);
  const LoadReport report = session.load_weights(file, {.parameters = {.include = {"features/*"}}});
  fmt::print("{} (trained on {})\n", to_string(report), report.metadata.at("data"));
  const auto evenness_of = [](const Tensor& digit_labels) {
    Tensor even = digit_labels.clone();
    for (std::uint8_t& label : even.mutable_values<std::uint8_t>()) label = label % 2 == 0 ? 1 : 0;
    return even;
  };
  Function step = session.compile({.inputs = {pixels, labels},
                                   .outputs = {loss},
                                   .updates = optim::sgd(weights, gradients(loss, weights), 0.1)});
  fit(step, {digits.train.images, evenness_of(digits.train.labels)}, {.epochs = 1});
  fmt::print(
      "served: {:.1f}% of even and odd digits right\n",
      100.0 * share_right(session, pixels, logits, digits.test.images, evenness_of(digits.test.labels)));
}

}  // namespace

int main(int argc, char** argv) try {
  const std::filesystem::path folder = argc > 1 ? argv[1] : ".";
  const data::Digits digits{.train = data::synthetic_digits(6000, 1, 0),
                            .test = data::synthetic_digits(1000, 1, 1),
                            .synthetic = true,
                            .source = "6,000 digits that weft drew"};
  train(digits, folder / "digits.safetensors");
  serve(digits, folder / "digits.safetensors");
} catch (const std::exception& error) {
  fmt::print(stderr, "serving: {}\n", error.what());
  return 1;
}
