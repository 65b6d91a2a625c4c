#pragma once
// What an op's rule of export sees of a node, and how it adds operators of ONNX. One thread at a time.

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weft/frontends/onnx/model.h"
#include "weft/frontends/onnx/saved_op.h"
#include "weft/graph/graph.h"
#include "weft/graph/tensor.h"

namespace weft::onnx {

class Exporter;

using NameList = std::vector<std::string>;
using Attributes = std::vector<AttributeProto>;

/// Attributes of each type that rules use.
AttributeProto attr(std::string_view name, std::int64_t number);
AttributeProto attr(std::string_view name, std::vector<std::int64_t> numbers);
AttributeProto attr_number(std::string_view name, double number);
AttributeProto attr_text(std::string_view name, std::string_view text);

class ExportNode {
 public:
  ExportNode(Exporter& exporter, const Node& node, NameList inputs, std::vector<TensorType> types)
      : exporter_(exporter), node_(node), inputs_(std::move(inputs)), types_(std::move(types)) {}

  const Node& node() const noexcept { return node_; }
  /// The op, which is an O.
  template <typename O>
  const O& op() const {
    return *node_.op.as<O>();
  }

  std::size_t size() const noexcept { return inputs_.size(); }
  const NameList& inputs() const noexcept { return inputs_; }
  /// The name of an input.
  const std::string& in(std::size_t i) const { return inputs_.at(i); }
  const TensorType& type(std::size_t i) const { return types_.at(i); }
  const Shape& shape(std::size_t i) const { return types_.at(i).shape; }
  DType dtype(std::size_t i = 0) const { return types_.at(i).dtype; }
  std::size_t rank(std::size_t i = 0) const { return types_.at(i).shape.rank(); }
  const TensorType& out(std::size_t i = 0) const { return node_.outputs.at(i); }
  /// An axis in [0, rank of input 0).
  std::int64_t axis(std::int64_t axis) const;

  /// Adds an operator and returns the name of its result.
  std::string add(std::string_view op, NameList inputs, Attributes attributes = {});
  NameList add_many(std::string_view op, NameList inputs, std::size_t outputs, Attributes attributes = {});
  /// The same without attributes: n("Mul", x, n("Exp", y)).
  template <std::convertible_to<std::string>... Names>
  std::string operator()(std::string_view op, const Names&... inputs) {
    return add(op, {std::string(inputs)...});
  }

  std::string constant(const Tensor& tensor);
  /// A scalar in the dtype of input 0, or another.
  std::string number(double number) { return this->number(number, dtype()); }
  std::string number(double number, DType dtype);
  /// A vector of i64.
  std::string ints(const std::vector<std::int64_t>& numbers);
  /// A size, and the sizes of a shape, as a vector of i64.
  std::string dim(const Dim& size);
  std::string sizes(const Shape& shape);

  std::string cast(const std::string& x, DType to);
  std::string transpose(const std::string& x, std::vector<std::int64_t> permutation);
  /// x under another shape with as many elements.
  std::string reshape(const std::string& x, const Shape& shape);
  /// x without the axes, or with axes of size 1 there.
  std::string squeeze(const std::string& x, const std::vector<std::int64_t>& axes);
  std::string unsqueeze(const std::string& x, const std::vector<std::int64_t>& axes);
  /// The sum along axes; all of them for an empty list.
  std::string sum(const std::string& x, const std::vector<std::int64_t>& axes, bool keep_dims);
  /// A shape filled with a number.
  std::string full(const Shape& shape, double number, DType dtype);
  /// Rows of zeros and, at each index, a one. ONNX's OneHot is not used: runtimes have it for few types.
  std::string one_hot(const std::string& indices, std::int64_t depth, DType dtype);
  std::string where(const std::string& condition, const std::string& a, const std::string& b) {
    return add("Where", {condition, a, b});
  }

  /// A name for an input of a body, which nothing else has.
  std::string fresh();
  /// Adds the operators of a body whose arguments have these names; returns the names of its results.
  NameList inline_body(const Body& body, const NameList& arguments);
  /// What `build` adds as an attribute that is a graph; `build` returns the names of its outputs.
  AttributeProto graph(std::string_view name, std::vector<ValueInfoProto> inputs,
                       std::span<const TensorType> outputs, const std::function<NameList()>& build);

  /// ExportOptions::gelu_tails.
  bool keeps_gelu_tails() const;

  /// Says why the node cannot be exported.
  [[noreturn]] void refuse(std::string_view why) const;

 private:
  Exporter& exporter_;
  const Node& node_;
  NameList inputs_;
  std::vector<TensorType> types_;
};

/// The names of a node's outputs.
using ExportRule = NameList (*)(ExportNode& node, std::string_view name);

struct ExportEntry {
  std::string_view op;         // the op's name
  bool (*fits)(const Op& op);  // whether it is weft's own op of that name
  ExportRule rule;             // gets `operator_name`
  std::string_view operator_name{};
  // The op's attributes in a file, and back; null for an op that no file can tell.
  Json (*saved)(const Op& op) = nullptr;
  Op (*restored)(const Json& attributes) = nullptr;
};

template <typename O>
bool is_op(const Op& op) {
  return op.is<O>();
}
template <typename O>
constexpr ExportEntry exported(ExportRule rule, std::string_view operator_name = {}) {
  if constexpr (SavedOp<O>) {
    return {O::name, is_op<O>, rule, operator_name, saved_op<O>, restored_op<O>};
  } else {
    return {O::name, is_op<O>, rule, operator_name};
  }
}

/// The operator of that name on the inputs as they are.
inline NameList same_operator(ExportNode& n, std::string_view name) { return {n.add(name, n.inputs())}; }

std::span<const ExportEntry> elementwise_exports();
std::span<const ExportEntry> function_exports();
std::span<const ExportEntry> reduction_exports();
std::span<const ExportEntry> structure_exports();
std::span<const ExportEntry> indexing_exports();
std::span<const ExportEntry> window_exports();
std::span<const ExportEntry> product_exports();
std::span<const ExportEntry> attention_exports();
std::span<const ExportEntry> control_exports();

/// Null for an op that has none.
const ExportEntry* find_export(const Op& op);
const ExportEntry* find_export_named(std::string_view op);

}  // namespace weft::onnx
