#pragma once
// The graph itself in a model that weft writes: each node with its op, name and line, as JSON in the model's
// metadata. Other runtimes read the standard operators beside it and pass over it. `load` makes the same
// nodes of it, as long as the operators are those that stood beside it when it was written: a digest tells.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/model.h"
#include "weft/frontends/onnx/saved_op.h"
#include "weft/graph/graph.h"

namespace weft::onnx {

/// Notes nodes while they are exported.
class SavedGraph {
 public:
  /// The node, whose first output has this name in the model: an input, or an initializer.
  void add(const Node& node, NodeId id, const std::string& name);
  /// An output of the model, and an update, in order.
  void add_output(ValueId value) { outputs_.push_back(reference(value)); }
  void add_update(ValueId update) { updates_.push_back(reference(update)); }
  void set_seed(std::uint64_t seed) { seed_ = seed; }

  /// The text for the metadata of a model that is complete but for it.
  std::string text(const ModelProto& model) const;

 private:
  Json reference(ValueId value) const;

  Json nodes_ = Json::array();
  Json outputs_ = Json::array();
  Json updates_ = Json::array();
  std::map<ValueId, ValueId> places_;  // of values, by the numbers of their nodes in `nodes_`
  std::uint64_t seed_ = 0;
};

/// Builds the graph that a model was saved from. Nothing, and no node, where the model has none, was changed
/// since, or where the options ask for something else.
std::optional<Imported> rebuild(Graph& graph, const ModelProto& model, const std::filesystem::path& folder,
                                const Options& options);

}  // namespace weft::onnx
