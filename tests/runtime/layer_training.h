#pragma once
// A layer trained on rows of resident data, most of which is 0.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::testing_support {

inline constexpr std::int64_t kSamples = 400;
inline constexpr std::int64_t kPixels = 60;
inline constexpr std::int64_t kUnits = 37;

/// Bytes of which about one in `one_in` is not 0.
inline Tensor images(std::int64_t one_in) {
  TensorSource source("skip zeros");
  const Tensor draw = source.uniform({kSamples, kPixels}, 0.0, static_cast<double>(one_in), DType::f32);
  Tensor x = Tensor::zeros(DType::u8, {kSamples, kPixels});
  for (std::size_t i = 0; i < draw.values<float>().size(); ++i) {
    const float number = draw.values<float>()[i];
    if (number < 1.0F)
      x.mutable_values<std::uint8_t>()[i] = static_cast<std::uint8_t>(1.0F + 250.0F * number);
  }
  return x;
}

/// How a batch [rows, features] f32 comes from the data.
using Prepare = std::function<Value(const Value& data, const Value& rows)>;

inline Value scaled_rows(const Value& data, const Value& rows) {
  return cast(gather(data, rows), f32) * (1.0 / 255.0);
}

using Optimize = std::function<std::vector<Value>(Graph& graph, const Value& w, const Value& slope)>;

inline std::vector<Value> sgd_step(Graph&, const Value& w, const Value& slope) {
  return {assign(w, w - 0.1 * slope)};
}

inline std::vector<Value> momentum_step(Graph& graph, const Value& w, const Value& slope) {
  const Value velocity = parameter(graph, "velocity", Tensor::zeros(f32, w.shape().sizes()));
  const Value next = 0.9 * velocity + slope;
  return {assign(velocity, next), assign(w, w - 0.1 * next)};
}

/// Two steps of training a layer on rows of the data.
struct LayerTraining {
  LayerTraining(const Tensor& data, const Prepare& prepare, const CompileOptions& options, int threads = 1,
                const Optimize& optimize = sgd_step) {
    const Value rows = input(graph, "rows", i32, {"batch"});
    const Value x = prepare(constant(graph, data), rows);
    TensorSource source("skip zeros weights");
    w = parameter(graph, "w", source.uniform({x.shape()[1].size(), kUnits}, -1.0, 1.0, f32));
    const Value b = parameter(graph, "b", source.uniform({kUnits}, -1.0, 1.0, f32));
    const Value y = relu(matmul(x, w) + b);
    const Value loss = mean(square(y));
    spec = {.inputs = {rows}, .outputs = {loss, y}, .updates = optimize(graph, w, gradient(loss, w))};
    session = std::make_unique<Session>(
        graph, SessionOptions{.threads = threads, .exact_threads = true, .compile = options});
  }

  /// The outputs of the second step, and the weights after it.
  std::vector<Tensor> run() {
    Function step = session->compile(spec);
    step({Tensor::of<std::int32_t>({5, 9, 5, 100, 399, 0})});
    const auto outputs = step({Tensor::of<std::int32_t>({1, 2, 3, 5, 8, 13})});
    std::vector<Tensor> all(outputs.begin(), outputs.end());
    all.push_back(session->value(w));
    return all;
  }

  Compilation compilation() const { return session->inspect(spec, {{"batch", 6}}); }

  std::vector<std::string> kernels() {
    std::vector<std::string> names;
    for (const KernelChoice& choice : compilation().lowered.kernels) names.emplace_back(choice.name);
    return names;
  }

  Graph graph;
  Value w;
  FunctionSpec spec;
  std::unique_ptr<Session> session;
};

inline CompileOptions mode(SkipZeros skip_zeros) {
  CompileOptions options;
  options.skip_zeros = skip_zeros;
  return options;
}

}  // namespace weft::testing_support
