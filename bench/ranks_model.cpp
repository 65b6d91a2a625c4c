#include "weft/bench/ranks_model.h"

#include <algorithm>
#include <chrono>

namespace weft::bench {
namespace {

using Activation = Value (*)(const Value&);

void build_mlp(RankModel& model, Activation activation) {
  model.row = {784};
  model.x = input(model.graph, "x", f32, {"batch", 784});
  const nn::Dense hidden = nn::dense(model.graph, "hidden", 784, 1024);
  const nn::Dense last = nn::dense(model.graph, "last", 1024, 10);
  for (const nn::Dense& layer : {hidden, last}) {
    for (const Value& parameter : layer.parameters()) model.parameters.push_back(parameter);
  }
  model.loss = mean(softmax_cross_entropy(last(activation(hidden(model.x))), model.y));
}

Tensor pictures(const RankModel& model, std::int64_t rows) {
  std::vector<std::int64_t> sizes{rows};
  sizes.insert(sizes.end(), model.row.begin(), model.row.end());
  Tensor x = Tensor::uninitialized(f32, sizes);
  std::uint32_t state = 1;
  for (float& value : x.mutable_values<float>()) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8U) / 16777216.0F - 0.5F;
  }
  return x;
}

}  // namespace

void build_relu_mlp(RankModel& model) {
  build_mlp(model, [](const Value& x) { return relu(x); });
}

void build_tanh_mlp(RankModel& model) {
  build_mlp(model, [](const Value& x) { return tanh(x); });
}

void build_transformer(RankModel& model) {
  model.row = {32, 64};
  model.x = input(model.graph, "x", f32, {"batch", 32, 64});
  Value state = model.x;
  for (const char* name : {"first", "second"}) {
    const auto layer =
        nn::transformer_encoder_layer(model.graph, name, 64, {.heads = 4, .inner = 256, .dropout = 0.0});
    for (const Value& parameter : nn::parameters(layer)) model.parameters.push_back(parameter);
    state = layer(state);
  }
  const nn::Dense last = nn::dense(model.graph, "last", 64, 10);
  for (const Value& parameter : last.parameters()) model.parameters.push_back(parameter);
  model.loss = mean(softmax_cross_entropy(last(mean(state, {1})), model.y));
}

std::vector<Tensor> rank_batch(const RankModel& model, std::int64_t rows) {
  return {pictures(model, rows), Tensor::zeros(i32, {rows})};
}

double milliseconds_of(int steps, const std::function<void()>& step, int warm) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < warm; ++i) step();
  std::vector<double> times;
  for (int i = 0; i < steps; ++i) {
    const auto begin = Clock::now();
    step();
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

}  // namespace weft::bench
