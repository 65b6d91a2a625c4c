#include "weft/runtime/split/split_columns.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/ops/gemm.h"

namespace weft {
namespace {

bool over_rows(const Axes& axes) { return axes == Axes{0}; }
bool is_matrix(const Shape& shape) { return shape.rank() == 2; }

/// Whether it is a product a b of operands whose columns of b may be sharded, perhaps with a bias and an
/// activation.
bool multiplies(const GemmFormula& formula) {
  return formula.is_plain() && formula.is_whole() && formula.addend != Addend::accumulator &&
         formula.left.form != LeftForm::bytes;
}

/// Whether it is c + alpha a^T b.
bool updates(const GemmFormula& formula) { return formula.is_update() && formula.is_whole(); }

/// The values that a left side is.
std::span<const ValueId> left_side(const GemmFormula& formula, const Node& node) {
  return std::span(node.inputs).subspan(formula.a(), formula.left.inputs());
}

/// A program's nodes, the readers of their values, and the updates of these.
class Readers {
 public:
  explicit Readers(const Program& program) : graph_(*program.graph) {
    for (const NodeId id : needed_nodes(graph_, program.roots)) {
      const Node& node = graph_.node(id);
      for (const ValueId& input : node.inputs) readers_[input].insert(id);
      const auto formula = formula_of(node.op);
      if (formula && updates(*formula)) updates_[node.inputs[0]].push_back(id);
    }
    for (const Value& root : program.roots) roots_.insert({root.node(), root.output()});
  }

  const Graph& graph() const { return graph_; }
  const Shape& shape(const ValueId& id) const { return graph_.type(id).shape; }
  bool is_root(const ValueId& id) const { return roots_.contains(id); }
  const std::set<NodeId>& of(const ValueId& id) const {
    static const std::set<NodeId> kNobody;
    const auto found = readers_.find(id);
    return found == readers_.end() ? kNobody : found->second;
  }
  /// The products that are added to a value, which they read first.
  std::span<const NodeId> updates_of(const ValueId& id) const {
    const auto found = updates_.find(id);
    return found == updates_.end() ? std::span<const NodeId>() : found->second;
  }

 private:
  const Graph& graph_;
  std::map<ValueId, std::set<NodeId>> readers_;
  std::map<ValueId, std::vector<NodeId>> updates_;  // in the order of their ids
  std::set<ValueId> roots_;
};

/// The values [batch, n] that elementwise ops connect with the product of an updated weight and with the
/// right sides of its gradients.
class Region {
 public:
  /// `taken` are the values of other regions.
  Region(const Readers& program, NodeId product, const std::set<ValueId>& taken)
      : program_(program), taken_(taken), shape_(program.shape({product, 0})) {
    add({product, 0});
    if (const auto d = gradient_of(graph().node(product))) add(*d);
  }

  const std::set<ValueId>& values() const { return values_; }

  /// Whether all steps that make or read the values can do so one column block at a time.
  bool can_be_split() const {
    return std::ranges::all_of(values_, [&](const ValueId& id) {
      return program_.shape(id) == shape_ && !program_.is_root(id) &&
             makes_column_blocks(graph().node(id.node)) &&
             std::ranges::all_of(program_.of(id),
                                 [&](NodeId reader) { return reads_column_blocks(id, reader); });
    });
  }

 private:
  const Graph& graph() const { return program_.graph(); }
  bool holds(const ValueId& id) const { return values_.contains(id); }
  bool is_elsewhere(const ValueId& id) const { return taken_.contains(id); }

  /// If the gradient itself updates the product's weight: the value that it multiplies X^T by.
  std::optional<ValueId> gradient_of(const Node& product) const {
    const auto formula = formula_of(product.op);
    if (!formula || !multiplies(*formula)) return std::nullopt;
    for (const NodeId id : program_.updates_of(product.inputs[formula->b()])) {
      const Node& update = graph().node(id);
      const auto its = formula_of(update.op);
      if (its && std::ranges::equal(left_side(*its, update), left_side(*formula, product)))
        return update.inputs.back();
    }
    return std::nullopt;
  }

  void add(const ValueId& first) {
    std::vector<ValueId> found{first};
    while (!found.empty()) {
      const ValueId id = found.back();
      found.pop_back();
      if (!values_.insert(id).second) continue;
      if (graph().node(id.node).op.traits().elementwise) add_operands(id.node, found);
      for (const NodeId reader : program_.of(id)) {
        if (graph().node(reader).op.traits().elementwise) add_outputs(reader, found);
      }
    }
  }

