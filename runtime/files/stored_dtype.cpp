#include "weft/runtime/files/stored_dtype.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace weft {
namespace {

constexpr std::array kStoredDTypes{
    StoredDType{"F32", StoredKind::f32, 32, DType::f32},
    StoredDType{"F64", StoredKind::f64, 64, DType::f64},
    StoredDType{"I32", StoredKind::i32, 32, DType::i32},
    StoredDType{"I64", StoredKind::i64, 64, DType::i64},
    StoredDType{"U8", StoredKind::u8, 8, DType::u8},
    StoredDType{"BOOL", StoredKind::boolean, 8, DType::boolean},
    StoredDType{"F16", StoredKind::f16, 16, DType::f16},
    StoredDType{"BF16", StoredKind::bf16, 16, DType::bf16},
    StoredDType{"I8", StoredKind::i8, 8, DType::i8},
    StoredDType{"I16", StoredKind::i16, 16, DType::i16},
    StoredDType{"U16", StoredKind::u16, 16, DType::u16},
    StoredDType{"U32", StoredKind::u32, 32, DType::u32},
    StoredDType{"U64", StoredKind::u64, 64, DType::u64},
    StoredDType{"F8_E4M3", StoredKind::f8_e4m3, 8, DType::f32},
    StoredDType{"F8_E5M2", StoredKind::f8_e5m2, 8, DType::f32},
    StoredDType{"C64", StoredKind::other, 64},
    StoredDType{"F8_E8M0", StoredKind::other, 8},
    StoredDType{"F6_E2M3", StoredKind::other, 6},
    StoredDType{"F6_E3M2", StoredKind::other, 6},
    StoredDType{"F4", StoredKind::other, 4},
};

float from_half(std::uint16_t bits) { return Float16::of_bits(bits); }
float from_bfloat16(std::uint16_t bits) { return BFloat16::of_bits(bits); }

/// 1 bit of sign, 4 of exponent, 3 of mantissa; no infinity, and one NaN of either sign (Micikevicius et al.
/// 2022).
float from_e4m3(std::uint8_t bits) {
  const int exponent = (bits >> 3) & 0xF;
  const int mantissa = bits & 0x7;
  if (exponent == 0xF && mantissa == 0x7) return std::numeric_limits<float>::quiet_NaN();
  const float size = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                   : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  return (bits & 0x80) != 0 ? -size : size;
}

/// The upper half of a binary16.
float from_e5m2(std::uint8_t bits) { return from_half(static_cast<std::uint16_t>(bits << 8U)); }

/// Calls `f(bits, decode)`: an element's bits as they are stored, and the function that makes a number of
/// them.
template <typename F>
void visit_stored(StoredKind kind, F f) {
  const auto as_it_is = [](auto number) { return number; };
  switch (kind) {
    case StoredKind::boolean:
      return f(std::uint8_t{},
               [](std::uint8_t byte) { return byte != 0 ? std::uint8_t{1} : std::uint8_t{0}; });
    case StoredKind::u8:
      return f(std::uint8_t{}, as_it_is);
    case StoredKind::i8:
      return f(std::int8_t{}, as_it_is);
    case StoredKind::u16:
      return f(std::uint16_t{}, as_it_is);
    case StoredKind::i16:
      return f(std::int16_t{}, as_it_is);
    case StoredKind::u32:
      return f(std::uint32_t{}, as_it_is);
    case StoredKind::i32:
      return f(std::int32_t{}, as_it_is);
    case StoredKind::u64:
      return f(std::uint64_t{}, as_it_is);
    case StoredKind::i64:
      return f(std::int64_t{}, as_it_is);
    case StoredKind::f8_e4m3:
      return f(std::uint8_t{}, from_e4m3);
    case StoredKind::f8_e5m2:
      return f(std::uint8_t{}, from_e5m2);
    case StoredKind::f16:
      return f(std::uint16_t{}, from_half);
    case StoredKind::bf16:
      return f(std::uint16_t{}, from_bfloat16);
    case StoredKind::f32:
      return f(float{}, as_it_is);
    case StoredKind::f64:
      return f(double{}, as_it_is);
    case StoredKind::other:
      break;
  }
  throw Error(ErrorCode::internal, "a stored dtype whose numbers cannot be read");
}

/// `number` as a T; nothing if it does not fit.
template <typename T, typename V>
bool fit(V number, T& result) {
  if constexpr (std::is_floating_point_v<T> || HalfFloat<T>) {
    result = static_cast<T>(number);
    const auto is_finite = [](auto x) { return std::isfinite(static_cast<double>(x)); };
    return is_finite(result) || !is_finite(number);
  } else if constexpr (std::is_same_v<T, bool>) {
    result = number != V{0};
    return number == V{0} || number == V{1};
  } else if constexpr (std::is_floating_point_v<V>) {
    // Both bounds are powers of two, or their differences from one are, and exact in V or rounded up to one.
    const bool inside = number >= static_cast<V>(std::numeric_limits<T>::min()) &&
                        number < std::ldexp(V{1}, std::numeric_limits<T>::digits);
    if (!inside || number != std::trunc(number)) return false;
    result = static_cast<T>(number);
    return true;
  } else {
    if (!std::in_range<T>(number)) return false;
    result = static_cast<T>(number);
    return true;
  }
}

}  // namespace

const StoredDType* stored_dtype_named(std::string_view name) {
  const auto* const found = std::ranges::find(kStoredDTypes, name, &StoredDType::name);
  return found == kStoredDTypes.end() ? nullptr : found;
}

const StoredDType& stored_dtype_of(DType dtype) {
  return *std::ranges::find(kStoredDTypes, dtype,
                            &StoredDType::natural);  // the list begins with one for each DType
}

std::optional<ConversionProblem> convert_numbers(const StoredDType& stored, std::span<const std::byte> from,
                                                 DType dtype, std::span<std::byte> to) {
  std::optional<ConversionProblem> problem;
  visit_stored(stored.kind, [&]<typename S>(S, auto decode) {
    visit_dtype(dtype, [&]<typename T>(T) {
      const std::size_t count = to.size() / sizeof(T);
      if (from.size() / sizeof(S) != count)
        throw Error(ErrorCode::internal, "a conversion of unequal lengths");
      for (std::size_t i = 0; i < count; ++i) {
        S bits{};
        std::memcpy(&bits, from.data() + i * sizeof(S), sizeof(S));
        const auto number = decode(bits);
        T result{};
        if (!fit(number, result)) {
          problem = {.element = i, .value = static_cast<double>(number)};
          return;
        }
        std::memcpy(to.data() + i * sizeof(T), &result, sizeof(T));
      }
    });
  });
  return problem;
}

}  // namespace weft
