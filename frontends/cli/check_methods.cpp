#include "weft/frontends/cli/check_methods.h"

#include <fmt/format.h>

#include <functional>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn/dense.h"
#include "weft/frontends/optim/optim.h"
#include "weft/frontends/verify/sample_source.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/loss.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::cli {
namespace {

using verify::SampleSource;
using verify::Training;

constexpr std::int64_t kRows = 6;
constexpr std::int64_t kInputs = 9;
constexpr std::int64_t kHidden = 7;
constexpr std::int64_t kClasses = 4;

using Values = std::span<const Value>;
using Method = std::function<std::vector<Value>(Values parameters, Values gradients)>;
/// What happens to the hidden layer.
using Treatment = std::function<Value(const Value& hidden, Training& training)>;

Training small_network(Graph& graph, DType dtype, const Method& method, const Treatment& treat) {
  const Value x = input(graph, "x", dtype, {"batch", kInputs});
  const Value labels = input(graph, "labels", u8, {"batch"});
  const auto first = nn::dense(graph, "first", kInputs, kHidden, dtype);
  const auto second = nn::dense(graph, "second", kHidden, kClasses, dtype);
  Training training{.inputs = {x, labels}, .loss = {}, .parameters = {}, .gradients = {}, .updates = {}};
  const Value hidden = treat(tanh(first(x)), training);
  training.loss = mean(softmax_cross_entropy(second(hidden), labels));
  for (const auto& layer : {first.parameters(), second.parameters()}) {
    training.parameters.insert(training.parameters.end(), layer.begin(), layer.end());
  }
  training.gradients = gradients(training.loss, training.parameters);
  training.updates = method(training.parameters, training.gradients);
  return training;
}

std::vector<Tensor> batch(SampleSource& source) {
  return {source.uniform({kRows, kInputs}), source.whole({kRows}, kClasses, u8)};
}

verify::Model trained_by(std::string_view name, const Method& method, std::uint64_t seed) {
  SampleSource source(seed, name);
  const auto build = [method](Graph& graph, DType dtype) {
    return small_network(graph, dtype, method, [](const Value& hidden, Training&) { return hidden; });
  };
  return {.name = fmt::format("{}-{}-{} tanh, {}", kInputs, kHidden, kClasses, name),
          .build = build,
          .inputs = batch(source)};
}

Value drop_half(const Value& hidden, Training& training) {
  constexpr double kRate = 0.5;
  const Value key = input(hidden.graph(), "key", i64, {2});
  training.inputs.push_back(key);
  const RandomUniform numbers{.type = hidden.type(), .stream = hidden.graph().next_stream()};
  return where(apply(numbers, {key}) >= kRate, hidden * (1.0 / (1.0 - kRate)), 0.0);
}

}  // namespace

std::vector<verify::Model> optimizer_models(std::uint64_t seed) {
  const std::pair<std::string_view, Method> methods[] = {
      {"nesterov",
       [](Values p, Values g) { return optim::sgd(p, g, 0.1, {.momentum = 0.9, .nesterov = true}); }},
      {"adamw", [](Values p, Values g) { return optim::adamw(p, g, 0.01); }},
      {"amsgrad", [](Values p, Values g) { return optim::adam(p, g, 0.01, {.amsgrad = true}); }},
      {"adamax", [](Values p, Values g) { return optim::adamax(p, g, 0.01); }},
      {"nadam", [](Values p, Values g) { return optim::nadam(p, g, 0.01); }},
      {"adagrad", [](Values p, Values g) { return optim::adagrad(p, g, 0.1); }},
      {"adadelta", [](Values p, Values g) { return optim::adadelta(p, g, 1.0); }},
      {"rmsprop", [](Values p, Values g) { return optim::rmsprop(p, g, 0.01, {.momentum = 0.9}); }},
      {"rprop", [](Values p, Values g) { return optim::rprop(p, g, 0.01); }},
      {"ftrl", [](Values p, Values g) { return optim::ftrl(p, g, 0.1, {.l1 = 1e-3, .l2 = 1e-3}); }},
  };
  std::vector<verify::Model> models;
  for (const auto& [name, method] : methods) models.push_back(trained_by(name, method, seed));
  return models;
}

verify::Model dropout_model(std::uint64_t seed) {
  SampleSource source(seed, "dropout");
  const auto build = [](Graph& graph, DType dtype) {
    const Method method = [](Values p, Values g) { return optim::sgd(p, g, 0.1); };
    return small_network(graph, dtype, method, drop_half);
  };
  verify::Model model{.name = "dropout, sgd", .build = build, .inputs = batch(source)};
  model.inputs.push_back(Tensor::of<std::int64_t>({source.below(1000), source.below(1000)}));
  return model;
}

}  // namespace weft::cli
