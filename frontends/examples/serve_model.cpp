// Uses a saved model without the code that made it, from several threads at once. Arguments: a model with a
// function "predict" from pictures f32 [batch, 1, 28, 28] to "classes", as fine_tune.cpp saves it, and a
// folder with MNIST.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

#include "weft/frontends/onnx/model_file.h"
#include "weft/weft.h"

int main(int argc, char** argv) try {
  using namespace weft;
  constexpr std::int64_t kRows = 100;  // of a call
  if (argc < 2) throw Error(ErrorCode::invalid_argument, "a model is needed");
  const data::Dataset test = argc > 2 ? data::read_mnist(argv[2]).test : data::synthetic_digits(1000, 1, 1);
  Tensor images = Tensor::uninitialized(f32, {test.images.sizes()[0], 1, 28, 28});
  std::ranges::transform(test.images.values<std::uint8_t>(), images.mutable_values<float>().begin(),
                         [](std::uint8_t pixel) { return static_cast<float>(pixel) / 255.0F; });

  onnx::Model model = onnx::load_model(argv[1]);
  const onnx::ModelFunction predict = model.function("predict");
  const std::string& name = predict.inputs().at(0);
  std::atomic<std::int64_t> next{0};
  std::atomic<std::int64_t> right{0};
  const auto serve = [&] {
    for (std::int64_t at = next.fetch_add(kRows); at + kRows <= images.sizes()[0];
         at = next.fetch_add(kRows)) {
      const Tensor classes = predict({{name, images.rows(at, kRows)}})["classes"];
      right += static_cast<std::int64_t>(kRows * accuracy(classes, test.labels.rows(at, kRows)) + 0.5);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(serve);
  }
  fmt::print("{} of {} right\n", right.load(), images.sizes()[0]);
} catch (const std::exception& error) {
  fmt::print(stderr, "serve_model: {}\n", error.what());
  return 1;
}