  void add_operands(NodeId id, std::vector<ValueId>& found) const {
    for (const ValueId& input : graph().node(id).inputs) {
      if (program_.shape(input) == shape_) found.push_back(input);
    }
    add_outputs(id, found);
  }

  void add_outputs(NodeId id, std::vector<ValueId>& found) const {
    const auto outputs = static_cast<std::uint32_t>(graph().node(id).outputs.size());
    for (std::uint32_t i = 0; i < outputs; ++i) found.push_back({id, i});
  }

  bool makes_column_blocks(const Node& node) const {
    const auto outside = [&](const ValueId& input) { return !holds(input) && !is_elsewhere(input); };
    if (node.op.traits().elementwise) {
      return std::ranges::all_of(node.inputs, [&](const ValueId& input) {
        return holds(input) || program_.shape(input).elements() == 1 ||
               program_.shape(input) == Shape{shape_[1]};
      });
    }
    if (const auto d = gradient_of(node)) return holds(*d) && std::ranges::all_of(node.inputs, outside);
    const auto* product = node.op.as<MatMul>();
    return product != nullptr && !product->transpose_a && product->transpose_b &&
           is_matrix(program_.shape(node.inputs[1])) && std::ranges::all_of(node.inputs, outside);
  }

  bool reads_column_blocks(const ValueId& id, NodeId reader) const {
    const Node& node = graph().node(reader);
    if (node.op.traits().elementwise) return true;
    if (std::ranges::count_if(node.inputs, [&](const ValueId& input) { return holds(input); }) != 1 ||
        std::ranges::any_of(node.inputs, [&](const ValueId& input) { return is_elsewhere(input); }))
      return false;
    const auto is_operand = [&](std::size_t i) { return node.inputs[i] == id; };
    if (const auto formula = formula_of(node.op)) {
      if (formula->addend == Addend::accumulator) return updates(*formula) && !is_operand(0);
      return formula->is_dense() && formula->is_whole() && is_operand(0) && !formula->product.transpose_b &&
             is_matrix(program_.shape(node.inputs[1])) && (formula->is_plain() || node.op.is<MatMul>());
    }
    if (const auto* sum = node.op.as<Sum>()) return over_rows(sum->axes) && !sum->keep_dims;
    if (const auto* mean = node.op.as<Mean>()) return over_rows(mean->axes) && !mean->keep_dims;
    const auto* sum = node.op.as<SumAccumulate>();
    return sum != nullptr && over_rows(sum->axes);
  }

  const Readers& program_;
  const std::set<ValueId>& taken_;
  Shape shape_;
  std::set<ValueId> values_;
};

/// Emits what makes or reads values in column blocks.
class Splitter {
 public:
  Splitter(const Readers& program, std::int64_t shards, std::set<ValueId> values)
      : program_(program), shards_(shards), values_(std::move(values)) {
    for (const ValueId& id : values_) makers_.insert(&program_.graph().node(id.node));
  }

  /// Empty for nodes that stay as they are.
  std::vector<Value> emit_column_blocks(Graph& target, const Node& node,
                                        std::span<const Value> inputs) const {
    const bool reads = std::ranges::any_of(node.inputs, [&](const ValueId& id) { return holds(id); });
    if (makers_.contains(&node)) return make(target, node, inputs);
    if (reads) return {read(target, node, inputs)};
    return {};
  }

 private:
  bool holds(const ValueId& id) const { return values_.contains(id); }

  /// The rows of a matrix, or the elements of a vector, in equal blocks: [n, ...] as [shards, n / shards,
  /// ...].
  Value in_row_blocks(const Value& value) const {
    std::vector<Dim> dims = value.shape().dims();
    dims[0] = dims[0].size() / shards_;
    dims.insert(dims.begin(), Dim(shards_));
    return reshape(value, Shape(std::move(dims)));
  }

  std::vector<Value> make(Graph& target, const Node& node, std::span<const Value> inputs) const {
    std::vector<Value> operands(inputs.begin(), inputs.end());
    auto formula = formula_of(node.op);
    if (formula && multiplies(*formula)) {
      formula->column_blocks = shards_;
      const Op op = with_given_numbers(*formula, operands);
      return {emit(target, op, operands, node)};
    }
    if (formula) {
      operands[1] = in_row_blocks(inputs[1]);
      return {emit(target, node.op, operands, node)};
    }
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (holds(node.inputs[i]) || inputs[i].shape().elements() == 1) continue;
      operands[i] = reshape(inputs[i], Shape{shards_, 1, inputs[i].shape().elements() / shards_});
    }
    return target.outputs_of(target.add(node.op, operands, node.where, node.name));
  }

