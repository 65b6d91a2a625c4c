#include "weft/frontends/onnx/op_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <vector>

#include "weft/frontends/onnx/formula.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/ops/builtin.h"

namespace weft::onnx {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse_json(const std::string& expected, const Json& found) {
  constexpr std::size_t kMostShown = 80;
  const std::string text = found.dump(-1, ' ', true, Json::error_handler_t::replace);
  throw Error(ErrorCode::bad_file, "the description of an op is wrong",
              {.expected = expected, .actual = shortened(text, kMostShown)});
}

/// Makes a Dim of a formula.
struct DimMaker {
  using Term = Dim;
  Dim negative(const Dim& a) { return Dim(0) - a; }
  Dim sum(const Dim& a, const Dim& b) { return a + b; }
  Dim difference(const Dim& a, const Dim& b) { return a - b; }
  Dim product(const Dim& a, const Dim& b) { return a * b; }
  Dim quotient(const Dim& a, const Dim& b) { return floor_div(a, b); }
  Dim number(std::int64_t number) { return {number}; }
  Dim symbol(std::string_view name) { return {name}; }
  [[noreturn]] void fail() const { refuse_json("a size or a formula of sizes", text); }

  const Json& text;
};

/// Enumerations by the texts of their members, with the last of them.
template <typename E>
constexpr E kLastMember{};
template <>
constexpr SampleMode kLastMember<SampleMode> = SampleMode::nearest;
template <>
constexpr SampleBorder kLastMember<SampleBorder> = SampleBorder::reflection;
template <>
constexpr Reduction kLastMember<Reduction> = Reduction::max;
template <>
constexpr ResizeMode kLastMember<ResizeMode> = ResizeMode::area;
template <>
constexpr ResizeCoordinates kLastMember<ResizeCoordinates> = ResizeCoordinates::asymmetric;
template <>
constexpr ResizeRounding kLastMember<ResizeRounding> = ResizeRounding::ceil;

template <typename T>
concept Enumeration = std::is_enum_v<T> && !std::is_same_v<T, DType>;
template <typename T>
concept WindowSizes = requires(const T& size) { size.values(); };
template <typename T>
concept WindowPaddings = requires(const T& padding) {
  padding.before();
  padding.after();
};

// --- attributes as JSON ---

Json json_of(bool value) { return value; }
Json json_of(std::int64_t value) { return value; }
Json json_of(double value) { return fmt::format("{}", value); }  // JSON has neither infinities nor NaNs
Json json_of(DType value) { return std::string(name_of(value)); }
Json json_of(const Dim& value) { return value.is_number() ? Json(value.size()) : Json(to_string(value)); }
Json json_of(const std::vector<std::int64_t>& value) { return value; }

Json json_of(const Shape& value) {
  Json sizes = Json::array();
  for (const Dim& size : value) sizes.push_back(json_of(size));
  return sizes;
}

Json json_of(const TensorType& value) {
  return Json{{"dtype", json_of(value.dtype)}, {"shape", json_of(value.shape)}};
}

/// A number keeps its kind: "2.5", or the whole numbers -3 and 3.
Json json_of(const Scalar& value) {
  if (value == Scalar(value.as_double())) return json_of(value.as_double());
  const auto is = [&](auto number) { return value == Scalar(number); };
  const long double number = value.as_long_double();
  if (number < 0 || is(static_cast<std::int64_t>(number)))
    return {{"signed", static_cast<std::int64_t>(number)}};
  return {{"unsigned", static_cast<std::uint64_t>(number)}};
}

template <Enumeration E>
Json json_of(E value) {
  return attribute_text(value);
}
template <WindowSizes T>
Json json_of(const T& value) {
  return value.values();
}
template <WindowPaddings T>
Json json_of(const T& value) {
  Json sides = Json::array();
  for (std::size_t i = 0; i < value.before().size(); ++i) {
    sides.push_back(value.before()[i]);
    sides.push_back(value.after()[i]);
  }
  return sides;
}

Json json_of(const Slice& value) {
  return Json{{"axis", value.axis},
              {"start", json_of(value.start)},
              {"stop", json_of(value.stop)},
              {"step", value.step}};
}
Json json_of(const std::vector<Slice>& value) {
  Json slices = Json::array();
  for (const Slice& slice : value) slices.push_back(json_of(slice));
  return slices;
}

// --- and back ---

const Json& member(const Json& json, const char* name) {
  if (!json.is_object() || !json.contains(name)) refuse_json(fmt::format("'{}'", name), json);
  return json.at(name);
}

void read(const Json& json, bool& value) {
  if (!json.is_boolean()) refuse_json("true or false", json);
  value = json.get<bool>();
}
void read(const Json& json, std::int64_t& value) {
  const bool fits = json.is_number_unsigned() ? std::in_range<std::int64_t>(json.get<std::uint64_t>())
                                              : json.is_number_integer();
  if (!fits) refuse_json("a whole number of 64 bits", json);
  value = json.get<std::int64_t>();
}
void read(const Json& json, double& value) {
  if (!json.is_string()) refuse_json("a number as text", json);
  const auto& text = json.get_ref<const std::string&>();
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) refuse_json("a number as text", json);
}
void read(const Json& json, DType& value) {
  const auto found = std::ranges::find_if(kDTypes, [&](DType dtype) {
    return json.is_string() && json.get_ref<const std::string&>() == name_of(dtype);
  });
  if (found == kDTypes.end()) refuse_json("a dtype", json);
  value = *found;
}
void read(const Json& json, Dim& value) {
  if (json.is_string()) {
    DimMaker make{json};
    value = FormulaReader(make, json.get_ref<const std::string&>()).read();
  } else {
    std::int64_t size = 0;
    read(json, size);
    value = size;
  }
}
void read(const Json& json, std::vector<std::int64_t>& value) {
  if (!json.is_array()) refuse_json("a list of whole numbers", json);
  value.assign(json.size(), 0);
  for (std::size_t i = 0; i < value.size(); ++i) read(json[i], value[i]);
}
void read(const Json& json, Shape& value) {
  if (!json.is_array()) refuse_json("a list of sizes", json);
  std::vector<Dim> sizes(json.size(), Dim(0));
  for (std::size_t i = 0; i < sizes.size(); ++i) read(json[i], sizes[i]);
  value = Shape(std::move(sizes));
}
void read(const Json& json, TensorType& value) {
  read(member(json, "dtype"), value.dtype);
  read(member(json, "shape"), value.shape);
}
void read(const Json& json, Scalar& value) {
  if (json.is_string()) {
    double number = 0.0;
    read(json, number);
    value = number;
  } else if (json.is_object() && json.contains("signed")) {
    std::int64_t number = 0;
    read(json["signed"], number);
    value = number;
  } else {
    const Json& number = member(json, "unsigned");
    if (!number.is_number_unsigned()) refuse_json("a whole number from 0 up", number);
    value = number.get<std::uint64_t>();
  }
}

