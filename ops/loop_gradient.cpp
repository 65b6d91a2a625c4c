// The gradients of loops: a scan in the other direction, whose steps are the gradient of the body.

#include <algorithm>
#include <iterator>
#include <set>

#include "weft/ops/bits.h"
#include "weft/ops/branch.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

TensorType cotangent_type(const TensorType& type) { return {gradient_dtype(type.dtype), type.shape}; }

Value zeros(Graph& graph, const TensorType& type) {
  return broadcast_to(constant(graph, 0.0, type.dtype, {}), type.shape);
}

/// Splits a scan's body and its gradient into a body for each direction.
class ScanGradient {
 public:
  ScanGradient(const Scan& scan, const GradientArgs& args) : scan_(scan), args_(args) {
    for (const TensorType& type : scan.body.arguments) arguments_.push_back(whole_.argument(type));
    results_ = inline_body(scan.body, whole_.graph(), arguments_);
    differentiate();
  }

  std::vector<Value> run() {
    const bool flows = !gradients_.empty() || (!flowing_.empty() && is_state(flowing_[0]));
    if (wrt_.empty() || !flows) return std::vector<Value>(args_.inputs.size());
    choose_kept();
    const std::vector<Value> kept = stack_kept();
    return scan_back(kept);
  }

 private:
  /// An argument that gradients flow to, and its gradient in one step; an empty Value if it has none.
  struct Wanted {
    std::size_t argument = 0;
    Value gradient;
  };

  std::size_t states() const { return static_cast<std::size_t>(scan_.states); }
  std::size_t first_captured() const { return static_cast<std::size_t>(scan_.states + scan_.sequences); }
  bool is_state(std::size_t argument) const { return argument < states(); }
  bool is_captured(std::size_t argument) const { return argument >= first_captured(); }

