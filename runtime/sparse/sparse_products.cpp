#include "weft/runtime/sparse/sparse_products.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "weft/graph/passes/rule.h"
#include "weft/ops/gather.h"
#include "weft/ops/sparse.h"
#include "weft/runtime/ops/gemm.h"
#include "weft/runtime/ops/sparse_ops.h"

namespace weft {
namespace {

bool is_replaced(const Node& node) {
  return node.op.is<SparseMatMul>() && node.outputs[0].dtype == DType::f32 &&
         node.outputs[0].shape.elements() != 0;
}

/// The constant that a value is, or that it takes rows of; null if neither.
const Tensor* constant_behind(const Value& value) {
  const Node& node = producer(value);
  if (!node.op.is<Gather>()) return node.op.constant();
  return value.graph().node(node.inputs[0].node).op.constant();
}

/// For each column the number of entries in the columns before it, and at last in all. Entries of no row may
/// have any column.
std::shared_ptr<const std::vector<std::int64_t>> load_of(const Tensor& columns, std::int64_t width) {
  auto load = std::make_shared<std::vector<std::int64_t>>(static_cast<std::size_t>(width + 1), 0);
  for (const std::int32_t column : columns.values<std::int32_t>()) {
    if (column >= 0 && column < width) ++(*load)[static_cast<std::size_t>(column) + 1];
  }
  for (std::size_t i = 1; i < load->size(); ++i) (*load)[i] += (*load)[i - 1];
  return load;
}

/// What is known of a sparse matrix, given as its four values, before it is fed. For resident data that is
/// how many entries its rows have on average and how they spread over the columns; for other data, how many
/// entries there may be.
RowLayout layout_of(std::span<const Value> x, std::int64_t width) {
  RowLayout layout{.rows = x[0].shape().elements(),
                   .columns = width,
                   .nonzeros = x[2].shape().elements(),
                   .values = x[3].dtype(),
                   .wide_columns = true};
  const Tensor* begins = constant_behind(x[0]);
  const Tensor* ends = constant_behind(x[1]);
  const Tensor* columns = constant_behind(x[2]);
  if (columns != nullptr) layout.column_load = load_of(*columns, width);
  if (begins == nullptr || ends == nullptr || begins->elements() != ends->elements()) return layout;
  layout.rows = begins->elements();
  layout.nonzeros = 0;
  for (const std::int64_t end : ends->values<std::int64_t>()) layout.nonzeros += end;
  for (const std::int64_t begin : begins->values<std::int64_t>()) layout.nonzeros -= begin;
  return layout;
}

class SparseReplacer {
 public:
  Value replace(const SparseMatMul& op, std::span<const Value> inputs) {
    const Matrix& x = matrix_of(inputs, op.width);
    const std::vector<Operand> operands{x.rows[0], x.rows[1], inputs[2], inputs[3], inputs[4]};
    const GemmFormula formula{.left = {.form = LeftForm::rows, .rows = x.layout},
                              .product = {.transpose_a = op.transpose}};
    return apply_many(Gemm{formula}, operands);
  }

 private:
  struct Matrix {
    std::vector<Value> rows;
    RowLayout layout;
  };

  const Matrix& matrix_of(std::span<const Value> x, std::int64_t width) {
    const std::array<ValueId, 4> ids{ValueId{x[0].node(), x[0].output()}, ValueId{x[1].node(), x[1].output()},
                                     ValueId{x[2].node(), x[2].output()},
                                     ValueId{x[3].node(), x[3].output()}};
    const auto [found, is_new] = matrices_.try_emplace({ids, width});
    if (is_new) {
      found->second = {.rows = apply_all(CheckedEntries{width}, {x[0], x[1], x[2]}),
                       .layout = layout_of(x, width)};
    }
    return found->second;
  }

  std::map<std::pair<std::array<ValueId, 4>, std::int64_t>, Matrix> matrices_;
};

}  // namespace

std::optional<Program> sparse_products(const Program& program) {
  const Graph& graph = *program.graph;
  if (std::ranges::none_of(needed_nodes(graph, program.roots),
                           [&](NodeId id) { return is_replaced(graph.node(id)); }))
    return std::nullopt;
  SparseReplacer replacer;
  Program result =
      rewrite(graph, program.roots,
              [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                if (!is_replaced(node)) return {};
                const Scope origin(target, node.name, node.where);
                return {replacer.replace(*node.op.as<SparseMatMul>(), inputs)};
              });
  return extract(*result.graph, result.roots);
}

}  // namespace weft
