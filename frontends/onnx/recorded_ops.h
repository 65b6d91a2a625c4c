#pragma once
// The ops of a graph as weft has them, recorded in a model's metadata beside the operators of ONNX that stand
// for them. Operators are other ops when they come back: a loss becomes the formula that it was composed of,
// and dropout draws other numbers. The record gives the graph that was saved, so that a training continues
// with the same bits. It holds while the model's operators are those that it was written with; if another
// program has changed them, they count and the record does not.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weft/frontends/onnx/model.h"
#include "weft/graph/graph.h"

namespace weft::onnx {

/// A value that the model gives under this name.
struct NamedValue {
  std::string name;
  Value value;
};

/// Adds a record of the nodes that `inputs` and `roots` need to the metadata of `model`, whose operators are
/// complete. `name_of` gives the names of inputs, parameters and constants in the model. Throws
/// Error(unsupported) for an op that is not built in.
void record_ops(ModelProto& model, std::span<const NamedValue> inputs, std::span<const NamedValue> roots,
                const std::function<std::string(ValueId)>& name_of);

struct RecordedGraph {
  std::map<std::string, Value, std::less<>> inputs;
  std::map<std::string, Value, std::less<>> roots;
};

/// Builds what was recorded into an empty graph; `folder` is that of external data. Empty for a model without
/// a record, or with one that does not hold. Throws Error(bad_file) for a record that weft does not write.
std::optional<RecordedGraph> recorded_graph(Graph& graph, const ModelProto& model,
                                            const std::filesystem::path& folder, const Where& where);

}  // namespace weft::onnx
