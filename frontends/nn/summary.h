#pragma once
// The contents of a model or a graph, as a table for people.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "weft/frontends/nn/layer.h"

namespace weft::nn {

struct SummaryRow {
  std::string name;  // "hidden (Dense)"
  std::string type;  // "f32[batch, 100]": the type of the layer's output, or of the parameter
  std::int64_t elements = 0;
  std::size_t bytes = 0;
  int depth = 0;  // how many Sequentials are around it
};

struct Summary {
  std::string of_rows;      // "Layer" or "Parameter"
  std::string of_types;     // "Output" or "Type"
  std::string of_elements;  // "Parameters" or "Elements"
  std::vector<SummaryRow> rows;
  std::int64_t elements = 0;  // of all parameters and buffers, each counted once
  std::int64_t buffers = 0;   // how many of them are in buffers, which no optimizer moves
  std::size_t bytes = 0;

  /// A table with a head, a line for each row, and the sums.
  std::string text() const;
  friend std::string to_string(const Summary& summary) { return summary.text(); }
};

/// A row for each layer of a model that is applied to x, in order: the type of its output, and the number of
/// elements of its parameters and buffers. Builds the prediction in x's graph to know the types.
Summary summary(const Layer& model, const Value& x);

/// A row for each parameter of a graph, the slots of its optimizers included, by name.
Summary summary(const Graph& graph);

}  // namespace weft::nn
