#pragma once
// One export: walks the nodes that a function needs, gives names, and collects what cannot be exported.

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

class Exporter {
 public:
  /// `several` functions as one may update a parameter more than once.
  Exporter(const FunctionSpec& spec, const ExportOptions& options, const Where& where, bool several = false);

  /// The model, without the graph that it is saved from.
  ModelProto run();
  const SavedGraph& saved_graph() const noexcept { return saved_; }
  /// What an input or a parameter of the user's graph is called in the model.
  const std::string& name_of(const Value& value) const;

  /// For ExportNode: adds an operator with so many results and returns their names.
  NameList add(std::string_view op, NameList inputs, std::size_t outputs, Attributes attributes);
  std::string constant(const Tensor& tensor);
  /// A size that is no number, as i64 [1]; "" where no input has it.
  std::string input_size(const Dim& size);
  /// The name of a size that was made before, or "".
  std::string& known_size(const std::string& text) { return sizes_[text]; }

 private:
  void take_standard_forms();
  void check_spec();
  void name_roots();
  void add_parameter(const Node& node, ValueId id);
  void export_node(NodeId id);
  void export_op(NodeId id);
  NameList results_of(NodeId id);
  /// Gives what the nodes from `first` on call `name` another name; false where they do not make it.
  bool rename(std::size_t first, const std::string& name, const std::string& to);
  std::string unique(const std::string& base);
  void add_output(const std::string& name, const Value& value);
  void throw_problems() const;

  FunctionSpec spec_;
  const ExportOptions& options_;
  Where where_;
  bool several_;
  Program replaced_;        // what is exported in place of a program with scans or ops of a user's own
  Graph* graph_ = nullptr;  // that is exported
  Graph* given_ = nullptr;  // the user's, which declares parameters
  std::vector<Value> roots_;
  ModelProto model_;
  std::set<std::string, std::less<>> taken_;
  std::map<ValueId, std::string> names_;
  std::map<ValueId, std::string> wanted_;         // names that outputs ask for
  std::vector<std::string> output_names_;         // one for each root
  std::map<NodeId, std::string> updated_;         // parameters that the function updates
  std::map<std::string, std::string> constants_;  // small ones by their type and bytes
  std::map<std::string, std::string> sizes_;
  Session* values_ = nullptr;  // of the parameters
  std::string base_;           // of the names of the node that is being exported
  std::string parameters_;
  SavedGraph saved_;
  std::vector<std::string> problems_;
};

}  // namespace weft::onnx
