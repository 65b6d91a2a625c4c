#include "weft/runtime/ops/fused_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "weft/graph/evaluate.h"
#include "weft/graph/print.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/loss.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

Tensor repeat_scalar(const Tensor& scalar, std::int64_t count) {
  const std::int64_t sizes[] = {count};
  return broadcast_to_sizes(scalar.reshaped(std::array<std::int64_t, 1>{1}), sizes);
}

template <typename T>
std::string number_text(T number) {
  if constexpr (HalfFloat<T>) return fmt::format("{}", static_cast<float>(number));
  if constexpr (!HalfFloat<T>) return fmt::format("{}", number);
}

/// The type of c; throws unless `added` has the same type.
TensorType accumulator_type(const TensorType& c, const TensorType& added, std::string_view what) {
  if (added == c) return c;
  throw Error(ErrorCode::shape_mismatch,
              fmt::format("the {} does not have the type of what it is added to", what));
}

/// y = c + alpha * added, where c is the first input.
void add_scaled(const Tensor& added, double alpha, const KernelArgs& args) {
  visit_float(added.dtype(), [&]<typename T>(T) {
    const auto c = args.inputs[0].as<const T>();
    const auto y = args.outputs[0].as<T>();
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = static_cast<T>(c[i] + static_cast<T>(alpha) * added.values<T>()[i]);
  });
}

}  // namespace

Tensor borrow(const ConstArg& arg) { return Tensor::borrow(arg.data, arg.dtype, arg.sizes); }

void copy_into(const Tensor& from, const Arg& to) {
  if (from.bytes() > 0 && from.data() != to.data) std::memcpy(to.data, from.data(), from.bytes());
}

std::string attribute_text(const Epilogue& epilogue) {
  return epilogue.op ? to_string(*epilogue.op) : "none";
}

void apply(const Epilogue& epilogue, const Arg& y) {
  if (!epilogue.op) return;
  const Tensor before = Tensor::borrow(y.data, y.dtype, y.sizes).clone();
  copy_into(evaluate(*epilogue.op, {{before}})[0], y);
}

TensorType SumAccumulate::infer(const TensorType& c, const TensorType& x) const {
  return accumulator_type(c, Sum{.axes = axes}.infer(x), "sum");
}

void SumAccumulate::forward(const KernelArgs& args) const {
  add_scaled(evaluate(Sum{.axes = axes}, {{borrow(args.inputs[1])}})[0], alpha, args);
}

void CheckedIndices::forward(const KernelArgs& args) const {
  check_indices(args.inputs[0], rows, "index");
  copy_into(borrow(args.inputs[0]), args.outputs[0]);
}

TensorType ScatterAccumulate::infer(const TensorType& c, const TensorType& x,
                                    const TensorType& indices) const {
  return accumulator_type(c, ScatterAdd{.shape = c.shape}.infer(x, indices), "scattered rows");
}

void ScatterAccumulate::forward(const KernelArgs& args) const {
  const ScatterAdd scattered{.shape = Shape::of(args.inputs[0].sizes)};
  add_scaled(evaluate(scattered, {{borrow(args.inputs[1]), borrow(args.inputs[2])}})[0], alpha, args);
}

bool operator==(const ElementwiseBody& a, const ElementwiseBody& b) {
  return a.program == b.program || attribute_text(a) == attribute_text(b);
}

std::string attribute_text(const ElementwiseBody& body) {
  const Graph& graph = *body.program->graph;
  // Values that are used more than once get a name, or the text would double with each such use.
  std::vector<int> uses(graph.size(), 0);
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const ValueId& operand : graph.node(id).inputs) ++uses[operand.node];
  }
  std::vector<std::string> texts(graph.size());
  std::string named;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (const auto* input = node.op.as<Input>()) {
      texts[id] = input->label;
      continue;
    }
    if (const Tensor* constant = node.op.constant()) {
      texts[id] =
          visit_dtype(constant->dtype(), [&]<typename T>(T) { return number_text(constant->item<T>()); });
      continue;
    }
    std::vector<std::string> operands;
    for (const ValueId& operand : node.inputs) operands.push_back(texts[operand.node]);
    texts[id] = fmt::format("{}({})", to_string(node.op), fmt::join(operands, ", "));
    const bool is_root =
        std::ranges::find(body.program->roots, id, &Value::node) != body.program->roots.end();
    if (uses[id] + (is_root ? 1 : 0) > 1) {
      named += fmt::format("t{} = {}; ", id, texts[id]);
      texts[id] = fmt::format("t{}", id);
    }
  }
  std::vector<std::string> results;
  for (const Value& root : body.program->roots) results.push_back(texts[root.node()]);
  return named + fmt::format("{}", fmt::join(results, ", "));
}