  Value read(Graph& target, const Node& node, std::span<const Value> inputs) const {
    const auto emit_here = [&](const Op& op, std::initializer_list<Value> operands) {
      return emit(target, op, std::vector<Value>(operands), node);
    };
    const Shape& shape = node.outputs[0].shape;
    if (auto formula = formula_of(node.op)) {
      if (formula->addend != Addend::accumulator) return read_product(target, node, *formula, inputs);
      if (holds(node.inputs[1]))  // the rows of c are those of a
        return reshape(emit_here(node.op, {in_row_blocks(inputs[0]), inputs[1], inputs[2]}), shape);
      formula->column_blocks = shards_;
      return emit(target, Gemm{*formula}, inputs, node);
    }
    if (node.op.is<Sum>()) return reshape(emit_here(Sum{.axes = {1}}, {inputs[0]}), shape);
    if (node.op.is<Mean>()) return reshape(emit_here(Mean{.axes = {1}}, {inputs[0]}), shape);
    const SumAccumulate op{.axes = {1}, .alpha = node.op.as<SumAccumulate>()->alpha};
    return reshape(emit_here(op, {in_row_blocks(inputs[0]), inputs[1]}), shape);
  }

  /// A product whose left side lies in column blocks: the sum of a term for each of them, or of a transposed
  /// one some rows for each.
  Value read_product(Graph& target, const Node& node, const GemmFormula& formula,
                     std::span<const Value> inputs) const {
    if (formula.product.transpose_a)
      return reshape(emit(target, node.op, inputs, node), node.outputs[0].shape);
    const Value operands[] = {inputs[0], in_row_blocks(inputs[1])};
    const Value terms = emit(target, formula.product, operands, node);
    Value sum = emit(target, Sum{.axes = {0}}, {{terms}}, node);
    if (formula.addend == Addend::bias) sum = emit(target, Add{}, {{sum, inputs[2]}}, node);
    return formula.activation.op ? emit(target, *formula.activation.op, {{sum}}, node) : sum;
  }

  const Readers& program_;
  std::int64_t shards_;
  std::set<ValueId> values_;
  std::set<const Node*> makers_;
};

/// Narrower column blocks lose more in the kernels than they save between the caches, and blocks that do not
/// begin and end with a cache line have lines in common. A batch of more rows than the weight has columns is
/// larger than the weight.
bool wide_enough(const Node& product, std::int64_t shards) {
  constexpr std::int64_t kLine = 16;
  constexpr std::int64_t kNarrowest = 128;
  const Shape& shape = product.outputs[0].shape;
  if (!is_matrix(shape)) return false;
  const std::int64_t n = shape[1].size();
  return n % (kLine * shards) == 0 && n / shards >= kNarrowest && n > shape[0].size();
}

/// The products that may be split, by their own shapes.
std::vector<NodeId> candidates(const Program& program, std::int64_t shards) {
  std::vector<NodeId> found;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    const Node& node = program.graph->node(id);
    const auto formula = formula_of(node.op);
    if (formula && multiplies(*formula) && wide_enough(node, shards)) found.push_back(id);
  }
  return found;
}

/// The values that are to lie in column blocks.
std::set<ValueId> split_values(const Readers& readers, std::span<const NodeId> products) {
  std::set<ValueId> chosen;
  std::set<ValueId> refused;  // if one product of a region is refused, all are
  for (const NodeId id : products) {
    if (chosen.contains({id, 0}) || refused.contains({id, 0})) continue;
    const Region region(readers, id, chosen);
    (region.can_be_split() ? chosen : refused).insert(region.values().begin(), region.values().end());
  }
  return chosen;
}

Program with_column_blocks(const Program& program, int shards) {
  const std::vector<NodeId> products = candidates(program, shards);
  if (products.empty()) return extract(*program.graph, program.roots);
  const Readers readers(program);
  const Splitter splitter(readers, shards, split_values(readers, products));
  constexpr bool kOtherShapes = true;
  Program result = rewrite(
      *program.graph, program.roots,
      [&](Graph& target, const Node& node, std::span<const Value> inputs) {
        return splitter.emit_column_blocks(target, node, inputs);
      },
      kOtherShapes);
  return extract(*result.graph, result.roots);
}

}  // namespace

Pass split_columns(int shards) {
  return {"split_columns", [shards](const Program& program) { return with_column_blocks(program, shards); }};
}

}  // namespace weft