  void differentiate() {
    Graph& graph = whole_.graph();
    std::vector<Value> outputs;
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const bool flows =
          is_real(results_[i].dtype()) && (is_state(i) || args_.output_gradients[i].has_value());
      if (!flows) continue;
      outputs.push_back(results_[i]);
      flowing_.push_back(i);
    }
    forward_end_ = static_cast<NodeId>(graph.size());
    for (const Value& output : outputs) cotangents_.push_back(whole_.argument(cotangent_type(output.type())));
    std::vector<Value> wrt;
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      if (!is_real(arguments_[i].dtype())) continue;
      wrt.push_back(arguments_[i]);
      wrt_.push_back({i, {}});
    }
    if (outputs.empty() || wrt.empty()) {
      wrt_.clear();
      return;
    }
    const std::vector<Value> found = args_.differentiate(outputs, cotangents_, wrt);
    for (std::size_t i = 0; i < found.size(); ++i) {
      wrt_[i].gradient = found[i];
      if (found[i].has_value()) gradients_.push_back(found[i]);
    }
  }

  /// Which values of the forward steps the gradient reads: each becomes a sequence, unless it can be had from
  /// sequences and captured values without the states.
  void choose_kept() {
    Graph& graph = whole_.graph();
    std::set<ValueId> seen;
    std::vector<ValueId> open;
    for (const Value& gradient : gradients_) open.push_back({gradient.node(), gradient.output()});
    const std::vector<bool> by_states = depends_on_states();
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      if (!seen.insert(id).second) continue;
      const Node& node = graph.node(id.node);
      const bool forward = id.node < forward_end_;
      const bool is_argument = argument_number(node).has_value();
      if (forward && by_states[id.node] && (is_argument || (!scan_.recompute && !node.op.traits().view))) {
        kept_.push_back(id);
        continue;
      }
      open.insert(open.end(), node.inputs.begin(), node.inputs.end());
    }
    std::ranges::sort(kept_);
  }

  std::vector<bool> depends_on_states() {
    const Graph& graph = whole_.graph();
    std::vector<bool> depends(forward_end_, false);
    for (NodeId id = 0; id < forward_end_; ++id) {
      const Node& node = graph.node(id);
      if (const auto number = argument_number(node)) depends[id] = is_state(*number);
      for (const ValueId& input : node.inputs) depends[id] = depends[id] || depends[input.node];
    }
    return depends;
  }

  /// The values to keep, as outputs of the scan once more.
  std::vector<Value> stack_kept() const {
    if (kept_.empty()) return {};
    Graph& graph = args_.inputs[0].graph();
    BodyBuilder builder;
    Images images;
    for (const Value& argument : arguments_) images[{argument.node(), 0}] = builder.argument(argument.type());
    std::vector<Value> roots(results_.begin(), results_.begin() + scan_.states);
    for (const ValueId& id : kept_) roots.push_back(graph_of_whole()->value(id));
    Scan stacking = scan_;
    stacking.body = builder.finish(graft(builder.graph(), *graph_of_whole(), roots, images));
    const std::vector<Value> outputs = graph.outputs_of(graph.add(stacking, args_.inputs, {}));
    return {outputs.begin() + scan_.states, outputs.end()};
  }

  Graph* graph_of_whole() const { return &arguments_[0].graph(); }

  /// States: gradients of the states, then sums for the captured values. Sequences: gradients of the stacked
  /// outputs, the scan's own sequences, what was kept.
  std::vector<Value> scan_back(const std::vector<Value>& kept) {
    Graph& graph = args_.inputs[0].graph();
    BodyBuilder builder;
    Images images;
    std::vector<Value> first;
    std::vector<Value> next;
    for (std::size_t k = 0; k < flowing_.size() && is_state(flowing_[k]); ++k) {
      const Value& cotangent = cotangents_[k];
      images[{cotangent.node(), 0}] = builder.argument(cotangent.type());
      const Value& given = args_.output_gradients[flowing_[k]];
      first.push_back(given.has_value() ? given : zeros(graph, cotangent.type()));
    }
    std::vector<Value> sums;
    for (const Wanted& wanted : wrt_) {
      if (!is_captured(wanted.argument) || !wanted.gradient.has_value()) continue;
      const TensorType type = wanted.gradient.type();
      sums.push_back(builder.argument(type));
      first.push_back(zeros(graph, type));
    }
    std::vector<Value> sequences;
    for (std::size_t k = 0; k < flowing_.size(); ++k) {
      if (is_state(flowing_[k])) continue;
      images[{cotangents_[k].node(), 0}] = builder.argument(cotangents_[k].type());
      sequences.push_back(args_.output_gradients[flowing_[k]]);
    }
    for (std::size_t i = states(); i < first_captured(); ++i) {
      images[{arguments_[i].node(), 0}] = builder.argument(arguments_[i].type());
      sequences.push_back(args_.inputs[i]);
    }
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      images[kept_[i]] = builder.argument(graph_of_whole()->type(kept_[i]));
      sequences.push_back(kept[i]);
    }
    std::vector<Value> inputs = first;
    inputs.insert(inputs.end(), sequences.begin(), sequences.end());
    for (std::size_t i = first_captured(); i < arguments_.size(); ++i) {
      images[{arguments_[i].node(), 0}] = builder.argument(arguments_[i].type());
      inputs.push_back(args_.inputs[i]);
    }
    graft(builder.graph(), *graph_of_whole(), gradients_, images);
    const auto image = [&](const Value& value) { return images.at({value.node(), value.output()}); };

    // The gradient of a state may be empty, and then it is zero from there on.
    for (std::size_t k = 0; k < flowing_.size() && is_state(flowing_[k]); ++k) {
      const Value& gradient = wanted(flowing_[k]).gradient;
      next.push_back(gradient.has_value() ? image(gradient) : zeros(builder.graph(), cotangents_[k].type()));
    }
    std::size_t sum = 0;
    for (const Wanted& wanted : wrt_) {
      if (is_captured(wanted.argument) && wanted.gradient.has_value())
        next.push_back(sums[sum++] + image(wanted.gradient));
    }
    for (const Wanted& wanted : wrt_) {
      if (!is_state(wanted.argument) && !is_captured(wanted.argument) && wanted.gradient.has_value())
        next.push_back(image(wanted.gradient));
    }
    const Scan back{.body = builder.finish(next),
                    .states = std::ssize(first),
                    .sequences = std::ssize(sequences),
                    .length = scan_.length,
                    .reverse = !scan_.reverse,
                    .recompute = scan_.recompute};
    return in_order_of_inputs(graph.outputs_of(graph.add(back, inputs, {})), first.size());
  }

  const Wanted& wanted(std::size_t argument) const {
    return *std::ranges::find(wrt_, argument, &Wanted::argument);
  }

  std::vector<Value> in_order_of_inputs(const std::vector<Value>& outputs, std::size_t back_states) const {
    std::vector<Value> found(args_.inputs.size());
    std::size_t state = 0;
    for (std::size_t k = 0; k < flowing_.size() && is_state(flowing_[k]); ++k)
      found[flowing_[k]] = outputs[state++];
    std::size_t stacked = back_states;
    for (const Wanted& wanted : wrt_) {
      if (is_state(wanted.argument) || !wanted.gradient.has_value()) continue;
      found[wanted.argument] = outputs[is_captured(wanted.argument) ? state++ : stacked++];
    }
    return found;
  }

  const Scan& scan_;
  const GradientArgs& args_;
  BodyBuilder whole_;  // the body, and its gradient
  std::vector<Value> arguments_;
  std::vector<Value> results_;
  std::vector<std::size_t> flowing_;  // results with a gradient: those of the states first
  std::vector<Value> cotangents_;     // of these
  NodeId forward_end_ = 0;
  std::vector<Wanted> wrt_;
  std::vector<Value> gradients_;
  std::vector<ValueId> kept_;
};

}  // namespace

