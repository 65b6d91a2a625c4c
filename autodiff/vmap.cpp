#include "weft/autodiff/vmap.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "weft/graph/located.h"
#include "weft/ops/batching.h"
#include "weft/ops/body.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// Replaces the nodes from `first` on that depend on an example, or that draw random numbers, by nodes for
/// all examples.
class Batching {
 public:
  Batching(Graph& graph, NodeId first, Dim size) : graph_(graph), first_(first), size_(std::move(size)) {}

  void map(const Value& example, const Value& all) { found_[{example.node(), example.output()}] = all; }

  void run(std::span<const Value> outputs) {
    std::set<NodeId> open;
    std::set<NodeId> needed;
    const auto reach = [&](NodeId id) {
      if (id >= first_) open.insert(id);
    };
    for (const Value& output : outputs) {
      if (output.has_value()) reach(output.node());
    }
    while (!open.empty()) {
      const NodeId id = *open.rbegin();  // the newest first, since no later node needs it
      open.erase(id);
      needed.insert(id);
      for (const ValueId& input : graph_.node(id).inputs) reach(input.node);
    }
    for (const NodeId id : needed) visit(id);
  }

  /// An output as it was found: with the axis of the examples, or without it where it is the same for all.
  Value found(const Value& value) const {
    const auto it = found_.find({value.node(), value.output()});
    return it != found_.end() ? it->second : single(value);
  }

  /// An output for all examples.
  Value of(const Value& value) const {
    if (!value.has_value()) return {};
    const auto it = found_.find({value.node(), value.output()});
    return it != found_.end() ? it->second : broadcast_to(single(value), with_examples(size_, value.shape()));
  }

 private:
  /// A value that is the same for all examples.
  Value single(const Value& value) const {
    const auto it = single_.find({value.node(), value.output()});
    return it != single_.end() ? it->second : value;
  }

  void visit(NodeId id) {
    const Node& node = graph_.node(id);
    BatchArgs args{.inputs = {}, .batched = {}, .size = size_, .batch_body = batch_body};
    std::vector<Value> inputs;
    bool draws = false;
    bool moves = false;
    for (const ValueId& input : node.inputs) {
      const auto it = found_.find(input);
      args.batched.push_back(it != found_.end());
      inputs.push_back(it != found_.end() ? it->second : single(graph_.value(input)));
      moves = moves || single_.contains(input);
      const Op& source = graph_.node(input.node).op;
      draws = draws || source.is<RandomKey>() || source.is<StepKey>();
    }
    draws = draws && !node.op.is<StepKey>();  // a key is the same for all examples, what it draws is not
    const bool differs = draws || std::ranges::find(args.batched, true) != args.batched.end();
    if (!differs && !moves) return;
    args.inputs = inputs;
    const Scope origin(graph_, fmt::format("vmap/{}", node.name.empty() ? node.op.name() : node.name),
                       node.where);
    const std::vector<Value> outputs = differs ? batch(node, args) : apply_to(node.op, inputs);
    for (std::uint32_t i = 0; i < outputs.size(); ++i) {
      // One that is the same for all examples has the shape of one.
      const bool same = outputs[i].shape().rank() == node.outputs[i].shape.rank();
      (same ? single_ : found_)[{id, i}] = outputs[i];
    }
  }

  std::vector<Value> batch(const Node& node, const BatchArgs& args) const {
    const Traits traits = node.op.traits();
    if (traits.stateful && !traits.communicates)
      fail(node, "an update has no meaning for one example; assign what vmap returns");
    if (const auto* custom = node.op.as<CustomGradient>()) return batch_custom(*custom, args);
    std::vector<Value> outputs = node.op.batch(args);
    if (outputs.empty() && traits.elementwise) outputs = batch_elementwise(node.op, args);
    if (outputs.empty() && traits.row_wise) outputs = batch_rows(node.op, args);
    return outputs.empty() ? one_by_one(node, args) : outputs;
  }

