#include "weft/frontends/nn/embedding.h"

#include "weft/ops/gather.h"
#include "weft/ops/source.h"

namespace weft::nn {

Value Embedding::operator()(const Operand& indices) const {
  const Scope origin(expect_value(table, "embedding", "the table of the layer", indices.where()).graph(), "",
                     indices.where());
  return gather(table, indices);
}

Embedding embedding(Graph& graph, std::string_view name, std::int64_t entries, std::int64_t size, DType dtype,
                    const Initializer& initializer, Where where) {
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
