#pragma once
// Programs inside ops: what a loop does in each step, what a branch computes. A body is a function of its
// arguments alone. It is written in the graph around it, where it may use any value; trace() takes the nodes
// that depend on the arguments out of that graph, and what else they need becomes arguments, too.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/body.h"
#include "weft/graph/program.h"

namespace weft {

bool operator==(const Body& a, const Body& b);
std::string attribute_text(const Body& body);
Body attribute_bind(const Body& body, const Bindings& bindings);

/// The number of the argument that a node of a body's program stands for; empty for any other node.
std::optional<std::size_t> argument_number(const Node& node);

/// The results for concrete arguments, by reference kernels.
std::vector<Tensor> evaluate(const Body& body, std::span<const Tensor> arguments);

/// A body that is being written.
class BodyBuilder {
 public:
  BodyBuilder() : graph_(std::make_unique<Graph>()) {}
  Graph& graph() { return *graph_; }
  /// The next argument.
  Value argument(const TensorType& type);
  const std::vector<TensorType>& arguments() const { return arguments_; }
  /// The body that returns these values, of which each belongs to graph().
  Body finish(std::span<const Value> results) const;

 private:
  std::unique_ptr<Graph> graph_;
  std::vector<TensorType> arguments_;
};

/// Copies what `roots` need into another graph, but for values that have an image there already; returns the
/// images of the roots, and notes those of all nodes that it copied.
using Images = std::map<ValueId, Value>;
std::vector<Value> graft(Graph& target, const Graph& source, std::span<const Value> roots, Images& images);

/// The body's results as values of another graph.
std::vector<Value> inline_body(const Body& body, Graph& target, std::span<const Value> arguments);

/// Stands for an argument while a function is traced; nothing that runs depends on it.
struct Placeholder {
  static constexpr std::string_view name = "placeholder";
  std::string of;  // "one step of scan"
  TensorType type;
  std::int64_t number = 0;  // so that no two are equal
  static constexpr auto attributes =
      weft::attributes(&Placeholder::of, &Placeholder::type, &Placeholder::number);
  TensorType infer() const { return type; }
  void forward(const KernelArgs& args) const;  // throws
  static constexpr NoGradient gradient{"it is a source; differentiate with respect to it instead"};
};
Value placeholder(Graph& graph, std::string_view of, const TensorType& type, const Where& where);

/// A function of values of one graph.
using BodyFunction = std::function<std::vector<Value>(std::span<const Value>)>;

struct TraceOptions {
  std::string_view op;  // for whom
  Where where;
  /// The argument that counts steps, i64 []: random numbers of the body are then drawn anew in each step.
  std::optional<std::size_t> step{};
  /// Whether all that the function computes belongs to the body, since it may not be computed otherwise; else
  /// only what depends on an argument, and the rest is captured.
  bool whole = false;
};

/// Calls `f` and makes a body of what it returns. What the body needs of the graph around it is appended to
/// `captured`, if it is not there yet; arguments for all of `captured` follow those of these types. Throws
/// Error(invalid_argument) for a result that is no value of the graph, and for an update inside.
Body trace(Graph& graph, std::span<const TensorType> arguments, const BodyFunction& f,
           std::vector<Value>& captured, const TraceOptions& options);

/// The body with arguments for values that were captured after it was traced.
Body with_captured(Body body, std::size_t own, std::span<const Value> captured);

}  // namespace weft
