#pragma once
// Vectors for indices.

#include <string_view>
#include <vector>

#include "weft/frontends/nn/initializers.h"
#include "weft/frontends/nn/layer.h"
#include "weft/graph/graph.h"

namespace weft::nn {

/// y = table[indices].
struct Embedding {
  static constexpr std::string_view kind = "Embedding";
  Value table;  // [entries, size]

  /// Integers [...] in [0, entries) -> [..., size]. An index outside is an Error(out_of_range) in a run.
  Value operator()(const Operand& indices) const;
  std::vector<Value> parameters() const { return {table}; }
};

/// Its parameter is "<name>/table", which starts by default as N(0, 1), as in PyTorch.
Embedding embedding(Graph& graph, std::string_view name, std::int64_t entries, std::int64_t size,
                    DType dtype = f32, const Initializer& initializer = normal(0.0, 1.0),
                    Where where = Where::current());

}  // namespace weft::nn
