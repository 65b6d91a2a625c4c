#pragma once
// What an operator's rule sees of a node: its inputs as values or as numbers, its attributes, and the graph
// that it builds into. A rule is a function from a NodeView to the results. It throws by refuse(), or lets
// the errors of weft's functions through; the importer adds the node. An attribute that a rule does not ask
// for makes the node refused.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/item.h"
#include "weft/frontends/onnx/model.h"
#include "weft/graph/graph.h"

namespace weft::onnx {

class Importer;
struct Names;

class NodeView {
 public:
  NodeView(Importer& importer, const NodeProto& node, Names& names, std::int64_t version);

  Graph& graph() const;
  /// The version of the operator set that the node is of.
  std::int64_t version() const noexcept { return version_; }
  bool is_training() const;
  const NodeProto& proto() const noexcept { return node_; }
  Names& names() const noexcept { return names_; }
  [[noreturn]] void refuse(std::string_view reason) const;

  // --- inputs ---
  std::size_t inputs() const noexcept { return node_.input.size(); }
  bool has(std::size_t i) const;
  const Item& item(std::size_t i) const;
  /// As a value; refuses an absent input and a sequence.
  Value value(std::size_t i) const;
  Value value(const Item& item) const;
  /// All inputs as values.
  std::vector<Value> values() const;
  /// The numbers; empty where they are known in a run only.
  Tensor known(std::size_t i) const;
  Tensor known(const Item& item) const;
  /// The numbers, which must be known; `what` says for what.
  Tensor constant(std::size_t i, std::string_view what) const;
  std::vector<std::int64_t> integers(std::size_t i, std::string_view what) const;
  std::vector<double> numbers(std::size_t i, std::string_view what) const;
  std::int64_t integer(std::size_t i, std::string_view what) const;
  double number(std::size_t i, std::string_view what) const;
  /// Whole numbers, which may depend on symbols.
  Wholes wholes(std::size_t i, std::string_view what) const;
  /// A weight that a training does not move by gradients, as state if weights are: a running mean.
  Value buffer(std::size_t i) const;
  /// An update of such a weight in training.
  void update(const Value& buffer, const Value& next) const;

  /// The dtype of the first input of floats of 16 bits.
  std::optional<DType> half_of_inputs() const;
  /// Such inputs as f32, from here on.
  void widen_halves();

  // --- attributes ---
  bool has_attribute(std::string_view name) const { return find(name) != nullptr; }
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  double number(std::string_view name, double otherwise) const;
  std::string text(std::string_view name, std::string_view otherwise) const;
  std::vector<std::int64_t> integers(std::string_view name, std::vector<std::int64_t> otherwise = {}) const;
  std::vector<double> numbers(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  Tensor tensor(std::string_view name) const;
  const AttributeProto* find(std::string_view name) const;
  const GraphProto& body(std::string_view name) const;
  /// Attributes that change nothing.
  void ignore(std::initializer_list<std::string_view> names) const;

  // --- results ---
  std::size_t outputs() const noexcept { return node_.output.size(); }
  bool wants(std::size_t i) const { return i < node_.output.size() && !node_.output[i].empty(); }

  /// Runs the body of a loop or branch.
  Items run(const GraphProto& body, const std::vector<Item>& inputs) const;

  Value constant_of(const Tensor& tensor) const;
  /// A tensor of the model as the weight that it may become.
  Item weight_of(const TensorProto& tensor) const;
  /// Sizes as what a name stands for: a constant, if all of them are numbers.
  Item item_of(Wholes numbers) const;
  /// The size of an axis as a scalar of `dtype`, which may depend on symbols.
  Value size_of(const Dim& size, DType dtype = i64) const;

  /// An attribute that nobody asked for, or "".
  std::string unread_attribute() const;

 private:
  const AttributeProto* find(std::string_view name, AttributeProto::Type type) const;

  Importer& importer_;
  const NodeProto& node_;
  Names& names_;
  std::int64_t version_;
  std::vector<Item> inputs_;
  mutable std::set<std::string, std::less<>> read_;
};

using Rule = Items (*)(const NodeView& node);

}  // namespace weft::onnx
