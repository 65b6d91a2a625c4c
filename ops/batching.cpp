#include "weft/ops/batching.h"

#include <algorithm>

namespace weft {

Shape example_shape(const BatchArgs& args, std::size_t i) {
  const Shape& shape = args.inputs[i].shape();
  return args.batched[i] ? Shape(std::vector<Dim>(shape.begin() + 1, shape.end())) : shape;
}

Shape with_examples(const Dim& size, const Shape& shape) {
  std::vector<Dim> dims{size};
  dims.insert(dims.end(), shape.begin(), shape.end());
  return Shape(std::move(dims));
}

Value repeated(const BatchArgs& args, std::size_t i) {
  if (args.batched[i]) return args.inputs[i];
  return broadcast_to(args.inputs[i], with_examples(args.size, args.inputs[i].shape()));
}

std::vector<Value> all_repeated(const BatchArgs& args) {
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < args.inputs.size(); ++i) inputs.push_back(repeated(args, i));
  return inputs;
}

Value aligned(const BatchArgs& args, std::size_t i, std::size_t rank) {
  const Shape example = example_shape(args, i);
  if (!args.batched[i] || example.rank() >= rank) return args.inputs[i];
  std::vector<Dim> dims{args.size};
  dims.insert(dims.end(), rank - example.rank(), Dim(1));
  dims.insert(dims.end(), example.begin(), example.end());
  return reshape(args.inputs[i], Shape(std::move(dims)));
}

Value merge_examples(const Value& x) {
  std::vector<Dim> dims{x.shape()[0] * x.shape()[1]};
  dims.insert(dims.end(), x.shape().begin() + 2, x.shape().end());
  return reshape(x, Shape(std::move(dims)));
}

Value split_examples(const Value& x, const Dim& size) {
  const Dim& rows = x.shape()[0];
  std::vector<Dim> dims{size, exact_div(rows, size).value_or(floor_div(rows, size))};
  dims.insert(dims.end(), x.shape().begin() + 1, x.shape().end());
  return reshape(x, Shape(std::move(dims)));
}

std::vector<Value> apply_to(const Op& op, std::span<const Value> inputs) {
  Graph& graph = inputs[0].graph();
  return graph.outputs_of(graph.add(op, inputs, {}));
}

std::vector<Value> batch_elementwise(const Op& op, const BatchArgs& args) {
  std::size_t rank = 0;
  for (std::size_t i = 0; i < args.inputs.size(); ++i) rank = std::max(rank, example_shape(args, i).rank());
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < args.inputs.size(); ++i) inputs.push_back(aligned(args, i, rank));
  return apply_to(op, inputs);
}

std::vector<Value> batch_rows(const Op& op, const BatchArgs& args) {
  std::vector<TensorType> types;
  std::size_t rank = 0;
  for (std::size_t i = 0; i < args.inputs.size(); ++i) {
    types.push_back({args.inputs[i].dtype(), example_shape(args, i)});
    rank = std::max(rank, types.back().shape.rank());
  }
  // Vectors may be single rows, of which an op need not promise anything.
  if (rank < 2 || args.size.is(0)) return {};
  const std::vector<TensorType> outputs = op.infer(types);
  if (outputs[0].shape.is_scalar() || outputs[0].shape[0].is(0)) return {};
  const Dim rows = outputs[0].shape[0];
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < args.inputs.size(); ++i) {
    const bool has_rows = !types[i].shape.is_scalar() && types[i].shape[0] == rows;
    if (!has_rows && args.batched[i]) return {};
    inputs.push_back(has_rows ? merge_examples(repeated(args, i)) : args.inputs[i]);
  }
  std::vector<TensorType> merged;
  for (const Value& input : inputs) merged.push_back(input.type());
  std::vector<TensorType> found;
  try {
    found = op.infer(merged);
  } catch (const Error&) {
    return {};
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Shape& example = outputs[i].shape;
    std::vector<Dim> dims = example.dims();
    if (example.is_scalar() || dims[0] != rows) return {};
    dims[0] = args.size * rows;
    if (found[i].shape != Shape(std::move(dims))) return {};
  }
  std::vector<Value> results = apply_to(op, inputs);
  for (std::size_t i = 0; i < results.size(); ++i)
    results[i] = reshape(results[i], with_examples(args.size, outputs[i].shape));
  return results;
}

}  // namespace weft
