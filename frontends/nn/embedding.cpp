#include "weft/frontends/nn/embedding.h"

#include <fmt/format.h>

#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/sorting.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::nn {
namespace {

constexpr std::string_view kBag = "embedding_bag";

void expect_indices(const Operand& indices, std::size_t rank, std::string_view expected) {
  const TensorType& type = indices.value(kBag).type();
  if (type.shape.rank() == rank && is_index(type.dtype)) return;
  throw Error(ErrorCode::shape_mismatch, "the layer takes bags of integers",
              {.op = std::string(kBag),
               .expected = std::string(expected),
               .actual = to_string(type),
               .where = to_string(indices.where())});
}

/// The largest rows of bags, and 0 for those that have none.
Value where_any(const Value& count, const Value& largest) { return where(count > 0.0, largest, 0.0); }

}  // namespace

Value Embedding::operator()(const Operand& indices) const {
  const TensorType& type = indices.value("embedding").type();
  expect_value(table, "embedding", "the table of the layer", indices.where());
  if (!is_index(type.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "an embedding takes the numbers of rows",
                {.op = "embedding",
                 .node = layer_name(table),
                 .expected = std::string(kIndexDTypes),
                 .actual = to_string(type),
                 .where = to_string(indices.where())});
  }
  const Scope origin(table.graph(), "", indices.where());
  return gather(table, indices);
}

Embedding embedding(Graph& graph, std::string_view name, std::int64_t entries, std::int64_t size, DType dtype,
                    const Initializer& initializer, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, name, where);
  const InitializerArgs args{.graph = graph,
                             .dtype = dtype,
                             .shape = {entries, size},
                             .fan_in = entries,
                             .fan_out = size,
                             .where = where};
  return {parameter(graph, "table", initializer(args), where)};
}

EmbeddingBag embedding_bag(Graph& graph, std::string_view name, std::int64_t entries, std::int64_t size,
                           BagMode mode, DType dtype, const Initializer& initializer, Where where) {
  return {.table = embedding(graph, name, entries, size, dtype, initializer, where).table, .mode = mode};
}

Value EmbeddingBag::operator()(const Operand& indices) const {
  expect_value(table, kBag, "the table of the layer", indices.where());
  expect_indices(indices, 2, "integers [bags, n]");
  const Scope origin(table.graph(), kBag, indices.where());
  const Value rows = gather(table, indices);
  if (mode == BagMode::sum) return sum(rows, {1});
  const Value count = apply(Count{.axes = {1}, .dtype = table.dtype()}, rows);
  if (mode == BagMode::mean) return sum(rows, {1}) / maximum(count, 1.0);
  return where_any(count, max(rows, {1}));
}

Value EmbeddingBag::operator()(const Operand& indices, const Operand& offsets) const {
  expect_value(table, kBag, "the table of the layer", indices.where());
  expect_indices(indices, 1, "integers [n]");
  expect_indices(offsets, 1, "integers [bags]");
  const Scope origin(table.graph(), kBag, indices.where());
  const Value starts = offsets.value();
  const Dim bags = starts.shape()[0];
  const Value ids = searchsorted(starts, positions(indices, 0, starts.dtype()), true) - 1;
  const Value rows = gather(table, indices);
  if (mode == BagMode::sum) return segment_sum(rows, ids, bags);
  if (mode == BagMode::mean) return segment_mean(rows, ids, bags);
  const Value ones = broadcast_to(constant(table.graph(), 1.0, table.dtype()), indices.value().shape());
  return where_any(expand_dims(segment_sum(ones, ids, bags), 1), segment_max(rows, ids, bags));
}

Value EmbeddingBag::weighted(const Operand& indices, const Operand& weights) const {
  expect_value(table, kBag, "the table of the layer", indices.where());
  expect_indices(indices, 2, "integers [bags, n]");
  if (mode != BagMode::sum) {
    throw Error(ErrorCode::invalid_argument, "only sums are weighted",
                {.op = std::string(kBag),
                 .expected = "mode sum",
                 .actual = mode == BagMode::mean ? "mean" : "max",
                 .where = to_string(indices.where())});
  }
  const TensorType& type = weights.value(kBag).type();
  expect_input(kBag, table, type, type.shape == indices.value().shape(),
               fmt::format("{} of weights", to_string(indices.value().shape())), indices.where());
  const Scope origin(table.graph(), kBag, indices.where());
  return squeeze(matmul(expand_dims(weights, 1), gather(table, indices)), 1);
}

}  // namespace weft::nn
