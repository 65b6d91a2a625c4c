#include "weft/frontends/onnx/export_node.h"

#include <algorithm>
#include <numeric>

#include "weft/frontends/onnx/exporter.h"
#include "weft/frontends/onnx/formula.h"
#include "weft/graph/error.h"
#include "weft/graph/scalar.h"

namespace weft::onnx {
namespace {

AttributeProto typed_attribute(std::string_view name, AttributeProto::Type type) {
  AttributeProto made;
  made.name = name;
  made.type = type;
  return made;
}

Tensor filled(double number, DType dtype, std::vector<std::int64_t> sizes) {
  Tensor tensor = Tensor::uninitialized(dtype, std::move(sizes));
  visit_dtype(dtype,
              [&]<typename T>(T) { std::ranges::fill(tensor.mutable_values<T>(), Scalar(number).to<T>()); });
  return tensor;
}

/// Makes operators on sizes of a formula.
struct SizeOperators {
  using Term = std::string;
  std::string negative(const std::string& a) { return node("Neg", a); }
  std::string sum(const std::string& a, const std::string& b) { return node("Add", a, b); }
  std::string difference(const std::string& a, const std::string& b) { return node("Sub", a, b); }
  std::string product(const std::string& a, const std::string& b) { return node("Mul", a, b); }
  std::string quotient(const std::string& a, const std::string& b) { return node("Div", a, b); }
  std::string number(std::int64_t number) { return node.ints({number}); }
  std::string symbol(std::string_view name) { return node.dim(Dim(name)); }
  [[noreturn]] void fail() const { node.refuse("a size has a form that is not understood"); }

  ExportNode& node;
};

}  // namespace

AttributeProto attr(std::string_view name, std::int64_t number) {
  AttributeProto made = typed_attribute(name, AttributeProto::Type::integer);
  made.i = number;
  return made;
}
AttributeProto attr(std::string_view name, std::vector<std::int64_t> numbers) {
  AttributeProto made = typed_attribute(name, AttributeProto::Type::integers);
  made.ints = std::move(numbers);
  return made;
}
AttributeProto attr_number(std::string_view name, double number) {
  AttributeProto made = typed_attribute(name, AttributeProto::Type::f32);
  made.f = static_cast<float>(number);
  return made;
}
AttributeProto attr_text(std::string_view name, std::string_view text) {
  AttributeProto made = typed_attribute(name, AttributeProto::Type::string);
  made.s = text;
  return made;
}

std::int64_t ExportNode::axis(std::int64_t axis) const {
  return static_cast<std::int64_t>(normalize_axis(axis, rank()));
}

std::string ExportNode::add(std::string_view op, NameList inputs, Attributes attributes) {
  return exporter_.add(op, std::move(inputs), 1, std::move(attributes)).front();
}
NameList ExportNode::add_many(std::string_view op, NameList inputs, std::size_t outputs,
                              Attributes attributes) {
  return exporter_.add(op, std::move(inputs), outputs, std::move(attributes));
}

std::string ExportNode::constant(const Tensor& tensor) { return exporter_.constant(tensor); }
std::string ExportNode::number(double number, DType dtype) { return constant(filled(number, dtype, {})); }
std::string ExportNode::ints(const std::vector<std::int64_t>& numbers) {
  return constant(Tensor::of(numbers));
}

std::string ExportNode::dim(const Dim& size) {
  if (size.is_number()) return ints({size.size()});
  const std::string text = to_string(size);
  if (const std::string known = exporter_.known_size(text); !known.empty()) return known;
  std::string made = exporter_.input_size(size);
  if (made.empty() && size.is_symbol()) refuse("no input has the size '" + text + "'");
  if (made.empty()) {
    SizeOperators make{*this};
    made = FormulaReader(make, text).read();
  }
  exporter_.known_size(text) = made;
  return made;
}

std::string ExportNode::sizes(const Shape& shape) {
  if (shape.is_concrete()) return ints(shape.sizes());
  NameList parts;
  for (const Dim& size : shape) parts.push_back(dim(size));
  return parts.size() == 1 ? parts.front() : add("Concat", std::move(parts), {attr("axis", 0)});
}

std::string ExportNode::cast(const std::string& x, DType to) {
  return add("Cast", {x}, {attr("to", static_cast<std::int64_t>(data_type_of(to)))});
}
std::string ExportNode::transpose(const std::string& x, std::vector<std::int64_t> permutation) {
  return add("Transpose", {x}, {attr("perm", std::move(permutation))});
}

std::string ExportNode::reshape(const std::string& x, const Shape& shape) {
  std::vector<std::int64_t> numbers;
  int open = 0;
  bool has_zero = false;
  for (const Dim& size : shape) {
    has_zero = has_zero || size.is(0);
    open += size.is_number() ? 0 : 1;
    numbers.push_back(size.is_number() ? size.size() : -1);
  }
  if (open == 0) return add("Reshape", {x, ints(numbers)}, {attr("allowzero", has_zero ? 1 : 0)});
  if (open == 1 && !has_zero) return add("Reshape", {x, ints(numbers)}, {attr("allowzero", 0)});
  return add("Reshape", {x, sizes(shape)}, {attr("allowzero", 1)});
}

std::string ExportNode::squeeze(const std::string& x, const std::vector<std::int64_t>& axes) {
  return axes.empty() ? x : add("Squeeze", {x, ints(axes)});
}
std::string ExportNode::unsqueeze(const std::string& x, const std::vector<std::int64_t>& axes) {
  return axes.empty() ? x : add("Unsqueeze", {x, ints(axes)});
}

std::string ExportNode::sum(const std::string& x, const std::vector<std::int64_t>& axes, bool keep_dims) {
  NameList inputs{x};
  if (!axes.empty()) inputs.push_back(ints(axes));
  return add("ReduceSum", std::move(inputs),
             {attr("keepdims", keep_dims ? 1 : 0), attr("noop_with_empty_axes", 0)});
}

std::string ExportNode::one_hot(const std::string& indices, std::int64_t depth, DType dtype) {
  std::vector<std::int64_t> classes(static_cast<std::size_t>(depth));
  std::iota(classes.begin(), classes.end(), std::int64_t{0});
  return cast(add("Equal", {unsqueeze(cast(indices, DType::i64), {-1}), ints(classes)}), dtype);
}

std::string ExportNode::full(const Shape& shape, double number, DType dtype) {
  if (shape.is_scalar()) return this->number(number, dtype);
  AttributeProto value = typed_attribute("value", AttributeProto::Type::tensor);
  value.t = std::make_shared<const TensorProto>(tensor_proto_of("", filled(number, dtype, {1})));
  return add("ConstantOfShape", {sizes(shape)}, {std::move(value)});
}

std::string ExportNode::fresh() { return exporter_.unique(std::string(node_.op.name())); }
NameList ExportNode::inline_body(const Body& body, const NameList& arguments) {
  return exporter_.inline_body(body, arguments);
}
AttributeProto ExportNode::graph(std::string_view name, std::vector<ValueInfoProto> inputs,
                                 std::span<const TensorType> outputs,
                                 const std::function<NameList()>& build) {
  AttributeProto made = typed_attribute(name, AttributeProto::Type::graph);
  made.g = std::make_shared<const GraphProto>(exporter_.graph_of(std::move(inputs), outputs, build));
  return made;
}

bool ExportNode::keeps_gelu_tails() const { return exporter_.options().gelu_tails; }

void ExportNode::refuse(std::string_view why) const { throw Error(ErrorCode::unsupported, std::string(why)); }

}  // namespace weft::onnx
