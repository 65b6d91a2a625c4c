#include "weft/frontends/onnx/node_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weft/frontends/onnx/importer.h"
#include "weft/frontends/onnx/tensor_data.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft::onnx {
namespace {

std::string ordinal(std::size_t i) { return fmt::format("input {}", i + 1); }

/// The numbers as doubles, or as integers where they are whole.
template <typename To>
std::vector<To> converted(const Tensor& tensor) {
  constexpr double kMostWhole = 0x1p53;
  std::vector<To> numbers;
  numbers.reserve(static_cast<std::size_t>(tensor.elements()));
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    for (const T number : tensor.values<T>()) {
      if constexpr (std::is_integral_v<To> && std::is_floating_point_v<T>) {
        const auto wide = static_cast<double>(number);
        if (!(std::abs(wide) <= kMostWhole) || std::trunc(wide) != wide)
          throw Error(ErrorCode::dtype_mismatch, fmt::format("{} is no whole number", printable(wide)));
      }
      numbers.push_back(static_cast<To>(number));
    }
  });
  return numbers;
}

/// The dtype of a tensor of floats of 16 bits.
std::optional<DType> half_of(const Item& item) {
  std::optional<DType> dtype;
  if (item.value.has_value())
    dtype = item.value.dtype();
  else if (item.weight != nullptr)
    dtype = item.weight->tensor.dtype();
  return dtype && is_half(*dtype) ? dtype : std::nullopt;
}

}  // namespace

NodeView::NodeView(Importer& importer, const NodeProto& node, Names& names, std::int64_t version)
    : importer_(importer), node_(node), names_(names), version_(version) {
  for (const std::string& name : node.input) {
    const Item* const found = name.empty() ? nullptr : names.find(name);
    if (!name.empty() && found == nullptr)
      refuse(fmt::format("nothing before it makes its input '{}'", printable(name)));
    inputs_.push_back(found == nullptr ? Item() : *found);
  }
}

Graph& NodeView::graph() const { return importer_.graph(); }
bool NodeView::is_training() const { return importer_.options().mode == Mode::training; }

void NodeView::refuse(std::string_view reason) const {
  throw Error(ErrorCode::unsupported, std::string(reason));
}

bool NodeView::has(std::size_t i) const {
  return i < inputs_.size() && inputs_[i].kind != Item::Kind::absent;
}

const Item& NodeView::item(std::size_t i) const {
  if (!has(i)) throw Error(ErrorCode::invalid_argument, ordinal(i) + " is missing");
  return inputs_[i];
}

Value NodeView::value(std::size_t i) const { return value(item(i)); }
Value NodeView::value(const Item& of) const { return importer_.value(of); }

std::vector<Value> NodeView::values() const {
  std::vector<Value> all;
  for (std::size_t i = 0; i < inputs(); ++i) all.push_back(value(i));
  return all;
}

std::optional<DType> NodeView::half_of_inputs() const {
  for (const Item& input : inputs_) {
    if (const auto half = half_of(input)) return half;
  }
  return std::nullopt;
}

void NodeView::widen_halves() {
  for (Item& input : inputs_) {
    if (half_of(input)) input = cast(value(input), DType::f32);
  }
}

Tensor NodeView::known(std::size_t i) const { return known(item(i)); }
Tensor NodeView::known(const Item& of) const { return importer_.known(of); }

Tensor NodeView::constant(std::size_t i, std::string_view what) const {
  Tensor numbers = known(i);
  if (numbers.empty())
    refuse(fmt::format("{}, {}, must be known when the model is imported, and '{}' is not", ordinal(i), what,
                       printable(node_.input[i])));
  // What the graph is built by must not change in a training.
  const std::shared_ptr<Weight>& weight = item(i).weight;
  if (weight != nullptr && !weight->value.has_value()) weight->may_be_parameter = false;
  return numbers;
}

std::vector<std::int64_t> NodeView::integers(std::size_t i, std::string_view what) const {
  return converted<std::int64_t>(constant(i, what));
}
std::vector<double> NodeView::numbers(std::size_t i, std::string_view what) const {
  return converted<double>(constant(i, what));
}

std::int64_t NodeView::integer(std::size_t i, std::string_view what) const {
  const auto all = integers(i, what);
  if (all.size() != 1)
    throw Error(ErrorCode::shape_mismatch, fmt::format("{}, {}, is one number", ordinal(i), what));
  return all[0];
}
double NodeView::number(std::size_t i, std::string_view what) const {
  const auto all = numbers(i, what);
  if (all.size() != 1)
    throw Error(ErrorCode::shape_mismatch, fmt::format("{}, {}, is one number", ordinal(i), what));
  return all[0];
}