std::vector<TensorType> FusedElementwise::infer(std::span<const TensorType> inputs) const {
  const Graph& graph = *body.program->graph;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (graph.node(static_cast<NodeId>(i)).outputs[0] != inputs[i]) {
      throw Error(ErrorCode::internal, "a fused chain was given another type than it was made for");
    }
  }
  std::vector<TensorType> outputs;
  for (const Value& root : body.program->roots) outputs.push_back(root.type());
  return outputs;
}

void FusedElementwise::forward(const KernelArgs& args) const {
  const Graph& graph = *body.program->graph;
  const std::int64_t count = args.outputs[0].elements;
  std::vector<Tensor> results;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.op.is<Input>()) {
      results.push_back(borrow(args.inputs[id]).reshaped(std::array{count}));
    } else if (const Tensor* constant = node.op.constant()) {
      results.push_back(repeat_scalar(*constant, count));
    } else {
      std::vector<Tensor> operands;
      for (const ValueId& operand : node.inputs) operands.push_back(results[operand.node]);
      results.push_back(evaluate(node.op, operands)[0]);
    }
  }
  for (std::size_t i = 0; i < args.outputs.size(); ++i) {
    copy_into(results[body.program->roots[i].node()], args.outputs[i]);
  }
}

std::vector<TensorType> FusedGather::infer(std::span<const TensorType> inputs) const {
  std::vector<TensorType> types(inputs.begin(), inputs.end() - 1);
  types.at(slot) = Gather{}.infer(inputs[slot], inputs.back());
  return FusedElementwise{body}.infer(types);
}

void FusedGather::forward(const KernelArgs& args) const {
  const Tensor rows = evaluate(Gather{}, {{borrow(args.inputs[slot]), borrow(args.inputs.back())}})[0];
  std::vector<ConstArg> inputs(args.inputs.begin(), args.inputs.end() - 1);
  inputs[slot] = {
      .dtype = rows.dtype(), .sizes = rows.sizes(), .data = rows.data(), .elements = rows.elements()};
  // A chain's reference kernel takes inputs that are broadcast already.
  std::vector<Tensor> broadcast;
  for (ConstArg& input : inputs) {
    broadcast.push_back(broadcast_to_sizes(borrow(input), args.outputs[0].sizes));
    input = {.dtype = input.dtype,
             .sizes = args.outputs[0].sizes,
             .data = broadcast.back().data(),
             .elements = broadcast.back().elements()};
  }
  FusedElementwise{body}.forward({inputs, args.outputs});
}

std::array<TensorType, 2> FusedCrossEntropy::infer(const TensorType& logits, const TensorType& labels,
                                                   const TensorType& scale) const {
  const auto outputs = SoftmaxCrossEntropy{}.infer(logits, labels);
  if (broadcast_type(outputs[1], scale) != outputs[1]) {
    throw Error(ErrorCode::internal, "the scale of a fused cross-entropy is larger than its logits");
  }
  return outputs;
}

void FusedCrossEntropy::forward(const KernelArgs& args) const {
  const Tensor labels = borrow(args.inputs[1]);
  const auto results = evaluate(SoftmaxCrossEntropy{}, {{borrow(args.inputs[0]), labels}});
  const Tensor difference = evaluate(LabelDifference{}, {{results[1], labels}})[0];
  copy_into(results[0], args.outputs[0]);
  copy_into(evaluate(Mul{}, {{difference, borrow(args.inputs[2])}})[0], args.outputs[1]);
}

void Copy::forward(const KernelArgs& args) const { copy_into(borrow(args.inputs[0]), args.outputs[0]); }

ElementwiseBody body_of(const Op& op, std::span<const TensorType> inputs) {
  auto program = std::make_shared<Program>(Program{std::make_unique<Graph>(), {}});
  Graph& graph = *program->graph;
  std::vector<Value> values;
  for (const TensorType& type : inputs) {
    values.push_back(input(graph, fmt::format("x{}", values.size()), type.dtype, type.shape));
  }
  program->roots = {Value(&graph, graph.add(op, values, {}), 0)};
  return {program};
}

template detail::Model detail::model_of(SumAccumulate);
template detail::Model detail::model_of(CheckedIndices);
template detail::Model detail::model_of(ScatterAccumulate);
template detail::Model detail::model_of(FusedElementwise);
template detail::Model detail::model_of(FusedGather);
template detail::Model detail::model_of(FusedCrossEntropy);
template detail::Model detail::model_of(Copy);

}  // namespace weft
