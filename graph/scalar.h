#pragma once
// A Scalar is one plain number as a user writes it, of any arithmetic type, with its exact value: an integer
// stays an integer. It is converted to a dtype once that is known.

#include <bit>
#include <cstdint>
#include <string>
#include <type_traits>

#include "weft/graph/dtype.h"
#include "weft/graph/where.h"

namespace weft {

class Scalar {
  enum class Kind : std::uint8_t { floating, with_sign, without_sign };

  template <typename F>
  auto visit(F f) const {
    if (kind_ == Kind::floating) return f(floating_);
    if (kind_ == Kind::with_sign) return f(static_cast<std::int64_t>(bits_));
    return f(bits_);
  }

 public:
  template <typename T>
    requires std::is_arithmetic_v<T>
  constexpr Scalar(T number) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      floating_ = static_cast<double>(number);
    } else if constexpr (std::is_signed_v<T>) {
      kind_ = Kind::with_sign;
      bits_ = static_cast<std::uint64_t>(number);
    } else {
      kind_ = Kind::without_sign;
      bits_ = static_cast<std::uint64_t>(number);
    }
  }

  /// The number as a T, rounded to nearest where T is a floating-point type. Throws Error(dtype_mismatch)
  /// where T is an integer or bool that cannot hold the number exactly.
  template <Element T>
  T to() const;
  /// The number itself, where a long double has 64 digits, as on x86; otherwise the nearest.
  long double as_long_double() const noexcept {
    return visit([](auto number) { return static_cast<long double>(number); });
  }
  /// The nearest double.
  double as_double() const noexcept {
    return visit([](auto number) { return static_cast<double>(number); });
  }

  /// Whether two numbers are of one kind and have the same bits, so that 0.0 is not -0.0.
  friend bool operator==(const Scalar& a, const Scalar& b) noexcept {
    return a.kind_ == b.kind_ && a.bits_ == b.bits_ &&
           std::bit_cast<std::uint64_t>(a.floating_) == std::bit_cast<std::uint64_t>(b.floating_);
  }

 private:
  friend std::string to_string(const Scalar& scalar);
  Kind kind_ = Kind::floating;
  double floating_ = 0.0;
  std::uint64_t bits_ = 0;  // of an integer, in two's complement if it is negative
};

/// "2.5", "9007199254740993".
std::string to_string(const Scalar& scalar);
inline std::string attribute_text(const Scalar& scalar) { return to_string(scalar); }

}  // namespace weft