template <Enumeration E>
void read(const Json& json, E& value) {
  for (int i = 0; i <= static_cast<int>(kLastMember<E>); ++i) {
    value = static_cast<E>(i);
    if (json.is_string() && json.get_ref<const std::string&>() == attribute_text(value)) return;
  }
  refuse_json("a name like '" + attribute_text(kLastMember<E>) + "'", json);
}

/// So many whole numbers, which `make` turns into a T.
template <std::size_t N, typename T>
void read_numbers(const Json& json, T& value) {
  std::vector<std::int64_t> numbers;
  read(json, numbers);
  if (numbers.size() != N) refuse_json(fmt::format("{} whole numbers", N), json);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    value = T(numbers[I]...);
  }(std::make_index_sequence<N>());
}
template <WindowSizes T>
void read(const Json& json, T& value) {
  read_numbers<std::tuple_size_v<decltype(value.values())>>(json, value);
}
template <WindowPaddings T>
void read(const Json& json, T& value) {
  read_numbers<2 * std::tuple_size_v<decltype(value.before())>>(json, value);
}

void read(const Json& json, Slice& value) {
  read(member(json, "axis"), value.axis);
  read(member(json, "start"), value.start);
  read(member(json, "stop"), value.stop);
  read(member(json, "step"), value.step);
}
void read(const Json& json, std::vector<Slice>& value) {
  if (!json.is_array()) refuse_json("a list of slices", json);
  value.assign(json.size(), Slice{});
  for (std::size_t i = 0; i < value.size(); ++i) read(json[i], value[i]);
}

// --- ops ---

template <typename O>
constexpr bool kHasJson = !std::is_same_v<O, Input> && !std::is_same_v<O, Constant> &&
                          !std::is_same_v<O, Parameter> && !std::is_same_v<O, CustomGradient>;

template <typename O>
Json attributes_json(const O& op) {
  Json made = Json::object();
  detail::for_each_field(
      op, [&](std::string_view name, const auto& field) { made[std::string(name)] = json_of(field); });
  return made;
}

template <typename O>
Op op_with_attributes(const Json& json) {
  O op{};
  if (detail::field_count<O>() == 0) return op;
  const Json& attributes = member(json, "attributes");
  detail::for_each_field(op, [&](std::string_view name, auto& field) {
    read(member(attributes, std::string(name).c_str()), field);
  });
  return op;
}

}  // namespace

bool has_op_json(const Op& op) {
  bool found = false;
  for_each_builtin([&]<typename O>() { found = found || (kHasJson<O> && op.is<O>()); });
  return found;
}

Json op_json(const Op& op) {
  Json made;
  for_each_builtin([&]<typename O>() {
    if constexpr (kHasJson<O>) {
      const O* const is = op.as<O>();
      if (is == nullptr) return;
      made["op"] = std::string(O::name);
      if (detail::field_count<O>() > 0) made["attributes"] = attributes_json(*is);
    }
  });
  if (!made.is_null()) return made;
  throw Error(ErrorCode::unsupported, "only ops that are built in can be described",
              {.op = std::string(op.name())});
}

Op op_of_json(const Json& json) {
  const Json& name = member(json, "op");
  std::optional<Op> made;
  for_each_builtin([&]<typename O>() {
    if constexpr (kHasJson<O>) {
      if (name.is_string() && name.get_ref<const std::string&>() == O::name)
        made = op_with_attributes<O>(json);
    }
  });
  if (!made) refuse_json("the name of an op", name);
  return *made;
}

Json type_json(const TensorType& type) { return json_of(type); }

TensorType type_of_json(const Json& json) {
  TensorType type{DType::f32, Shape{}};
  read(json, type);
  return type;
}

}  // namespace weft::onnx
