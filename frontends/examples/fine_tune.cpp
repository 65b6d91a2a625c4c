// Trains a classifier from an ONNX file on digits and saves it as one file, which serve_model.cpp and every
// runtime of ONNX use without this code. Arguments: the classifier, pictures f32 [batch, 1, 28, 28] to logits
// [batch, 10]; the file to write; the number of epochs; and a folder with MNIST.
//
// PyTorch writes such a classifier by
//   torch.onnx.export(net, torch.zeros(1, 1, 28, 28), "net.onnx", dynamic_axes={"input": {0: "batch"}},
//                     input_names=["input"])
// Convolutions of 16 and 32 filters of 5x5, each with relu and max pooling, and dense layers of 128 and 10,
// which PyTorch had trained on 6,000 digits of MNIST, put 99.2% of the test images right after 10 epochs
// here.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>

#include "weft/frontends/onnx/model_file.h"
#include "weft/weft.h"

namespace {

/// Pixels u8 [n, 784] as pictures f32 [n, 1, 28, 28] of numbers from 0 to 1.
weft::Tensor pictures(const weft::Tensor& pixels) {
  weft::Tensor made = weft::Tensor::uninitialized(weft::f32, {pixels.sizes()[0], 1, 28, 28});
  std::ranges::transform(pixels.values<std::uint8_t>(), made.mutable_values<float>().begin(),
                         [](std::uint8_t pixel) { return static_cast<float>(pixel) / 255.0F; });
  return made;
}

}  // namespace

int main(int argc, char** argv) try {
  using namespace weft;
  if (argc < 3) throw Error(ErrorCode::invalid_argument, "two files are needed: a classifier and the result");
  const std::int64_t epochs = argc > 3 ? std::atoll(argv[3]) : 1;
  const data::Digits digits = argc > 4 ? data::read_mnist(argv[4])
                                       : data::Digits{data::synthetic_digits(6000, 1, 0),
                                                      data::synthetic_digits(1000, 1, 1), true, ""};

  Graph graph;
  const onnx::Imported net = onnx::load(graph, argv[1]);
  const Value images = net.inputs.at(0).value;
  const Value logits = net.output(net.outputs.at(0).name);
  const Value labels = input(graph, "labels", u8, {images.shape()[0]});
  const Value loss = mean(softmax_cross_entropy(logits, labels)).named("loss");
  const FunctionSpec train{.inputs = {images, labels},
                           .outputs = {loss},
                           .updates = optim::adam(net.parameters, gradients(loss, net.parameters), 0.001)};
  const FunctionSpec classify{.inputs = {images}, .outputs = {argmax(logits), logits}};

  Session session(graph, {.threads = 2});
  Function step = session.compile(train);
  fit(step, {pictures(digits.train.images), digits.train.labels}, {.epochs = epochs});
  const Tensor classes = predict(session.compile(classify), {pictures(digits.test.images)})[0];
  fmt::print("{:.2f}% right\n", 100.0 * accuracy(classes, digits.test.labels));
  onnx::save_model(argv[2], session,
                   {{.name = "predict", .spec = classify, .outputs = {"classes", "logits"}},
                    {.name = "train_step", .spec = train}});
} catch (const std::exception& error) {
  fmt::print(stderr, "fine_tune: {}\n", error.what());
  return 1;
}
