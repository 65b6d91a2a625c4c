#include "weft/frontends/nn/embedding.h"

#include "weft/ops/gather.h"
#include "weft/ops/source.h"

namespace weft::nn {

Value Embedding::operator()(const Operand& indices) const {
  const TensorType& type = indices.value("embedding").type();
  expect_value(table, "embedding", "the table of the layer", indices.where());
  if (!is_integer(type.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "an embedding takes the numbers of rows",
                {.op = "embedding",
                 .node = layer_name(table),
                 .expected = "i32, i64 or u8",
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

}  // namespace weft::nn
