#pragma once
// The attributes of an op as JSON, and back: a member for each attribute, with its name. Reading is for files
// that nobody vouches for; it throws Error(bad_file), or an exception of the JSON library, for anything else
// than what was written. An op with an attribute of another type than these is one that no file tells.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/graph/attributes.h"
#include "weft/graph/error.h"
#include "weft/graph/op.h"
#include "weft/graph/scalar.h"
#include "weft/ops/body.h"
#include "weft/ops/grid_sample.h"
#include "weft/ops/indexing.h"
#include "weft/ops/resize.h"

namespace weft::onnx {

using Json = nlohmann::ordered_json;

// A pair of functions for each type of an attribute.

Json saved(double number);
void restore(const Json& json, double& number);
Json saved(const std::string& text);
void restore(const Json& json, std::string& text);
Json saved(DType dtype);
void restore(const Json& json, DType& dtype);
Json saved(const Dim& size);
void restore(const Json& json, Dim& size);
Json saved(const Shape& shape);
void restore(const Json& json, Shape& shape);
Json saved(const TensorType& type);
void restore(const Json& json, TensorType& type);
Json saved(const Scalar& number);
void restore(const Json& json, Scalar& number);

/// The bodies of an op stand beside its attributes, since their constants are initializers of the model.
inline Json saved(const Body&) { return nullptr; }
inline void restore(const Json&, Body&) {}

inline Json saved(bool value) { return value; }
inline void restore(const Json& json, bool& value) { value = json.get<bool>(); }

template <std::integral T>
Json saved(T number) {
  return number;
}
template <std::integral T>
void restore(const Json& json, T& number) {
  const bool fits = json.is_number_unsigned()
                        ? std::in_range<T>(json.get<std::uint64_t>())
                        : json.is_number_integer() && std::in_range<T>(json.get<std::int64_t>());
  if (!fits) throw Error(ErrorCode::bad_file, "an attribute is no whole number that fits");
  number = json.get<T>();
}

/// How many members an enumeration has, from 0 on without gaps; none for one that no file tells.
template <typename E>
inline constexpr int kMembers = 0;
template <>
inline constexpr int kMembers<SampleMode> = static_cast<int>(SampleMode::nearest) + 1;
template <>
inline constexpr int kMembers<SampleBorder> = static_cast<int>(SampleBorder::reflection) + 1;
template <>
inline constexpr int kMembers<Reduction> = static_cast<int>(Reduction::max) + 1;
template <>
inline constexpr int kMembers<ResizeMode> = static_cast<int>(ResizeMode::area) + 1;
template <>
inline constexpr int kMembers<ResizeCoordinates> = static_cast<int>(ResizeCoordinates::asymmetric) + 1;
template <>
inline constexpr int kMembers<ResizeRounding> = static_cast<int>(ResizeRounding::ceil) + 1;

/// An enumeration, by the names of its members.
template <typename E>
concept SavedEnumeration = std::is_enum_v<E> && kMembers<E> > 0;

template <SavedEnumeration E>
Json saved(E value) {
  return attribute_text(value);
}
template <SavedEnumeration E>
void restore(const Json& json, E& value) {
  const auto name = json.get<std::string>();
  for (int i = 0; i < kMembers<E>; ++i) {
    value = static_cast<E>(i);
    if (attribute_text(value) == name) return;
  }
  throw Error(ErrorCode::bad_file, "an attribute has no such value");
}

/// Sizes and paddings of windows.
template <typename T>
concept HasValues = requires(const T& of) { std::tuple_size<decltype(of.values())>::value; };
template <typename T>
concept HasEnds = requires(const T& of) {
  std::tuple_size<decltype(of.before())>::value;
  std::tuple_size<decltype(of.after())>::value;
};

template <HasValues T>
Json saved(const T& sizes) {
  return sizes.values();
}
template <HasValues T>
void restore(const Json& json, T& sizes) {
  const auto values = json.get<decltype(sizes.values())>();
  sizes = std::apply([](auto... each) { return T(each...); }, values);
}

template <HasEnds T>
Json saved(const T& padding) {
  return {padding.before(), padding.after()};
}
template <HasEnds T>
void restore(const Json& json, T& padding) {
  using Ends = decltype(padding.before());
  const auto before = json.at(0).get<Ends>();
  const auto after = json.at(1).get<Ends>();
  padding = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::make_from_tuple<T>(std::tuple_cat(std::make_tuple(before[I], after[I])...));
  }(std::make_index_sequence<std::tuple_size_v<Ends>>());
}

/// An op as an attribute of another.
template <typename T>
concept HasAttributes = requires { T::attributes; };

template <HasAttributes T>
Json saved(const T& op);
template <HasAttributes T>
void restore(const Json& json, T& op);

template <typename T>
Json saved(const std::vector<T>& list) {
  Json json = Json::array();
  for (const T& each : list) json.push_back(saved(each));
  return json;
}
template <typename T>
void restore(const Json& json, std::vector<T>& list) {
  if (!json.is_array()) throw Error(ErrorCode::bad_file, "an attribute is no list");
  list.clear();
  for (const Json& each : json) restore(each, list.emplace_back());
}

template <HasAttributes T>
Json saved(const T& op) {
  Json json = Json::object();
  detail::for_each_field(
      op, [&](std::string_view name, const auto& field) { json[std::string(name)] = saved(field); });
  return json;
}
template <HasAttributes T>
void restore(const Json& json, T& op) {
  detail::for_each_field(
      op, [&](std::string_view name, auto& field) { restore(json.at(std::string(name)), field); });
}

/// Whether there is such a pair for a type.
template <typename T>
inline constexpr bool kIsSaved = requires(const T& from, T& to, const Json& json) {
  { saved(from) } -> std::same_as<Json>;
  restore(json, to);
};
template <typename T>
inline constexpr bool kIsSaved<std::vector<T>> = kIsSaved<T>;
template <typename... Fields, typename... Of>
constexpr bool are_saved(const std::tuple<Fields Of::*...>&) {
  return (kIsSaved<Fields> && ...);
}
template <HasAttributes T>
inline constexpr bool kIsSaved<T> = are_saved(T::attributes);

/// An op that a file can tell.
template <typename O>
concept SavedOp = std::default_initializable<O> && (!HasAttributes<O> || kIsSaved<O>);

/// The attributes of an op, which is an O.
template <SavedOp O>
Json saved_op(const Op& op) {
  if constexpr (HasAttributes<O>) {
    return saved(*op.as<O>());
  } else {
    return Json::object();
  }
}
template <SavedOp O>
Op restored_op(const Json& attributes) {
  O op{};
  if constexpr (HasAttributes<O>) restore(attributes, op);
  return Op(std::move(op));
}

}  // namespace weft::onnx
