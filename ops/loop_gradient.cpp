// The gradients of loops: a loop in the other direction, whose steps are the gradient of the body.

#include <algorithm>
#include <iterator>
#include <set>

#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/source.h"

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
                    .recompute = scan_.recompute,
                    .unroll = scan_.unroll};
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

namespace {

/// A while loop from the last step to the first, whose steps are the gradient of the body.
class WhileGradient {
 public:
  WhileGradient(const WhileLoop& loop, const GradientArgs& args)
      : loop_(loop), args_(args), states_(static_cast<std::size_t>(loop.states)) {
    for (const TensorType& type : loop.body.arguments) arguments_.push_back(whole_.argument(type));
    results_ = inline_body(loop.body, whole_.graph(), arguments_);
  }

  std::vector<Value> run() {
    const bool flows =
        std::ranges::any_of(args_.output_gradients, [](const Value& dy) { return dy.has_value(); });
    if (!flows || !differentiate()) return std::vector<Value>(args_.inputs.size());
    find_recorded();
    return loop_back();
  }

 private:
  Graph& outer() const { return args_.inputs[0].graph(); }
  bool is_state(std::size_t argument) const { return argument < states_; }
  /// Of an argument of the body that is no count of steps.
  std::size_t input_of(std::size_t argument) const { return is_state(argument) ? argument : argument - 1; }

  bool differentiate() {
    std::vector<Value> outputs;
    for (std::size_t i = 0; i < states_; ++i) {
      if (!is_real(results_[i].dtype())) continue;
      outputs.push_back(results_[i]);
      flowing_.push_back(i);
      cotangents_.push_back(whole_.argument(cotangent_type(results_[i].type())));
    }
    std::vector<Value> wrt;
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      if (!is_real(arguments_[i].dtype())) continue;
      wrt.push_back(arguments_[i]);
      wrt_.push_back(i);
    }
    if (outputs.empty()) return false;
    gradients_ = args_.differentiate(outputs, cotangents_, wrt);
    return true;
  }

  /// The states that the gradient of a step reads.
  void find_recorded() {
    std::vector<Value> roots;
    for (const Value& gradient : gradients_) {
      if (gradient.has_value()) roots.push_back(gradient);
    }
    for (const NodeId id : needed_nodes(whole_.graph(), roots)) {
      const auto number = argument_number(whole_.graph().node(id));
      if (number && is_state(*number)) recorded_.push_back(static_cast<std::int64_t>(*number));
    }
    std::ranges::sort(recorded_);
  }

  std::vector<Value> records() const {
    if (recorded_.empty()) return {};
    WhileLoop recording = loop_;
    recording.recorded = recorded_;
    const std::vector<Value> outputs = outer().outputs_of(outer().add(recording, args_.inputs, {}));
    return {outputs.begin() + loop_.states + 1, outputs.end()};
  }

  /// The gradient of a record of this loop's own, which a higher derivative reads; empty where there is none.
  Value gradient_of_record(std::size_t state) const {
    Value sum;
    for (std::size_t i = 0; i < loop_.recorded.size(); ++i) {
      const Value& given = args_.output_gradients[states_ + 1 + i];
      if (static_cast<std::size_t>(loop_.recorded[i]) != state || !given.has_value()) continue;
      sum = sum.has_value() ? sum + given : given;
    }
    return sum;
  }

