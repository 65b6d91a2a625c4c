// Trains every network of combinations.json for ten steps, in f32 and in f64, and writes what went in and
// what came out to a JSON file, for compare.py to do the same by PyTorch.
//   weft_torch_runs COMBINATIONS.json RESULTS.json

#include <fmt/format.h>

#include <exception>
#include <fstream>
#include <iostream>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/torch/method.h"

namespace weft::torch_test {
namespace {

constexpr int kSteps = 10;

json as_json(const Tensor& tensor) {
  json numbers = json::array();
  visit_number(tensor.dtype(), [&]<typename T>(T) {
    for (const T x : tensor.values<T>()) numbers.push_back(x);
  });
  const std::vector<std::int64_t> sizes(tensor.sizes().begin(), tensor.sizes().end());
  return {{"dtype", weft::name_of(tensor.dtype())}, {"sizes", sizes}, {"numbers", numbers}};
}

/// The values that the session has for the parameters, by name.
json values_of(Session& session, std::span<const Value> parameters) {
  json all = json::object();
  for (const Value& parameter : parameters) all[parameter.name()] = as_json(session.value(parameter));
  return all;
}

Tensor in(DType dtype, const Tensor& tensor) { return verify::in_precision({{tensor}}, dtype)[0]; }

/// Pictures, features, or with "indices" whole numbers below it.
Tensor inputs_for(const json& input, verify::SampleSource& source) {
  const verify::Sizes sizes = input.at("sizes");
  if (input.contains("indices")) return source.whole(sizes, input.at("indices"), i64);
  return source.uniform(sizes, -2.0, 2.0, f64);
}

Tensor weights_for(const std::string& weighted, const verify::Sizes& predictions,
                   verify::SampleSource& source) {
  if (weighted.empty()) return Tensor::zeros(f64, {0});
  return source.uniform({weighted == "samples" ? predictions[0] : predictions[1]}, 0.5, 2.0, f64);
}

/// The layers with the dtype that an embedding cannot take from its input.
json layers_in(json layers, DType dtype) {
  for (json& layer : layers) {
    if (name_of(layer).starts_with("embedding")) layer[1]["dtype"] = weft::name_of(dtype);
  }
  return layers;
}

json run(const json& combination, DType dtype) {
  const std::string name = combination.at("name");
  verify::SampleSource source(1, name);
  Graph graph;
  const Tensor x = in(dtype, inputs_for(combination.at("input"), source));
  const Value fed_x = input(graph, "x", x.dtype(), Shape::of(x.sizes()));
  const Network network = build_network(layers_in(combination.at("layers"), dtype), fed_x);

  const auto predictions = network.output.shape().sizes();
  const Tensor t = in(dtype, targets_for(combination.at("loss"), predictions, source));
  const Tensor w = in(dtype, weights_for(combination.value("weighted", ""), predictions, source));
  const Value fed_t = input(graph, "t", t.dtype(), Shape::of(t.sizes()));
  const Value fed_w = input(graph, "w", w.dtype(), Shape::of(w.sizes()));
  const Value loss = loss_of(combination, network.output, fed_t, fed_w);
  const auto slopes = gradients(loss, network.parameters);

  std::vector<Value> outputs{loss};
  outputs.insert(outputs.end(), slopes.begin(), slopes.end());
  std::vector<Value> updates = updates_of(combination, network.parameters, slopes);
  updates.insert(updates.end(), network.updates.begin(), network.updates.end());
  std::vector<Value> kept = network.parameters;
  kept.insert(kept.end(), network.state.begin(), network.state.end());

  Session session(graph, {.threads = 2});
  Function evaluate = session.compile({.inputs = {fed_x, fed_t, fed_w}, .outputs = outputs, .updates = {}});
  Function step = session.compile({.inputs = {fed_x, fed_t, fed_w}, .outputs = {loss}, .updates = updates});
  json result{{"name", name},    {"dtype", weft::name_of(dtype)},    {"x", as_json(x)}, {"t", as_json(t)},
              {"w", as_json(w)}, {"start", values_of(session, kept)}};
  const auto first = evaluate({x, t, w});
  result["loss"] = as_json(first[0]);
  for (std::size_t i = 0; i < network.parameters.size(); ++i) {
    result["trained"].push_back(network.parameters[i].name());
    result["gradients"].push_back(as_json(first[i + 1]));
  }
  for (int i = 0; i < kSteps; ++i) result["losses"].push_back(as_json(step({x, t, w})[0]).at("numbers")[0]);
  result["end"] = values_of(session, kept);
  return result;
}

json read_json(const char* path) {
  std::ifstream file(path);
  return json::parse(file);
}

int run_all(const char* from, const char* to) {
  json results = json::array();
  for (const json& combination : read_json(from)) {
    for (const DType dtype : {f32, f64}) {
      try {
        results.push_back(run(combination, dtype));
      } catch (const std::exception& error) {
        fmt::print(stderr, "{} in {}: {}\n", combination.at("name").get<std::string>(), weft::name_of(dtype),
                   error.what());
        return 1;
      }
    }
  }
  std::ofstream(to) << results << '\n';
  return 0;
}

}  // namespace
}  // namespace weft::torch_test

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    return weft::torch_test::run_all(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