  static std::vector<Value> batch_body(Graph& graph, const Body& body, std::span<const Value> arguments,
                                       const std::vector<bool>& batched, const Dim& size) {
    Batching batching(graph, static_cast<NodeId>(graph.size()), size);
    std::vector<Value> examples;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      examples.push_back(batched[i] ? placeholder(graph, "one example of vmap", body.arguments[i], {})
                                    : arguments[i]);
      if (batched[i]) batching.map(examples.back(), arguments[i]);
    }
    std::vector<Value> results = inline_body(body, graph, examples);
    batching.run(results);
    for (Value& result : results) result = batching.found(result);
    return results;
  }

  /// The rule of a custom gradient, for each example.
  static std::vector<Value> batch_custom(const CustomGradient& op, const BatchArgs& args) {
    const std::vector<bool> batched(args.batched.begin() + 1, args.batched.end());
    GradientRule rule = [one = op.rule.rule, batched](const GradientArgs& all) {
      std::vector<Mapped> mapped{all.outputs[0], all.output_gradients[0]};
      for (std::size_t i = 0; i < batched.size(); ++i) {
        if (batched[i]) mapped.emplace_back(all.inputs[i]);
      }
      const ExampleFunction of_example = [&](std::span<const Value> example) {
        std::vector<Value> inputs;
        std::size_t next = 2;
        for (std::size_t i = 0; i < batched.size(); ++i)
          inputs.push_back(batched[i] ? example[next++] : all.inputs[i]);
        return (*one)(
            {.inputs = inputs, .outputs = example.subspan(0, 1), .output_gradients = example.subspan(1, 1)});
      };
      return vmap_many(of_example, mapped);
    };
    std::vector<Value> inputs(args.inputs.begin(), args.inputs.end());
    inputs[0] = repeated(args, 0);
    return apply_to(CustomGradient{{std::make_shared<const GradientRule>(std::move(rule))}}, inputs);
  }

  std::vector<Value> one_by_one(const Node& node, const BatchArgs& args) const {
    if (!size_.is_number()) {
      fail(node, fmt::format(
                     "{} has no batching rule for such inputs, and its examples cannot be taken one by one: "
                     "their number is '{}'",
                     node.op.name(), to_string(size_)));
    }
    std::vector<std::vector<Value>> parts(node.outputs.size());
    for (std::int64_t example = 0; example < size_.size(); ++example) {
      std::vector<Value> inputs;
      for (std::size_t i = 0; i < args.inputs.size(); ++i) {
        inputs.push_back(args.batched[i] ? squeeze(slice(args.inputs[i], 0, example, example + 1), 0)
                                         : args.inputs[i]);
      }
      const std::vector<Value> outputs = apply_to(node.op, inputs);
      for (std::size_t i = 0; i < outputs.size(); ++i) parts[i].push_back(outputs[i]);
    }
    std::vector<Value> results;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const TensorType& type = node.outputs[i];
      results.push_back(parts[i].empty() ? broadcast_to(cast(constant(graph_, 0.0), type.dtype),
                                                        with_examples(size_, type.shape))
                                         : stack(parts[i]));
    }
    return results;
  }

  [[noreturn]] static void fail(const Node& node, std::string message) {
    throw Error(ErrorCode::unsupported, std::move(message),
                {.op = std::string(node.op.name()), .node = node.name, .where = to_string(node.where)});
  }

  Graph& graph_;
  NodeId first_;
  Dim size_;
  std::map<ValueId, Value> found_;   // for all examples
  std::map<ValueId, Value> single_;  // built anew, and the same for all examples
};

/// The input with the axis of the examples first.
Value examples_first(const Mapped& input) {
  const Value& value = expect_value(input.value, "vmap", "a mapped value", input.where);
  if (value.shape().is_scalar()) {
    throw Error(ErrorCode::invalid_argument, "a number has no axis of examples",
                {.op = "vmap", .node = value.name(), .where = to_string(input.where)});
  }
  return located("vmap", input.where, [&] {
    const std::size_t axis = normalize_axis(input.axis, value.shape().rank());
    return axis == 0 ? value : move_axis(value, static_cast<std::int64_t>(axis), 0);
  });
}

void expect_size_of_batch(const Value& value, const Dim& size, const Mapped& input) {
  if (value.shape()[0] == size) return;
  throw Error(ErrorCode::shape_mismatch, "the mapped values have different numbers of examples",
              {.op = "vmap",
               .node = value.name(),
               .expected = fmt::format("{} along axis {}", to_string(size), input.axis),
               .actual = to_string(input.value.type()),
               .where = to_string(input.where)});
}

}  // namespace

std::vector<Value> vmap_many(const ExampleFunction& f, std::span<const Mapped> inputs) {
  if (inputs.empty())
    throw Error(ErrorCode::invalid_argument, "vmap needs a value to map over", {.op = "vmap"});
  Graph& graph = expect_value(inputs[0].value, "vmap", "a mapped value", inputs[0].where).graph();
  const Transaction whole(graph);
  std::vector<Value> all;
  for (const Mapped& input : inputs) {
    all.push_back(examples_first(input));
    expect_size_of_batch(all.back(), all[0].shape()[0], input);
  }
  const Dim size = all[0].shape()[0];
  Batching batching(graph, static_cast<NodeId>(graph.size()), size);
  std::vector<Value> examples;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<Dim>& dims = all[i].shape().dims();
    const TensorType example{all[i].dtype(), Shape({dims.begin() + 1, dims.end()})};
    examples.push_back(placeholder(graph, "one example of vmap", example, inputs[i].where));
    batching.map(examples.back(), all[i]);
  }
  std::vector<Value> outputs = f(examples);
  batching.run(outputs);
  for (Value& output : outputs) output = batching.of(output);
  return outputs;
}

}  // namespace weft
