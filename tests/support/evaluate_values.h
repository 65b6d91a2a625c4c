#pragma once
// Numbers for values: what the reference interpreter makes of them, given tensors for the inputs.

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weft/graph/evaluate.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft::testing_support {

/// Tensors by the label of the input or parameter.
using Feeds = std::map<std::string, Tensor, std::less<>>;

/// What a node without inputs is fed: by its label, and a random key {seed 1, run 0} unless "random_key" says
/// otherwise. A label that is missing is left to the op, which throws.
inline Tensor fed(const Node& node, const Feeds& feeds) {
  std::string label;
  if (const auto* input = node.op.as<Input>()) label = input->label;
  if (const auto* parameter = node.op.as<Parameter>()) label = parameter->label;
  if (node.op.is<RandomKey>()) label = "random_key";
  if (const auto found = feeds.find(label); found != feeds.end()) return found->second;
  return node.op.is<RandomKey>() ? Tensor::of<std::int64_t>({1, 0}) : Tensor();
}

inline std::vector<Tensor> evaluate_program(const Program& program, const Feeds& feeds = {}) {
  return evaluate(program, [&](const Node& node) { return fed(node, feeds); });
}

inline std::vector<Tensor> evaluate_values(std::span<const Value> values, const Feeds& feeds = {},
                                           const Bindings& bindings = {}) {
  return evaluate_program(extract(values[0].graph(), values, bindings), feeds);
}

inline Tensor evaluate_value(const Value& value, const Feeds& feeds = {}, const Bindings& bindings = {}) {
  return evaluate_values({&value, 1}, feeds, bindings)[0];
}

/// How the pass that folds constants is told to make one.
inline Value make_constant(Graph& graph, Tensor tensor) { return constant(graph, std::move(tensor)); }

/// The elements of a tensor of any dtype as doubles.
inline std::vector<double> numbers(const Tensor& tensor) {
  std::vector<double> result;
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    for (const T x : tensor.values<T>()) result.push_back(static_cast<double>(x));
  });
  return result;
}

/// The sizes as a vector, which tests compare and print.
inline std::vector<std::int64_t> sizes_of(const Tensor& tensor) {
  return {tensor.sizes().begin(), tensor.sizes().end()};
}

}  // namespace weft::testing_support
