#include <algorithm>

#include "weft/graph/passes/rule.h"
#include "weft/ops/axis_walk.h"
#include "weft/ops/batching.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/loops/loops.h"
#include "weft/runtime/loops/scan_editor.h"

namespace weft {
namespace {

/// Whether a value is 0 everywhere, as sums are before the first step.
bool is_zero(const Value& value) {
  const Node& node = value.graph().node(value.node());
  if (node.op.is<BroadcastTo>()) return is_zero(value.graph().value(node.inputs[0]));
  const Tensor* constant = node.op.constant();
  if (constant == nullptr) return false;
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(constant->data()), constant->bytes());
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Computes behind a scan what its states do not depend on.
class Deferring {
 public:
  explicit Deferring(ScanEditor& editor)
      : editor_(editor), body_(editor.body()), depends_(dependences(editor)) {}

  /// The scan's outputs, or nothing where all stays as it is.
  std::vector<Value> run(const Node& node) {
    const std::size_t states = editor_.states.size();
    std::vector<Deferred> sums(states);
    std::vector<Deferred> products(editor_.outputs.size());
    for (std::size_t i = 0; i < states; ++i) sums[i] = sum_of(i);
    for (std::size_t i = 0; i < products.size(); ++i) products[i] = product_of(editor_.outputs[i]);
    const auto none = [](const Deferred& deferred) { return deferred.terms.empty(); };
    if (std::ranges::all_of(sums, none) && std::ranges::all_of(products, none)) return {};
    return rebuilt(node, sums, products);
  }

 private:
  /// Values inside whose stacks give a result behind the loop: op(operands) of all steps.
  struct Term {
    Op op;
    std::vector<Value> operands;
  };
  struct Deferred {
    std::vector<Term> terms;
  };

  const Node& node_of(const Value& value) const { return body_.node(value.node()); }
  Value input(const Node& node, std::size_t i) const { return body_.value(node.inputs[i]); }

  bool is_captured(const Value& value) const { return depends_[value.node()] <= Depends::on_captured; }

  /// How often a value is read in the body, and returned.
  std::size_t uses(const Value& value) const {
    std::vector<Value> roots = editor_.next;
    roots.insert(roots.end(), editor_.outputs.begin(), editor_.outputs.end());
    auto count = static_cast<std::size_t>(std::ranges::count(roots, value));
    for (const NodeId id : needed_nodes(body_, roots))
      count += static_cast<std::size_t>(std::ranges::count(body_.node(id).inputs, id_of(value)));
    return count;
  }

  /// A state to which each step only adds products a^T b, or sums over axes.
  Deferred sum_of(std::size_t i) const {
    const Value& state = editor_.states[i].inside;
    if (uses(state) != 1) return {};
    Deferred found;
    Value rest = editor_.next[i];
    while (rest != state) {
      const Node& node = node_of(rest);
      if (!node.op.is<Add>() || uses(rest) != 1) return {};
      const Value left = input(node, 0);
      const Value right = input(node, 1);
      const bool on_left = leads_to_state(left, state);
      const Value& added = on_left ? right : left;
      const auto term = summed(added);
      if (!term || added.shape() != state.shape()) return {};
      found.terms.push_back(*term);
      rest = on_left ? left : right;
    }
    return found;
  }

  bool leads_to_state(const Value& value, const Value& state) const {
    const auto needed = needed_nodes(body_, {&value, 1});
    return std::ranges::find(needed, state.node()) != needed.end();
  }

  std::optional<Term> summed(const Value& value) const {
    const Node& node = node_of(value);
    if (const auto* product = node.op.as<MatMul>()) {
      const Value a = input(node, 0);
      const Value b = input(node, 1);
      const bool matrices = a.shape().rank() == 2 && b.shape().rank() == 2;
      if (matrices && product->transpose_a && !product->transpose_b) return Term{node.op, {a, b}};
    }
    if (node.op.is<Sum>()) return Term{node.op, {input(node, 0)}};
    return std::nullopt;
  }

  /// A stacked product of a value and a captured matrix that nothing else reads.
  Deferred product_of(const Value& output) const {
    const Node& node = node_of(output);
    if (!node.op.is<MatMul>() || uses(output) != 1) return {};
    if (!is_captured(input(node, 1)) || is_captured(input(node, 0))) return {};
    return {{Term{node.op, {input(node, 0), input(node, 1)}}}};
  }

  /// Makes sure that a value is a sequence outside; `stacks` then finds it.
  void keep(const Value& inside) {
    if (!is_sequence(inside) && !is_captured(inside)) editor_.stack(inside);
  }
  bool is_sequence(const Value& inside) const {
    return std::ranges::find(editor_.sequences, inside, &ScanEditor::Argument::inside) !=
           editor_.sequences.end();
  }

