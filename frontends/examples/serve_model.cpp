// Uses a saved model without the code that made it, from several threads at once. Arguments: a model with a
// function "predict" from "pixels" u8 [batch, 784] to "classes", as fine_tune.cpp saves it, and a folder with
// MNIST.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <thread>
#include <vector>

#include "weft/frontends/onnx/model_file.h"
#include "weft/weft.h"

int main(int argc, char** argv) try {
  using namespace weft;
  if (argc < 2) throw Error(ErrorCode::invalid_argument, "a model is needed");
  const data::Dataset test = argc > 2 ? data::read_mnist(argv[2]).test : data::synthetic_digits(1000, 1, 1);
  const std::int64_t all = test.images.sizes()[0];

  onnx::Model model = onnx::load_model(argv[1]);
  const onnx::ModelFunction predict = model.function("predict");
  std::atomic<std::int64_t> next{0};
  std::atomic<std::int64_t> right{0};
  const auto serve = [&] {
    constexpr std::int64_t kRows = 100;  // of a call
    for (std::int64_t at = next.fetch_add(kRows); at < all; at = next.fetch_add(kRows)) {
      const std::int64_t rows = std::min(kRows, all - at);
      const Tensor classes = predict({{"pixels", test.images.rows(at, rows)}})["classes"];
      right += std::llround(accuracy(classes, test.labels.rows(at, rows)) * static_cast<double>(rows));
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(serve);
  for (std::jthread& thread : threads) thread.join();
  std::printf("%lld of %lld right\n", static_cast<long long>(right), static_cast<long long>(all));
} catch (const std::exception& error) {
  std::fprintf(stderr, "serve_model: %s\n", error.what());
  return 1;
}
