#pragma once
// The graph itself in a model that weft writes: each node with its op, name and line, as JSON in the model's
// metadata. Other runtimes read the standard operators beside it and pass over it. `load` makes the same
// nodes of it, as long as the operators are those that stood beside it when it was written: a digest tells.

#include <filesystem>
#include <map>
#include <optional>
#include <set>
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
  /// Of the inputs and initializers that it takes from the model.
  const std::set<std::string, std::less<>>& names() const noexcept { return names_; }
  /// An output of the model, and an update, in order.
  void add_output(ValueId value);
  void add_update(ValueId update);

  /// Adds the graph to the metadata of a model that is complete but for its metadata. Nothing is added where
  /// a node has attributes that no file tells: such a model is what its operators say.
  void write(ModelProto& model) const;

 private:
  Json reference(ValueId value) const;

  std::set<std::string, std::less<>> names_;
  Json nodes_ = Json::array();
  Json outputs_ = Json::array();
  Json updates_ = Json::array();
  std::map<ValueId, ValueId> places_;  // of values, by the numbers of their nodes in `nodes_`
  bool is_whole_ = true;
};

/// Builds the graph that a model was saved from. Nothing, and no node, where the model has none, was changed
/// since, or where the options ask for something else.
std::optional<Imported> rebuild(Graph& graph, const ModelProto& model, const std::filesystem::path& folder,
                                const Options& options);

}  // namespace weft::onnx