  std::vector<Value> rebuilt(const Node& node, const std::vector<Deferred>& sums,
                             const std::vector<Deferred>& products) {
    const std::vector<ScanEditor::Argument> states = editor_.states;
    const std::vector<Value> next = editor_.next;
    const std::vector<Value> stacked = editor_.outputs;
    editor_.states.clear();
    editor_.next.clear();
    editor_.outputs.clear();
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (!sums[i].terms.empty()) continue;
      editor_.states.push_back(states[i]);
      editor_.next.push_back(next[i]);
    }
    for (std::size_t i = 0; i < stacked.size(); ++i) {
      if (products[i].terms.empty()) editor_.stack(stacked[i]);
    }
    for (const auto* list : {&sums, &products}) {
      for (const Deferred& deferred : *list) {
        for (const Term& term : deferred.terms)
          std::ranges::for_each(term.operands, [&](auto& v) { keep(v); });
      }
    }
    std::vector<Value> made;
    if (!editor_.next.empty() || !editor_.outputs.empty()) made = editor_.finish(node);

    std::vector<Value> outputs;
    std::size_t state = 0;
    const Scope origin(editor_.outer(), node.name, node.where);
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (sums[i].terms.empty()) {
        outputs.push_back(made[state++]);
        continue;
      }
      Value total = is_zero(states[i].outside) ? Value() : states[i].outside;
      for (const Term& term : sums[i].terms) {
        const Value added = sum_behind(term, states[i].inside.shape(), made);
        total = total.has_value() ? total + added : added;
      }
      outputs.push_back(total);
    }
    for (std::size_t i = 0; i < stacked.size(); ++i) {
      outputs.push_back(products[i].terms.empty() ? outside(stacked[i], made)
                                                  : product_behind(products[i].terms[0], made));
    }
    return outputs;
  }

  /// The sequence of an inside value, or what is the same in each step.
  Value outside(const Value& inside, const std::vector<Value>& made) {
    for (const auto* list : {&editor_.sequences, &editor_.captured}) {
      const auto found = std::ranges::find(*list, inside, &ScanEditor::Argument::inside);
      if (found != list->end()) return found->outside;
    }
    const auto found = std::ranges::find(editor_.outputs, inside);
    if (found != editor_.outputs.end())
      return made[editor_.next.size() + static_cast<std::size_t>(found - editor_.outputs.begin())];
    // Made of captured values alone.
    Images images;
    for (const auto& argument : editor_.captured) images[id_of(argument.inside)] = argument.outside;
    return graft(editor_.outer(), body_, {&inside, 1}, images)[0];
  }

  Value sum_behind(const Term& term, const Shape& shape, const std::vector<Value>& made) {
    if (term.op.is<MatMul>()) {
      return apply(term.op, merge_examples(repeated_outside(term.operands[0], made)),
                   merge_examples(repeated_outside(term.operands[1], made)));
    }
    const Value x = repeated_outside(term.operands[0], made);
    const std::vector<bool> reduced = reduced_axes(term.op.as<Sum>()->axes, x.shape().rank() - 1);
    Axes axes{0};
    for (std::size_t axis = 0; axis < reduced.size(); ++axis) {
      if (reduced[axis]) axes.push_back(static_cast<std::int64_t>(axis) + 1);
    }
    return reshape(sum(x, axes), shape);
  }

  Value repeated_outside(const Value& inside, const std::vector<Value>& made) {
    const Value x = outside(inside, made);
    return is_captured(inside) ? broadcast_to(x, with_examples(editor_.length(), inside.shape())) : x;
  }

  Value product_behind(const Term& term, const std::vector<Value>& made) {
    const std::vector<Value> inputs{outside(term.operands[0], made), outside(term.operands[1], made)};
    return term.op.batch({.inputs = inputs, .batched = {true, false}, .size = editor_.length()})[0];
  }

  ScanEditor& editor_;
  Graph& body_;
  std::vector<Depends> depends_;
};

Program with_values_behind(const Program& program) {
  const Program made =
      rewrite(*program.graph, program.roots,
              [](Graph&, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                const auto* scan = node.op.as<Scan>();
                if (scan == nullptr || inputs.empty()) return {};
                ScanEditor editor(*scan, inputs);
                return Deferring(editor).run(node);
              });
  return extract(*made.graph, made.roots);
}

}  // namespace

Pass behind_scans() { return {"behind_scans", with_values_behind}; }

}  // namespace weft
