#include "weft/graph/scalar.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "weft/graph/text.h"

namespace weft {
namespace {

template <typename T>
bool holds(double number) {
  // 2^digits is the first number above the largest of T, and exact as a double, which the largest may not be.
  return number == std::trunc(number) && number >= static_cast<double>(std::numeric_limits<T>::lowest()) &&
         number < std::ldexp(1.0, std::numeric_limits<T>::digits);
}
template <typename T>
bool holds(std::int64_t number) {
  if constexpr (std::is_same_v<T, bool>)
    return number == 0 || number == 1;
  else
    return std::in_range<T>(number);
}
template <typename T>
bool holds(std::uint64_t number) {
  if constexpr (std::is_same_v<T, bool>)
    return number <= 1;
  else
    return std::in_range<T>(number);
}

}  // namespace

template <Element T>
T Scalar::to() const {
  return visit([&](auto number) {
    if constexpr (std::is_integral_v<T>) {
      if (!holds<T>(number)) {
        throw Error(ErrorCode::dtype_mismatch,
                    fmt::format("{} cannot hold the number {}", name_of(dtype_of<T>()), to_string(*this)));
      }
    }
    return static_cast<T>(number);
  });
}

template float Scalar::to<float>() const;
template double Scalar::to<double>() const;
template bool Scalar::to<bool>() const;
template Float16 Scalar::to<Float16>() const;
template BFloat16 Scalar::to<BFloat16>() const;
template std::int8_t Scalar::to<std::int8_t>() const;
template std::int16_t Scalar::to<std::int16_t>() const;
template std::int32_t Scalar::to<std::int32_t>() const;
template std::int64_t Scalar::to<std::int64_t>() const;
template std::uint8_t Scalar::to<std::uint8_t>() const;
template std::uint16_t Scalar::to<std::uint16_t>() const;
template std::uint32_t Scalar::to<std::uint32_t>() const;
template std::uint64_t Scalar::to<std::uint64_t>() const;

std::string to_string(const Scalar& scalar) {
  return scalar.visit([](auto number) { return fmt::format("{}", printable(number)); });
}

}  // namespace weft
