#pragma once
// Small networks that are trained on rows of a batch, by one process or by the ranks of a job.

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "weft/frontends/nn.h"
#include "weft/frontends/optim/optim.h"
#include "weft/graph/tensor.h"
#include "weft/ops/activation.h"
#include "weft/ops/layout.h"
#include "weft/ops/loss.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::testing_support {

struct Network {
  std::vector<Value> parameters;
  Value logits;
};
using Build = Network (*)(Graph&, const Value& x);  // of x [batch, 1, 8, 8]

inline void append(std::vector<Value>& all, const std::vector<Value>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

inline Network dense_network(Graph& graph, const Value& x) {
  const nn::Dense first = nn::dense(graph, "first", 64, 40, x.dtype());
  const nn::Dense second = nn::dense(graph, "second", 40, 24, x.dtype());
  const nn::Dense last = nn::dense(graph, "last", 24, 3, x.dtype());
  Network made;
  for (const nn::Dense& layer : {first, second, last}) append(made.parameters, layer.parameters());
  made.logits = last(tanh(second(relu(first(flatten(x))))));
  return made;
}

inline Network conv_network(Graph& graph, const Value& x) {
  const nn::Conv2dLayer conv = nn::conv2d(graph, "conv", 1, 6, 3, x.dtype(), {.sliding = {.padding = 1}});
  const nn::Dense last = nn::dense(graph, "last", 6, 3, x.dtype());
  Network made;
  made.parameters = {conv.weight, conv.bias};
  append(made.parameters, last.parameters());
  made.logits = last(mean(max_pool2d(relu(conv(x)), {.window = 2}), {2, 3}));
  return made;
}

inline Network transformer(Graph& graph, const Value& x) {
  const nn::TransformerEncoderLayer layer = nn::transformer_encoder_layer(
      graph, "encoder", 8, {.heads = 2, .inner = 16, .dropout = 0.0, .norm_first = true}, x.dtype());
  const nn::Dense last = nn::dense(graph, "last", 8, 3, x.dtype());
  Network made;
  made.parameters = nn::parameters(layer);
  append(made.parameters, last.parameters());
  made.logits = last(mean(layer(reshape(x, {x.shape()[0], 8, 8})), {1}));
  return made;
}

struct NamedNetwork {
  std::string name;
  Build build;
};
inline void PrintTo(const NamedNetwork& network, std::ostream* out) { *out << network.name; }
inline std::vector<NamedNetwork> networks() {
  return {{"dense", dense_network}, {"conv", conv_network}, {"transformer", transformer}};
}

using OptimizerOf =
    std::function<std::vector<Value>(std::span<const Value> parameters, std::span<const Value> gradients)>;

inline std::vector<Value> adam_updates(std::span<const Value> parameters, std::span<const Value> gradients) {
  return optim::adam(parameters, gradients, 0.01);
}

/// Rows [begin, end) of a seeded batch.
struct BatchRows {
  Tensor x;
  Tensor y;
};
class Batches {
 public:
  explicit Batches(DType dtype, std::vector<std::int64_t> sizes = {24, 24, 24, 24, 24, 2}) {
    TensorSource source("batches of all ranks");
    for (const std::int64_t size : sizes)
      all_.push_back({source.uniform({size, 1, 8, 8}, -1.0, 1.0, dtype), source.whole({size}, 3, i32)});
  }
  std::size_t count() const { return all_.size(); }
  std::int64_t rows(std::size_t batch) const { return all_[batch].y.elements(); }
  BatchRows take(std::size_t batch, std::int64_t begin, std::int64_t end) const {
    return {all_[batch].x.rows(begin, end - begin), all_[batch].y.rows(begin, end - begin)};
  }

 private:
  std::vector<BatchRows> all_;
};

/// The bytes of every parameter and slot, and their numbers.
inline std::string bytes_of_states(Session& session, const Graph& graph) {
  std::string bytes;
  for (const auto& [label, declared] : graph.states()) {
    const Tensor value = session.value(label);
    bytes.append(static_cast<const char*>(value.data()), value.bytes());
  }
  return bytes;
}
inline std::vector<double> numbers_of_states(Session& session, const Graph& graph) {
  std::vector<double> numbers;
  for (const auto& [label, declared] : graph.states()) {
    const Tensor value = session.value(label);
    visit_number(value.dtype(), [&]<typename T>(T) {
      for (const T number : value.values<T>()) numbers.push_back(static_cast<double>(number));
    });
  }
  return numbers;
}

}  // namespace weft::testing_support