std::vector<Value> Scan::gradient(const GradientArgs& args) const { return ScanGradient(*this, args).run(); }

std::vector<Value> WhileLoop::gradient(const GradientArgs& args) const {
  if (max_steps < 0) {
    throw Error(ErrorCode::not_differentiable,
                "a while loop has a gradient only with max_steps, which says how much to remember");
  }
  Graph& graph = args.inputs[0].graph();
  const auto count = static_cast<std::size_t>(states);
  // The scan's states are the loop's, and whether it goes on; its sequence counts the steps.
  BodyBuilder builder;
  std::vector<Value> given;
  for (std::size_t i = 0; i < count; ++i) given.push_back(builder.argument(body.arguments[i]));
  const Value alive = builder.argument({DType::boolean, Shape{}});
  for (std::size_t i = count; i < body.arguments.size(); ++i)
    given.push_back(builder.argument(body.arguments[i]));
  const Value goes_on = logical_and(alive, inline_body(condition, builder.graph(), given)[0]);
  BodyBuilder same;
  std::vector<Value> kept;
  for (const TensorType& type : body.arguments) kept.push_back(same.argument(type));
  kept.resize(count);
  std::vector<Value> inputs{goes_on};
  inputs.insert(inputs.end(), given.begin(), given.end());
  Graph& inside = builder.graph();
  std::vector<Value> next =
      inside.outputs_of(inside.add(Cond{.then = body, .otherwise = same.finish(kept)}, inputs, {}));
  next.push_back(goes_on);

  // Through values of their own, so that gradients stop at the loop's inputs.
  std::vector<Value> own;
  for (const Value& input : args.inputs) own.push_back(apply(Reshape{input.shape()}, input));
  std::vector<Value> outer(own.begin(), own.begin() + states);
  outer.push_back(constant(graph, Tensor::scalar(true), {}));
  outer.push_back(positions(zeros(graph, {DType::i64, Shape{max_steps}}), 0, DType::i64));
  outer.insert(outer.end(), own.begin() + states, own.end());
  const Scan steps{.body = builder.finish(next),
                   .states = states + 1,
                   .sequences = 1,
                   .length = max_steps,
                   .reverse = false,
                   .recompute = false};
  const std::vector<Value> last = graph.outputs_of(graph.add(steps, outer, {}));
  std::vector<Value> outputs;
  std::vector<Value> cotangents;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_real(last[i].dtype()) || !args.output_gradients[i].has_value()) continue;
    outputs.push_back(last[i]);
    cotangents.push_back(args.output_gradients[i]);
  }
  std::vector<Value> found(args.inputs.size());
  std::vector<Value> wrt;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (!is_real(own[i].dtype())) continue;
    wrt.push_back(own[i]);
    places.push_back(i);
  }
  if (outputs.empty() || wrt.empty()) return found;
  const std::vector<Value> gradients = args.differentiate(outputs, cotangents, wrt);
  for (std::size_t i = 0; i < places.size(); ++i) found[places[i]] = gradients[i];
  return found;
}

}  // namespace weft
