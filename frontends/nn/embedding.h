#pragma once
// Vectors for indices.

#include <cstdint>
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

/// How the vectors of a bag become one. Of a bag without indices it is 0.
enum class BagMode : std::uint8_t { sum, mean, max };

/// The sum, mean or maximum of the rows of a table at each bag of indices (PyTorch's EmbeddingBag). Ties of
/// the maximum share the gradient.
struct EmbeddingBag {
  static constexpr std::string_view kind = "EmbeddingBag";
  Value table;  // [entries, size]
  BagMode mode = BagMode::mean;

  /// Bags of one size: integers [bags, n] in [0, entries) -> [bags, size]. Errors: shape_mismatch; an index
  /// outside is an Error(out_of_range) in a run.
  Value operator()(const Operand& indices) const;
  /// Bags of any sizes: integers [n], of which bag i begins at `offsets[i]` -> [bags, size]. Offsets are
  /// integers of the same dtype that begin with 0 and do not fall.
  Value operator()(const Operand& indices, const Operand& offsets) const;
  /// The sum of the rows, each times its weight: weights [bags, n] in the dtype of the table. Errors:
  /// shape_mismatch, dtype_mismatch, and invalid_argument for another mode than sum.
  Value weighted(const Operand& indices, const Operand& weights) const;
  std::vector<Value> parameters() const { return {table}; }
};

/// Its parameter is "<name>/table", which starts by default as N(0, 1), as in PyTorch.
EmbeddingBag embedding_bag(Graph& graph, std::string_view name, std::int64_t entries, std::int64_t size,
                           BagMode mode = BagMode::mean, DType dtype = f32,
                           const Initializer& initializer = normal(0.0, 1.0), Where where = Where::current());

}  // namespace weft::nn
