#include <array>
#include <numeric>
#include <optional>

#include "weft/graph/passes/rule.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/source.h"
#include "weft/runtime/fuse/fuse.h"

namespace weft {
namespace {

/// How often a table's row must be read on average, and how many numbers it must have, for fewer products to
/// be worth the copies of rows and the sums of rows that take their place. Measured on a Zen 5, tables of 64
/// and 512 rows, 32 and 256 columns of W: a product and its gradients took 1.03 to 1.12 times as long without
/// the pass for rows of 32 numbers that are read twice, 1.6 for 128 numbers, and 0.66 to 0.79 for 8.
constexpr std::int64_t kReads = 2;
constexpr std::int64_t kNumbers = 32;

/// A value whose rows, along the last axis, are rows of a table [n, k]: value[i..., :] = table[indices[i...],
/// :].
struct TableRows {
  Value table;
  Value indices;
};

Shape without_last(const Shape& shape) { return Shape(std::vector<Dim>(shape.begin(), shape.end() - 1)); }

/// Whether a node moves whole rows of the last axis.
bool moves_rows(const Node& node, const Graph& graph) {
  const Shape& to = node.outputs[0].shape;
  if (const auto* moved = node.op.as<Transpose>())
    return to.rank() > 0 && moved->permutation.back() == static_cast<std::int64_t>(to.rank()) - 1;
  if (!node.op.is<Reshape>() || to.rank() == 0) return false;
  const Shape& from = graph.type(node.inputs[0]).shape;
  return from.rank() > 0 && from[from.rank() - 1] == to[to.rank() - 1];
}

/// One number for each row, moved as `node` moves the rows, or back.
Value moved_forth(const Node& node, const Value& numbers) {
  const auto* moved = node.op.as<Transpose>();
  if (moved == nullptr) return reshape(numbers, without_last(node.outputs[0].shape));
  return transpose(numbers, {moved->permutation.begin(), moved->permutation.end() - 1});
}

Value moved_back(const Node& node, const Shape& from, const Value& numbers) {
  const auto* moved = node.op.as<Transpose>();
  if (moved == nullptr) return reshape(numbers, without_last(from));
  std::vector<std::int64_t> inverse(moved->permutation.size() - 1);
  for (std::size_t i = 0; i < inverse.size(); ++i)
    inverse[static_cast<std::size_t>(moved->permutation[i])] = static_cast<std::int64_t>(i);
  return transpose(numbers, inverse);
}

bool is_plain_matrix(const Value& value) { return value.shape().rank() == 2; }

/// Whether rows of the table are read so often that each is better multiplied once.
bool read_often(const Shape& table, const Value& indices) {
  return table.rank() == 2 && table[1].size() >= kNumbers &&
         indices.shape().elements() >= kReads * table[0].size();
}

std::optional<TableRows> rows_of_table(const Value& value) {
  const Node& node = producer(value);
  if (node.op.is<Gather>()) {
    const TableRows rows{operand(value, 0), operand(value, 1)};
    if (!read_often(rows.table.shape(), rows.indices)) return std::nullopt;
    return rows;
  }
  if (!moves_rows(node, value.graph())) return std::nullopt;
  auto rows = rows_of_table(operand(value, 0));
  if (rows) rows->indices = moved_forth(node, rows->indices);
  return rows;
}

/// The rows of the table that are named by the indices; the others, which may hold anything, as zeros.
Value where_named(const Value& indices, const Value& table) {
  std::vector<Dim> dims = indices.shape().dims();
  dims.emplace_back(1);
  const Value ones = broadcast_to(constant(table.graph(), 1.0, table.dtype()), Shape(dims));
  return where(scatter_add(ones, indices, {table.shape()[0], 1}) > 0.0, table, 0.0);
}

/// table[i] W = (table W)[i], and table[i]^T d = table^T (the rows of d added up by i)
Value product_with_rows(const MatMul& product, std::span<const Value> inputs) {
  const Value& left = inputs[0];
  const Value& right = inputs[1];
  if (!is_plain_matrix(right) || left.dtype() != right.dtype()) return {};
  const auto rows = rows_of_table(left);
  if (!rows) return {};
  if (!product.transpose_a)
    return gather(matmul(rows->table, right, false, product.transpose_b), rows->indices);
  if (!is_plain_matrix(left) || product.transpose_b) return {};
  const Value sums = scatter_add(right, rows->indices, {rows->table.shape()[0], right.shape()[1]});
  return matmul(where_named(rows->indices, rows->table), sums, true, false);
}

/// The rows of d W added up by index = (the rows of d added up by index) W
Value scattered_product(const ScatterAdd& scatter, std::span<const Value> inputs) {
  Value rows = inputs[0];
  Value indices = inputs[1];
  if (!read_often(scatter.shape, indices)) return {};
  for (; moves_rows(producer(rows), rows.graph()); rows = operand(rows, 0))
    indices = moved_back(producer(rows), operand(rows, 0).shape(), indices);
  const auto* product = producer(rows).op.as<MatMul>();
  if (product == nullptr || product->transpose_a) return {};
  const Value d = operand(rows, 0);
  const Value weight = operand(rows, 1);
  if (!is_plain_matrix(weight) || d.dtype() != weight.dtype()) return {};
  const Shape& shape = d.shape();
  const Value sums = scatter_add(d, indices, {scatter.shape[0], shape[shape.rank() - 1]});
  return where_named(indices, matmul(sums, weight, false, product->transpose_b));
}

/// table[i] + b = (table + b)[i]
Value sum_with_rows(std::span<const Value> inputs) {
  for (const std::size_t i : {0U, 1U}) {
    if (inputs[1 - i].shape().rank() != 1 || inputs[i].shape().rank() < 2) continue;
    const auto rows = rows_of_table(inputs[i]);
    if (rows && rows->table.shape()[1] == inputs[1 - i].shape()[0])
      return gather(rows->table + inputs[1 - i], rows->indices);
  }
  return {};
}

std::vector<Value> with_fewer_products(Graph& target, const Node& node, std::span<const Value> inputs) {
  const Scope origin(target, node.name.empty() ? node.op.name() : node.name, node.where);
  Value made;
  if (const auto* product = node.op.as<MatMul>()) made = product_with_rows(*product, inputs);
  if (const auto* scatter = node.op.as<ScatterAdd>()) made = scattered_product(*scatter, inputs);
  if (node.op.is<Add>()) made = sum_with_rows(inputs);
  if (!made.has_value()) return {};
  return {made};
}

}  // namespace

Pass gathered_products() {
  return {"gathered_products", [](const Program& program) {
            const Program fewer = rewrite(*program.graph, program.roots, with_fewer_products);
            return extract(*fewer.graph, fewer.roots);
          }};
}

}  // namespace weft
