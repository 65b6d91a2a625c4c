#pragma once
// One import: the names of the graphs that are open, what was made of the weights, and what could not be
// imported.

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/onnx/constants.h"
#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/item.h"
#include "weft/frontends/onnx/model.h"
#include "weft/graph/error.h"

namespace weft::onnx {

/// The names of one graph or function body. An inner graph sees those of the outer one, a function does not.
struct Names {
  std::map<std::string, Item, std::less<>> items;
  const Names* outer = nullptr;
  const std::map<std::string, std::int64_t, std::less<>>* operator_sets = nullptr;
  const std::map<std::string, AttributeProto, std::less<>>* attributes = nullptr;  // of the function's caller
  int depth = 0;

  /// Null for an unknown name.
  const Item* find(std::string_view name) const;
};

class Importer {
 public:
  Importer(Graph& graph, const ModelProto& model, std::filesystem::path folder, const Options& options);

  /// Imports the main graph. Throws one error for all nodes that could not be imported.
  Imported run();

  Graph& graph() noexcept { return graph_; }
  const Options& options() const noexcept { return options_; }
  const std::filesystem::path& folder() const noexcept { return folder_; }

  /// The item as a value; throws Error(unsupported) for what is not a tensor.
  Value value(const Item& item);
  /// Its numbers; empty where they are not known.
  Tensor known(const Item& item);
  Value buffer(const Item& item);
  void update(const Value& buffer, const Value& next);
  /// The weight that `tensor` of the model stands for, one for all times that a loop's body comes by.
  std::shared_ptr<Weight> weight(const TensorProto& tensor, const std::string& name, bool is_initializer);
  /// Counts so many more nodes. Throws Error(bad_file) where they are more than the options allow.
  void count_nodes(std::int64_t count);
  /// Imports a graph's nodes; `inputs` are its inputs.
  Items run_graph(const GraphProto& graph, const Names* outer, const std::vector<Item>& inputs);

 private:
  struct Problem {
    std::string node;  // "Conv 'conv1'"
    ErrorCode code;
    std::string reason;
  };

  Item input_item(const ValueInfoProto& info);
  Item fixed_item(const Known& known, const TypeProto& type);
  Item given_item(const Value& given, const TypeProto& type) const;
  std::shared_ptr<Weight> make_weight(std::string name, Tensor tensor, bool is_initializer) const;
  Shape input_shape(const ValueInfoProto& info) const;
  void add_initializers(const GraphProto& graph, Names& names);
  void run_nodes(const std::vector<NodeProto>& nodes, Names& names);
  void run_node(const NodeProto& node, Names& names);
  Items results_of(const NodeProto& node, Names& names);
  Items call_function(const FunctionProto& function, const NodeProto& node, Names& names);
  const Item& item(const std::string& name, const Names& names) const;
  void name_results(const NodeProto& node, const Items& results, std::size_t first_node);
  Value make_state(Weight& weight, std::vector<Value>& list);
  void add_saved_updates(const Names& names);
  void check_options() const;
  void throw_problems() const;

  Graph& graph_;
  const ModelProto& model_;
  std::filesystem::path folder_;
  const Options& options_;
  Constants constants_;
  std::map<std::string, std::int64_t, std::less<>> operator_sets_;
  std::map<std::pair<std::string, std::string>, const FunctionProto*> functions_;
  std::map<const TensorProto*, std::shared_ptr<Weight>> weights_;
  std::optional<std::set<std::string, std::less<>>> saved_parameters_;  // of a model that weft wrote
  Imported imported_;
  std::vector<Problem> problems_;
  std::int64_t nodes_ = 0;
};

}  // namespace weft::onnx
