#pragma once
// A Scalar is one plain number as a user writes it, of any arithmetic type, with its exact value: an integer
// stays an integer. It becomes a number of a dtype where that is known.

#include <cstdint>
#include <string>
#include <type_traits>
#include <variant>

#include "weft/graph/dtype.h"
#include "weft/graph/where.h"

namespace weft {

class Scalar {
 public:
  template <typename T>
    requires std::is_arithmetic_v<T>
  constexpr Scalar(T number) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      number_ = static_cast<double>(number);
    } else if constexpr (std::is_signed_v<T>) {
      number_ = static_cast<std::int64_t>(number);
    } else {
      number_ = static_cast<std::uint64_t>(number);
    }
  }

  /// The number as a T, rounded to nearest where T is a floating-point type. Throws Error(dtype_mismatch)
  /// where T is an integer or bool that cannot hold the number exactly.
  template <Element T>
  T to() const;
  /// The nearest double.
  double as_double() const noexcept {
    return std::visit([](auto number) { return static_cast<double>(number); }, number_);
  }

 private:
  friend std::string to_string(const Scalar& scalar);
  std::variant<double, std::int64_t, std::uint64_t> number_;
};

/// "2.5", "9007199254740993".
std::string to_string(const Scalar& scalar);

}  // namespace weft
