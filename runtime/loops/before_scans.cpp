#include <algorithm>

#include "weft/graph/passes/rule.h"
#include "weft/ops/batching.h"
#include "weft/ops/bodies.h"
#include "weft/ops/conv.h"
#include "weft/ops/gather.h"
#include "weft/ops/matmul.h"
#include "weft/runtime/loops/loops.h"
#include "weft/runtime/loops/scan_editor.h"

namespace weft {
namespace {

/// Ops that are faster for all steps at once than step by step, by more than their results cost in memory.
bool gains_by_batch(const Op& op) {
  return op.is<MatMul>() || op.is<Conv2d>() || op.is<Conv3d>() || op.is<Gather>();
}

/// Moves nodes of a scan's body before the scan.
class Moving {
 public:
  Moving(ScanEditor& editor, bool once)
      : editor_(editor),
        once_(once),
        body_(editor.body()),
        depends_(dependences(editor)),
        end_(static_cast<NodeId>(body_.size())),
        images_(end_),
        moved_(end_, false) {}

  /// Whether anything moved; the editor then holds the scan that is left.
  bool run() {
    for (const auto& argument : editor_.captured) images_[argument.inside.node()] = {argument.outside};
    for (const auto& argument : editor_.sequences) images_[argument.inside.node()] = {argument.outside};
    for (NodeId id = 0; id < end_; ++id) visit(id);
    bool any = false;
    for (NodeId id = 0; id < end_; ++id) {
      for (std::uint32_t i = 0; moved_[id] && i < images_[id].size(); ++i) {
        const Value inside = body_.value({id, i});
        const Value& outside = images_[id][i];
        editor_.replace(inside, depends_[id] == Depends::on_sequences ? editor_.sequence(outside)
                                                                      : editor_.capture(outside));
        any = true;
      }
    }
    return any;
  }

 private:
  void visit(NodeId id) {
    const Node& node = body_.node(id);
    if (argument_number(node) || depends_[id] == Depends::on_states) return;
    if (once_ && depends_[id] == Depends::on_sequences) return;
    if (node.op.constant() != nullptr) {
      images_[id] = {editor_.outer().value({editor_.outer().add(node.op, {}, node.where), 0})};
      return;
    }
    if (node.inputs.empty() || !node.op.bodies().empty()) return;
    const bool known = std::ranges::all_of(
        node.inputs, [&](const ValueId& input) { return input.output < images_[input.node].size(); });
    if (!known) return;
    const bool once = depends_[id] <= Depends::on_captured;
    images_[id] = once ? computed_once(node) : computed_for_all(node);
    moved_[id] = !images_[id].empty() && (once ? is_worth_keeping(node) : is_worth_moving(id, node));
  }

  std::vector<Value> outer_inputs(const Node& node) const {
    std::vector<Value> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(images_[input.node][input.output]);
    return inputs;
  }

  std::vector<Value> computed_once(const Node& node) const {
    return editor_.outer().outputs_of(
        editor_.outer().add(node.op, outer_inputs(node), node.where, node.name));
  }

  std::vector<Value> computed_for_all(const Node& node) const {
    const std::vector<Value> inputs = outer_inputs(node);
    BatchArgs args{.inputs = inputs, .batched = {}, .size = editor_.length()};
    for (const ValueId& input : node.inputs)
      args.batched.push_back(depends_[input.node] == Depends::on_sequences);
    const Traits traits = node.op.traits();
    const Scope origin(editor_.outer(), node.name, node.where);
    std::vector<Value> outputs = node.op.batch(args);
    if (outputs.empty() && traits.elementwise) outputs = batch_elementwise(node.op, args);
    if (outputs.empty() && traits.row_wise) outputs = batch_rows(node.op, args);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      // A rule may leave out the axis of what is the same for all.
      if (outputs[i].shape() != with_examples(editor_.length(), node.outputs[i].shape)) return {};
    }
    return outputs;
  }

  /// What is larger than all that it is made of is made again in each step.
  static bool is_worth_keeping(const Node& node) { return !node.op.traits().view; }

  /// A product, or what follows from moved values without making the loop read more.
  bool is_worth_moving(NodeId id, const Node& node) const {
    if (gains_by_batch(node.op)) return true;
    const bool follows = std::ranges::any_of(node.inputs, [&](const ValueId& input) {
      return moved_[input.node] && depends_[input.node] == Depends::on_sequences;
    });
    return follows && depends_[id] == Depends::on_sequences &&
           std::ranges::all_of(node.inputs, [&](const ValueId& input) {
             return depends_[input.node] <= Depends::on_captured || moved_[input.node];
           });
  }

  ScanEditor& editor_;
  bool once_;  // and nothing for all steps
  Graph& body_;
  std::vector<Depends> depends_;
  NodeId end_;
  std::vector<std::vector<Value>> images_;  // outside: for all steps, or the same for each
  std::vector<bool> moved_;
};

Program with_values_before(const Program& program, bool once) {
  const Program made =
      rewrite(*program.graph, program.roots,
              [once](Graph&, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                const auto* scan = node.op.as<Scan>();
                // Without a step nothing may fail.
                if (scan == nullptr || inputs.empty() || scan->length.is(0)) return {};
                ScanEditor editor(*scan, inputs);
                return Moving(editor, once).run() ? editor.finish(node) : std::vector<Value>();
              });
  return extract(*made.graph, made.roots);
}

}  // namespace

Pass before_scans() {
  return {"before_scans", [](const Program& program) { return with_values_before(program, false); }};
}
Pass once_before_scans() {
  return {"before_scans", [](const Program& program) { return with_values_before(program, true); }};
}

}  // namespace weft
