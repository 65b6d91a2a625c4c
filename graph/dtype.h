#pragma once
// The element types of tensors. A DType is a plain enum value; everything here is pure and thread-safe.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "weft/graph/error.h"
#include "weft/graph/half.h"

namespace weft {

enum class DType : std::uint8_t { f32, f64, i32, i64, u8, boolean, i8, i16, u16, u32, u64, f16, bf16 };

inline constexpr DType f32 = DType::f32;
inline constexpr DType f64 = DType::f64;
inline constexpr DType i8 = DType::i8;
inline constexpr DType i16 = DType::i16;
inline constexpr DType i32 = DType::i32;
inline constexpr DType i64 = DType::i64;
inline constexpr DType u8 = DType::u8;
inline constexpr DType u16 = DType::u16;
inline constexpr DType u32 = DType::u32;
inline constexpr DType u64 = DType::u64;
inline constexpr DType boolean = DType::boolean;
inline constexpr DType f16 = DType::f16;
inline constexpr DType bf16 = DType::bf16;

/// All of them, in the order of the enumeration.
inline constexpr std::array kDTypes{DType::f32,     DType::f64, DType::i32, DType::i64, DType::u8,
                                    DType::boolean, DType::i8,  DType::i16, DType::u16, DType::u32,
                                    DType::u64,     DType::f16, DType::bf16};

/// Size of one element in bytes.
constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
    case DType::u32:
      return 4;
    case DType::f64:
    case DType::i64:
    case DType::u64:
      return 8;
    case DType::i16:
    case DType::u16:
    case DType::f16:
    case DType::bf16:
      return 2;
    case DType::i8:
    case DType::u8:
    case DType::boolean:
      return 1;
  }
  return 0;
}

/// The name as it is printed and stored: "f32", "i64", "bool", ...
constexpr std::string_view name_of(DType dtype) {
  constexpr std::array<std::string_view, kDTypes.size()> kNames{
      "f32", "f64", "i32", "i64", "u8", "bool", "i8", "i16", "u16", "u32", "u64", "f16", "bf16"};
  const auto number = static_cast<std::size_t>(dtype);
  return number < kNames.size() ? kNames[number] : "?";
}

/// Floats that ops compute with. f16 and bf16 are stored and moved only; see is_half.
constexpr bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }
/// Floats of 16 bits: tensors of them are made, moved, compared, cast and multiplied by matmul, whose results
/// are f32; all other arithmetic wants a cast first.
constexpr bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }
/// Any of the two. Gradients flow through these.
constexpr bool is_real(DType dtype) { return is_float(dtype) || is_half(dtype); }
constexpr bool is_integer(DType dtype) { return !is_real(dtype) && dtype != DType::boolean; }
/// Whether negative numbers exist.
constexpr bool is_signed(DType dtype) {
  return is_real(dtype) || dtype == DType::i8 || dtype == DType::i16 || dtype == DType::i32 ||
         dtype == DType::i64;
}
/// Integers that ops take as indices, labels and lengths.
constexpr bool is_index(DType dtype) {
  return dtype == DType::i32 || dtype == DType::i64 || dtype == DType::u8;
}
/// "i32, i64 or u8", for errors.
inline constexpr std::string_view kIndexDTypes = "i32, i64 or u8";
/// The dtype of a gradient with respect to a value: f32 for one of 16 bits, where sums of several uses have
/// room; otherwise the value's own.
constexpr DType gradient_dtype(DType dtype) { return is_half(dtype) ? DType::f32 : dtype; }

namespace detail {

template <typename... T>
struct TypeList {
  template <typename U>
  static constexpr bool contains = (std::is_same_v<T, U> || ...);
  template <typename U>
  static constexpr std::size_t index() {
    std::size_t before = 0;
    static_cast<void>(((std::is_same_v<T, U> || (++before, false)) || ...));
    return before;
  }
  /// Whether `f(std::type_identity<T>())` holds for one of them.
  template <typename F>
  static constexpr bool any(F f) {
    return (f(std::type_identity<T>()) || ...);
  }
};

/// In the order of the enumeration.
using ElementTypes = TypeList<float, double, std::int32_t, std::int64_t, std::uint8_t, bool, std::int8_t,
                              std::int16_t, std::uint16_t, std::uint32_t, std::uint64_t, Float16, BFloat16>;

}  // namespace detail

template <typename T>
concept Element = detail::ElementTypes::contains<T>;

/// The DType that stores a C++ element type.
template <Element T>
constexpr DType dtype_of() {
  return kDTypes[detail::ElementTypes::index<T>()];
}

/// Calls `f(T{})` with the C++ type that `dtype` stores.
template <typename F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::i8:
      return f(std::int8_t{});
    case DType::i16:
      return f(std::int16_t{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::i64:
      return f(std::int64_t{});
    case DType::u8:
      return f(std::uint8_t{});
    case DType::u16:
      return f(std::uint16_t{});
    case DType::u32:
      return f(std::uint32_t{});
    case DType::u64:
      return f(std::uint64_t{});
    case DType::boolean:
      return f(bool{});
    case DType::f16:
      return f(Float16{});
    case DType::bf16:
      return f(BFloat16{});
  }
  throw Error(ErrorCode::internal, "a dtype outside the enumeration");
}

/// Calls `f(Bits{})` with the unsigned integer as large as an element of `dtype`: for what only moves
/// elements, which is then compiled once for each size. See BasicArg::bits.
template <typename F>
decltype(auto) visit_size(DType dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

/// Calls `f(T{})` for numbers that ops compute with: all but bool, f16 and bf16. Throws Error(internal) for
/// those, which an op's rules have refused before.
template <typename F>
void visit_number(DType dtype, F&& f) {
  visit_dtype(dtype, [&]<typename T>(T) {
    if constexpr (std::is_same_v<T, bool> || HalfFloat<T>) {
      throw Error(ErrorCode::internal, "a number was expected");
    } else {
      f(T{});
    }
  });
}

/// Calls `f(T{})` for f32 or f64. Throws Error(internal) for others, which an op's rules have refused
/// before.
template <typename F>
decltype(auto) visit_float(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    default:
      throw Error(ErrorCode::internal, "a float was expected");
  }
}

}  // namespace weft
