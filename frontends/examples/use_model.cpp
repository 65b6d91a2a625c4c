// All that a program needs to use a saved model. Argument: a model as fine_tune.cpp saves it.

#include <cstdio>

#include "weft/frontends/onnx/model_file.h"

int main(int argc, char** argv) {
  using namespace weft;
  onnx::Model model = onnx::load_model(argc > 1 ? argv[1] : "model.onnx");
  const Outputs made = model.function("predict")({{"pixels", Tensor::zeros(u8, {1, 784})}});
  std::puts(to_string(made["classes"]).c_str());
}