  /// States: gradients of the states, then sums for the captured values. Captured: the number of steps, the
  /// records and their gradients, what the body captured.
  std::vector<Value> loop_back() {
    BodyBuilder builder;
    std::vector<Value> inputs;
    const auto argument = [&](const Value& outside) {
      inputs.push_back(outside);
      return builder.argument(outside.type());
    };
    Images images;
    const auto stands_for = [&](const Value& inside, const Value& image) {
      images[{inside.node(), inside.output()}] = image;
    };
    for (std::size_t k = 0; k < flowing_.size(); ++k) {
      const Value& given = args_.output_gradients[flowing_[k]];
      stands_for(cotangents_[k], argument(given.has_value() ? given : zeros(outer(), cotangents_[k].type())));
    }
    std::vector<Value> sums(wrt_.size());
    for (std::size_t i = 0; i < wrt_.size(); ++i) {
      if (!is_state(wrt_[i]) && gradients_[i].has_value())
        sums[i] = argument(zeros(outer(), gradients_[i].type()));
    }
    const auto back_states = static_cast<std::int64_t>(inputs.size());
    const Value step = builder.argument({DType::i64, Shape{}});
    const Value steps = argument(args_.outputs[states_]);
    const Value at = steps - 1 - step;
    stands_for(arguments_[states_], at);
    const std::vector<Value> kept = records();
    for (std::size_t i = 0; i < kept.size(); ++i)
      stands_for(arguments_[static_cast<std::size_t>(recorded_[i])], gather(argument(kept[i]), at));
    for (std::size_t i = states_ + 1; i < arguments_.size(); ++i)
      stands_for(arguments_[i], argument(args_.inputs[input_of(i)]));
    std::vector<Value> given_records(wrt_.size());
    for (std::size_t i = 0; i < wrt_.size(); ++i) {
      const Value given = is_state(wrt_[i]) ? gradient_of_record(wrt_[i]) : Value();
      if (given.has_value()) given_records[i] = gather(argument(given), at);
    }
    std::vector<Value> roots;
    for (const Value& gradient : gradients_) {
      if (gradient.has_value()) roots.push_back(gradient);
    }
    graft(builder.graph(), whole_.graph(), roots, images);
    std::vector<Value> next;
    for (std::size_t i = 0; i < wrt_.size() && is_state(wrt_[i]); ++i) {
      const Value& gradient = gradients_[i];
      Value made = gradient.has_value() ? images.at({gradient.node(), gradient.output()}) : Value();
      if (given_records[i].has_value()) made = made.has_value() ? made + given_records[i] : given_records[i];
      next.push_back(made.has_value() ? made : zeros(builder.graph(), cotangents_[next.size()].type()));
    }
    for (std::size_t i = 0; i < wrt_.size(); ++i) {
      if (sums[i].has_value())
        next.push_back(sums[i] + images.at({gradients_[i].node(), gradients_[i].output()}));
    }
    return add_loop(builder, inputs, next, back_states);
  }

  std::vector<Value> add_loop(const BodyBuilder& builder, const std::vector<Value>& inputs,
                              const std::vector<Value>& next, std::int64_t back_states) const {
    BodyBuilder test;
    std::vector<Value> given;
    for (const TensorType& type : builder.arguments()) given.push_back(test.argument(type));
    const auto count = static_cast<std::size_t>(back_states);
    const WhileLoop back{.condition = test.finish(std::array{less(given[count], given[count + 1])}),
                         .body = builder.finish(next),
                         .states = back_states,
                         .max_steps = loop_.max_steps};
    const std::vector<Value> outputs = outer().outputs_of(outer().add(back, inputs, {}));
    std::vector<Value> found(args_.inputs.size());
    for (std::size_t k = 0; k < flowing_.size(); ++k) found[flowing_[k]] = outputs[k];
    std::size_t sum = flowing_.size();
    for (std::size_t i = 0; i < wrt_.size(); ++i) {
      if (!is_state(wrt_[i]) && gradients_[i].has_value()) found[input_of(wrt_[i])] = outputs[sum++];
    }
    return found;
  }

  const WhileLoop& loop_;
  const GradientArgs& args_;
  std::size_t states_;
  BodyBuilder whole_;  // the body, and its gradient
  std::vector<Value> arguments_;
  std::vector<Value> results_;
  std::vector<std::size_t> flowing_;  // states with a gradient
  std::vector<Value> cotangents_;     // of these
  std::vector<std::size_t> wrt_;      // arguments with a gradient: those states first
  std::vector<Value> gradients_;      // of these; empty where there is none
  std::vector<std::int64_t> recorded_;
};

}  // namespace

std::vector<Value> WhileLoop::gradient(const GradientArgs& args) const {
  if (max_steps < 0) {
    throw Error(ErrorCode::not_differentiable,
                "a while loop has a gradient only with max_steps, which says how much to remember");
  }
  return WhileGradient(*this, args).run();
}

}  // namespace weft
