#pragma once
// The graph itself in a model that weft writes: each node with its op, name and line, and the bodies of loops
// and branches likewise, as JSON in the model's metadata. Other runtimes read the standard operators beside
// it and pass over it. `load` makes the same nodes of it, as long as the operators are those that stood
// beside it when it was written: a digest tells.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/model.h"
#include "weft/frontends/onnx/saved_op.h"
#include "weft/graph/graph.h"
#include "weft/graph/tensor.h"
#include "weft/ops/body.h"

namespace weft::onnx {

/// The nodes of a graph, or of a body, as they are written.
class SavedNodes {
 public:
  /// Adds a node; `json` says what it is.
  void add(const Node& node, NodeId id, Json json);
  /// Lets a value stand for another, which is not written.
  void add_alias(ValueId id, ValueId value) { places_[id] = places_.at(value); }
  /// The node by its number in the list; with the number of an output that is not the first.
  Json reference(ValueId value) const;
  const Json& list() const noexcept { return list_; }

 private:
  Json list_ = Json::array();
  std::map<ValueId, ValueId> places_;
};

/// Notes nodes while they are exported.
class SavedGraph {
 public:
  /// Gives the name of the initializer that has a constant of a body.
  using NameOfConstant = std::function<std::string(const Tensor&)>;
  explicit SavedGraph(NameOfConstant name_of_constant) : name_of_constant_(std::move(name_of_constant)) {}

  /// The node, whose first output has this name in the model: an input, or an initializer.
  void add(const Node& node, NodeId id, const std::string& name);
  /// Of the inputs and initializers that it takes from the model.
  const std::set<std::string, std::less<>>& names() const noexcept { return names_; }
  /// An output of the model by its name there; updates, in order.
  void add_output(const std::string& name, ValueId value);
  void add_update(ValueId update);

  /// Adds the graph to the metadata of a model that is complete but for its metadata. Nothing is added where
  /// a node has attributes that no file tells: such a model is what its operators say.
  void write(ModelProto& model) const;

 private:
  /// False for an op that no file can tell.
  bool add_op(SavedNodes& nodes, const Node& node, NodeId id);
  std::optional<Json> saved_body(const Body& body);

  NameOfConstant name_of_constant_;
  std::set<std::string, std::less<>> names_;
  SavedNodes nodes_;
  Json outputs_ = Json::object();
  Json updates_ = Json::array();
  bool is_whole_ = true;
};

constexpr std::int64_t kSavedGraphVersion = 1;

/// A number for all that says what the model, whose functions are joined, computes. The numbers of parameters
/// may change, and so may comments and types that are written beside the nodes.
std::string digest_of(const ModelProto& model);

/// Builds the graph that a model was saved from. Nothing, and no node, where the model has none, was changed
/// since, or where the options ask for something else.
std::optional<Imported> rebuild(Graph& graph, const ModelProto& model, const std::filesystem::path& folder,
                                const Options& options);

}  // namespace weft::onnx