Wholes NodeView::wholes(std::size_t i, std::string_view what) const {
  if (item(i).wholes != nullptr) return *item(i).wholes;
  const Tensor tensor = constant(i, what);
  Wholes made{.numbers = {}, .is_scalar = tensor.rank() == 0, .dtype = tensor.dtype()};
  for (const std::int64_t number : converted<std::int64_t>(tensor)) made.numbers.emplace_back(number);
  return made;
}

Value NodeView::buffer(std::size_t i) const { return importer_.buffer(item(i)); }
void NodeView::update(const Value& buffer, const Value& next) const { importer_.update(buffer, next); }

const AttributeProto* NodeView::find(std::string_view name) const {
  read_.emplace(name);
  const auto found = std::ranges::find(node_.attribute, name, &AttributeProto::name);
  if (found == node_.attribute.end()) return nullptr;
  if (found->ref_attr_name.empty()) return &*found;
  if (names_.attributes == nullptr) return nullptr;
  const auto given = names_.attributes->find(found->ref_attr_name);
  return given == names_.attributes->end() ? nullptr : &given->second;
}

const AttributeProto* NodeView::find(std::string_view name, AttributeProto::Type type) const {
  const AttributeProto* const found = find(name);
  // Files of IR version 1 leave the type out.
  if (found != nullptr && found->type != type && found->type != AttributeProto::Type::undefined)
    throw Error(ErrorCode::invalid_argument, fmt::format("its attribute '{}' is of another type", name));
  return found;
}

std::int64_t NodeView::integer(std::string_view name, std::int64_t otherwise) const {
  const AttributeProto* const found = find(name, AttributeProto::Type::integer);
  return found == nullptr ? otherwise : found->i;
}
double NodeView::number(std::string_view name, double otherwise) const {
  const AttributeProto* const found = find(name, AttributeProto::Type::f32);
  return found == nullptr ? otherwise : static_cast<double>(found->f);
}
std::string NodeView::text(std::string_view name, std::string_view otherwise) const {
  const AttributeProto* const found = find(name, AttributeProto::Type::string);
  return found == nullptr ? std::string(otherwise) : found->s;
}
std::vector<std::int64_t> NodeView::integers(std::string_view name,
                                             std::vector<std::int64_t> otherwise) const {
  const AttributeProto* const found = find(name, AttributeProto::Type::integers);
  if (found != nullptr) return found->ints;
  return otherwise;
}
std::vector<double> NodeView::numbers(std::string_view name) const {
  const AttributeProto* const found = find(name, AttributeProto::Type::f32s);
  if (found == nullptr) return {};
  return {found->floats.begin(), found->floats.end()};
}
std::vector<std::string> NodeView::texts(std::string_view name) const {
  const AttributeProto* const found = find(name, AttributeProto::Type::strings);
  return found == nullptr ? std::vector<std::string>() : found->strings;
}
Tensor NodeView::tensor(std::string_view name) const {
  const AttributeProto* const found = find(name, AttributeProto::Type::tensor);
  if (found == nullptr || found->t == nullptr) return {};
  return read_tensor(*found->t, importer_.folder());
}

const GraphProto& NodeView::body(std::string_view name) const {
  const AttributeProto* const found = find(name, AttributeProto::Type::graph);
  if (found == nullptr || found->g == nullptr)
    throw Error(ErrorCode::invalid_argument, fmt::format("its graph '{}' is missing", name));
  return *found->g;
}

void NodeView::ignore(std::initializer_list<std::string_view> names) const {
  read_.insert(names.begin(), names.end());
}

Items NodeView::run(const GraphProto& body, const std::vector<Item>& inputs) const {
  return importer_.run_graph(body, &names_, inputs);
}

Value NodeView::constant_of(const Tensor& tensor) const { return weft::constant(graph(), tensor); }

Item NodeView::weight_of(const TensorProto& tensor) const {
  return importer_.weight(tensor, node_.output.empty() ? node_.name : node_.output[0], false);
}

Item NodeView::item_of(Wholes numbers) const {
  if (!std::ranges::all_of(numbers.numbers, &Whole::is_number)) return Item::of(std::move(numbers));
  std::vector<std::int64_t> plain;
  for (const Whole& number : numbers.numbers) plain.push_back(number.number());
  const Tensor wide = numbers.is_scalar ? Tensor::scalar(plain.at(0)) : Tensor::of(plain);
  if (numbers.dtype == DType::i64) return constant_of(wide);
  return cast(constant_of(wide), numbers.dtype);
}

Value NodeView::size_of(const Dim& size, DType dtype) const {
  return value(item_of({.numbers = {size}, .is_scalar = true, .dtype = dtype}));
}

std::string NodeView::unread_attribute() const {
  for (const AttributeProto& attribute : node_.attribute) {
    if (!read_.contains(attribute.name)) return attribute.name;
  }
  return {};
}

}  // namespace weft::onnx
