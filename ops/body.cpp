#include "weft/ops/body.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "weft/graph/evaluate.h"
#include "weft/graph/print.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

bool same_nodes(const Graph& a, const Graph& b) {
  if (a.size() != b.size()) return false;
  for (NodeId id = 0; id < a.size(); ++id) {
    const Node& left = a.node(id);
    const Node& right = b.node(id);
    if (left.inputs != right.inputs || left.outputs != right.outputs || left.op != right.op) return false;
  }
  return true;
}

bool same_roots(std::span<const Value> a, std::span<const Value> b) {
  return std::ranges::equal(a, b, [](const Value& left, const Value& right) {
    return left.node() == right.node() && left.output() == right.output();
  });
}

}  // namespace

bool operator==(const Body& a, const Body& b) {
  if (a.program == b.program) return true;
  return a.arguments == b.arguments && same_nodes(*a.program->graph, *b.program->graph) &&
         same_roots(a.program->roots, b.program->roots);
}

std::string attribute_text(const Body& body) {
  const Graph& graph = *body.program->graph;
  const auto reference = [&](ValueId id) {
    const Node& node = graph.node(id.node);
    if (const auto number = argument_number(node)) return fmt::format("${}", *number);
    return node.outputs.size() == 1 ? fmt::format("%{}", id.node) : fmt::format("%{}.{}", id.node, id.output);
  };
  std::string text = "{";
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (argument_number(node)) continue;
    std::vector<std::string> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(reference(input));
    text += fmt::format("%{} = {}({}); ", id, to_string(node.op), fmt::join(inputs, ", "));
  }
  std::vector<std::string> results;
  for (const Value& root : body.program->roots) results.push_back(reference({root.node(), root.output()}));
  return text + fmt::format("return {}}}", fmt::join(results, ", "));
}

Body attribute_bind(const Body& body, const Bindings& bindings) {
  Body bound;
  for (const TensorType& type : body.arguments) bound.arguments.push_back(attribute_bind(type, bindings));
  bound.program =
      std::make_shared<const Program>(extract(*body.program->graph, body.program->roots, bindings));
  return bound;
}

std::optional<std::size_t> argument_number(const Node& node) {
  const auto* input = node.op.as<Input>();
  if (input == nullptr) return std::nullopt;
  std::size_t number = 0;
  std::from_chars(input->label.data(), input->label.data() + input->label.size(), number);
  return number;
}

std::vector<Tensor> evaluate(const Body& body, std::span<const Tensor> arguments) {
  return evaluate(*body.program, [&](const Node& node) {
    const auto number = argument_number(node);
    return number ? arguments[*number] : Tensor();
  });
}

Value BodyBuilder::argument(const TensorType& type) {
  const Input argument{.label = std::to_string(arguments_.size()), .type = type};
  arguments_.push_back(type);
  return graph_->value({graph_->add(argument, {}, {}), 0});
}

Body BodyBuilder::finish(std::span<const Value> results) const {
  return {arguments_, std::make_shared<const Program>(extract(*graph_, results))};
}

std::vector<Value> graft(Graph& target, const Graph& source, std::span<const Value> roots, Images& images) {
  std::set<NodeId> needed;
  std::set<NodeId> open;
  const auto reach = [&](ValueId id) {
    if (!images.contains(id)) open.insert(id.node);
  };
  for (const Value& root : roots) reach({root.node(), root.output()});
  while (!open.empty()) {
    const NodeId id = *open.rbegin();  // the youngest first, since no older node needs it
    open.erase(id);
    needed.insert(id);
    for (const ValueId& input : source.node(id).inputs) reach(input);
  }
  for (const NodeId id : needed) {
    const Node& node = source.node(id);
    std::vector<Value> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(images.at(input));
    const NodeId made = target.add(node.op, inputs, node.where, node.name);
    for (std::uint32_t i = 0; i < node.outputs.size(); ++i)
      images.try_emplace({id, i}, target.value({made, i}));
  }
  std::vector<Value> found;
  for (const Value& root : roots) found.push_back(images.at({root.node(), root.output()}));
  return found;
}

std::vector<Value> inline_body(const Body& body, Graph& target, std::span<const Value> arguments) {
  const Graph& graph = *body.program->graph;
  Images images;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (const auto number = argument_number(graph.node(id))) images[{id, 0}] = arguments[*number];
  }
  return graft(target, graph, body.program->roots, images);
}

void Placeholder::forward(const KernelArgs&) const {
  throw Error(ErrorCode::unsupported, fmt::format("a value of {} was used outside of its function", of));
}

