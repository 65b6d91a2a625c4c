#pragma once
// One export: walks the nodes that a function needs, gives names, and collects what cannot be exported.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/export_node.h"
#include "weft/frontends/onnx/saved_graph.h"

namespace weft::onnx {

/// A tensor's numbers as they lie in memory.
TensorProto tensor_proto_of(const std::string& name, const Tensor& tensor);
ValueInfoProto info_of(const std::string& name, const TensorType& type);

class Exporter {
 public:
  /// `several` functions as one may update a parameter more than once.
  Exporter(const FunctionSpec& spec, const ExportOptions& options, const Where& where, bool several = false);
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;
  Exporter(Exporter&&) = delete;
  Exporter& operator=(Exporter&&) = delete;
  ~Exporter() = default;

  /// The model, without the graph that it is saved from.
  ModelProto run();
  const SavedGraph& saved_graph() const noexcept { return saved_; }
  /// What an input or a parameter of the user's graph is called in the model.
  const std::string& name_of(const Value& value) const;

  // For ExportNode.

  /// Adds an operator with so many results and returns their names.
  NameList add(std::string_view op, NameList inputs, std::size_t outputs, Attributes attributes);
  std::string constant(const Tensor& tensor);
  /// A size that is no number, as i64 [1]; "" where no input has it.
  std::string input_size(const Dim& size);
  /// The name of a size that was made before, or "".
  std::string& known_size(const std::string& text) { return sizes_[text]; }
  const ExportOptions& options() const noexcept { return options_; }
  /// A name that nothing else has.
  std::string unique(const std::string& base);
  /// Adds the nodes of a body, whose arguments have these names, and returns the names of its results.
  NameList inline_body(const Body& body, const NameList& arguments);
  /// The nodes that `build` adds as a graph in a node, whose outputs are the results of these types that it
  /// names.
  GraphProto graph_of(std::vector<ValueInfoProto> inputs, std::span<const TensorType> types,
                      const std::function<NameList()>& build);

 private:
  void take_standard_forms();
  void check_spec();
  void name_roots();
  void add_parameter(const Node& node, ValueId id);
  void export_node(NodeId id);
  using Names = std::map<ValueId, std::string>;
  /// Of a graph whose values have these names; adds those of its outputs.
  void export_op(const Graph& graph, NodeId id, Names& names);
  NameList results_of(const Graph& graph, NodeId id, const Names& names);
  /// Gives what the nodes from `first` on call `name` another name; false where they do not make it.
  bool rename(std::size_t first, const std::string& name, const std::string& to);
  void add_output(const std::string& name, const Value& value);
  void throw_problems() const;

  FunctionSpec spec_;
  const ExportOptions& options_;
  Where where_;
  bool several_;
  Program replaced_;        // what is exported in place of a program with ops of a user's own
  Graph* graph_ = nullptr;  // that is exported
  Graph* given_ = nullptr;  // the user's, which declares parameters
  std::vector<Value> roots_;
  ModelProto model_;
  std::set<std::string, std::less<>> taken_;
  Names names_;
  Names wanted_;                                  // names that outputs ask for
  std::vector<std::string> output_names_;         // one for each root
  std::map<NodeId, std::string> updated_;         // parameters that the function updates
  std::map<std::string, std::string> constants_;  // by their types, and bytes or places in memory
  std::map<std::string, std::string> sizes_;
  Session* values_ = nullptr;  // of the parameters
  std::string base_;           // of the names of the node that is being exported
  std::string parameters_;
  SavedGraph saved_{[this](const Tensor& tensor) { return constant(tensor); }};
  std::vector<std::string> problems_;
};

}  // namespace weft::onnx
