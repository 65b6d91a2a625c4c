#pragma once
// Attributes: the fields of an op's struct, made known once by
//
//     static constexpr auto attributes = weft::attributes(&Swish::beta);
//
// From that list an op gets equality, hashing, printing with field names, and the binding of symbols. A field
// may have any type with `==` and an overload of `attribute_text` (below, or found beside the type).

#include <fmt/format.h>

#include <bit>
#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "weft/graph/shape.h"
#include "weft/graph/tensor.h"

namespace weft {

template <typename... Fields>
constexpr std::tuple<Fields...> attributes(Fields... fields) {
  return {fields...};
}

template <typename T>
  requires std::is_arithmetic_v<T>
std::string attribute_text(T value) {
  return fmt::format("{}", value);
}
inline std::string attribute_text(const std::string& value) { return value; }
inline std::string attribute_text(DType value) { return std::string(name_of(value)); }
inline std::string attribute_text(const Dim& value) { return to_string(value); }
inline std::string attribute_text(const Shape& value) { return to_string(value); }
inline std::string attribute_text(const TensorType& value) { return to_string(value); }
inline std::string attribute_text(const Tensor& value) { return to_string(value); }
std::string attribute_text(const std::vector<std::int64_t>& value);

// Two constants are equal when they hold the same bytes, so that equal ops compute equal bits: 0.0 is not
// -0.0, and a NaN equals itself. Every other attribute is compared by `==`.
inline bool attribute_equal(const Tensor& a, const Tensor& b) { return identical(a, b); }
inline bool attribute_equal(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}
inline bool attribute_equal(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}
template <std::equality_comparable T>
bool attribute_equal(const T& a, const T& b) {
  return a == b;
}

/// Replaces symbols by the numbers that a run binds; fields without symbols stay as they are.
inline Dim attribute_bind(const Dim& value, const Bindings& bindings) { return value.bind(bindings); }
inline Shape attribute_bind(const Shape& value, const Bindings& bindings) { return value.bind(bindings); }
inline TensorType attribute_bind(const TensorType& value, const Bindings& bindings) {
  return {value.dtype, value.shape.bind(bindings)};
}
template <typename T>
const T& attribute_bind(const T& value, const Bindings&) {
  return value;
}

namespace detail {

/// "beta" for &Swish::beta, read from the compiler's own name of the instantiation.
template <auto Member>
constexpr std::string_view member_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  const auto end = text.find_first_of("];", text.find("Member = "));
  text = text.substr(0, end);
  text = text.substr(text.rfind(':') + 1);
  if (text.ends_with(')')) text.remove_suffix(1);
  return text;
}

template <typename O>
constexpr auto fields_of() {
  if constexpr (requires { O::attributes; }) {
    return O::attributes;
  } else {
    return std::tuple<>{};
  }
}

template <typename O>
constexpr std::size_t field_count() {
  return std::tuple_size_v<decltype(fields_of<O>())>;
}

/// Calls `f(name, field)` for every attribute of `op`, in declaration order.
template <typename O, typename F>
void for_each_field(O& op, F&& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (f(member_name<std::get<I>(fields_of<std::remove_const_t<O>>())>(),
       op.*std::get<I>(fields_of<std::remove_const_t<O>>())),
     ...);
  }(std::make_index_sequence<field_count<std::remove_const_t<O>>()>());
}

}  // namespace detail
}  // namespace weft