Value placeholder(Graph& graph, std::string_view of, const TensorType& type, const Where& where) {
  const Placeholder op{.of = std::string(of), .type = type, .number = graph.next_stream()};
  return graph.value({graph.add(op, {}, where), 0});
}

namespace {

/// Takes what a function built out of the graph around it.
class Tracing {
 public:
  Tracing(Graph& graph, NodeId first, std::vector<Value>& captured, const TraceOptions& options)
      : graph_(graph), first_(first), captured_(captured), options_(options) {}

  Body run(std::span<const Value> placeholders, std::span<const Value> results) {
    for (const Value& value : placeholders)
      images_[{value.node(), value.output()}] = builder_.argument(value.type());
    own_ = placeholders.size();
    for (const Value& value : captured_) builder_.argument(value.type());
    find_inside();
    for (const Value& result : results) prepare_cone(result);
    std::vector<Value> roots = graft(builder_.graph(), graph_, results, images_);
    return builder_.finish(roots);
  }

 private:
  void find_inside() {
    inside_.assign(graph_.size() - first_, false);
    for (NodeId id = first_; id < graph_.size(); ++id) {
      const Node& node = graph_.node(id);
      inside_[id - first_] = std::ranges::any_of(node.inputs, [&](const ValueId& input) {
        return options_.whole || images_.contains(input) || is_inside(input.node) ||
               (options_.step && graph_.node(input.node).op.is<RandomKey>());
      });
    }
  }

  bool is_inside(NodeId id) const { return id >= first_ && inside_[id - first_]; }

  /// Gives images to all values from outside that lead to a result.
  void prepare_cone(const Value& result) {
    std::vector<ValueId> open{{result.node(), result.output()}};
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      if (!seen_.insert(id).second || images_.contains(id)) continue;
      const Node& node = graph_.node(id.node);
      if (!is_inside(id.node)) {
        capture(id, node);
        continue;
      }
      if (node.op.traits().stateful) {
        throw Error(ErrorCode::invalid_argument,
                    fmt::format("what reaches outside has no place inside of {}; do it with what comes out",
                                options_.op),
                    {.op = std::string(node.op.name()), .node = node.name, .where = to_string(node.where)});
      }
      open.insert(open.end(), node.inputs.begin(), node.inputs.end());
    }
  }

  void capture(ValueId id, const Node& node) {
    if (id.node >= first_ && node.op.constant() != nullptr) return;  // a number of the function
    const auto found = std::ranges::find(captured_, graph_.value(id));
    Value image;
    if (found == captured_.end()) {
      captured_.push_back(graph_.value(id));
      image = builder_.argument(graph_.type(id));
    } else {
      image = argument(own_ + static_cast<std::size_t>(found - captured_.begin()));
    }
    if (node.op.is<RandomKey>() && options_.step) image = apply(StepKey{}, image, argument(*options_.step));
    images_[id] = image;
  }

  Value argument(std::size_t number) {
    return builder_.graph().value({static_cast<NodeId>(number_of(number)), 0});
  }

  /// The node of an argument: those of arguments that came later follow copies of keys.
  NodeId number_of(std::size_t number) {
    Graph& graph = builder_.graph();
    NodeId id = 0;
    while (argument_number(graph.node(id)) != number) ++id;
    return id;
  }

  Graph& graph_;
  NodeId first_;
  std::vector<Value>& captured_;
  const TraceOptions& options_;
  BodyBuilder builder_;
  std::size_t own_ = 0;
  std::vector<bool> inside_;  // from first_ on: depends on an argument, or draws
  std::set<ValueId> seen_;
  Images images_;
};

}  // namespace

Body trace(Graph& graph, std::span<const TensorType> arguments, const BodyFunction& f,
           std::vector<Value>& captured, const TraceOptions& options) {
  const auto first = static_cast<NodeId>(graph.size());
  std::vector<Value> placeholders;
  for (const TensorType& type : arguments)
    placeholders.push_back(
        placeholder(graph, fmt::format("one step of {}", options.op), type, options.where));
  const std::vector<Value> results = f(placeholders);
  expect_values(results, options.op, "result", options.where);
  for (const Value& result : results) {
    if (&result.graph() == &graph) continue;
    throw Error(ErrorCode::invalid_argument, "a result belongs to another graph",
                {.op = std::string(options.op), .where = to_string(options.where)});
  }
  return Tracing(graph, first, captured, options).run(placeholders, results);
}

Body with_captured(Body body, std::size_t own, std::span<const Value> captured) {
  for (std::size_t i = body.arguments.size() - own; i < captured.size(); ++i)
    body.arguments.push_back(captured[i].type());
  return body;
}

}  // namespace weft
