#pragma once
// The Gaussian error linear unit x Phi(x), with Phi the normal distribution function, and its slope. They are
// ops of their own because a formula of erf loses the tail: 1 + erf(x / sqrt(2)) is 0 below x = -5.5 in f32,
// where x Phi(x) is not. See gelu() in activation.h.

#include <limits>

#include "weft/ops/elementwise.h"

namespace weft {

/// The type to compute in so that a result of type T is rounded about once.
template <std::floating_point T>
using WiderThan = std::conditional_t<std::is_same_v<T, float>, double, long double>;

struct Gelu {  // y = x Phi(x) = x / 2 erfc(-x / sqrt(2)); within 7 ulp in f32, and 2 in f64; -0 at -infinity
  static constexpr std::string_view name = "gelu";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

struct GeluSlope {  // y = Phi(x) + x phi(x) with the normal density phi; within 7 ulp, or 2e-7 where it
                    // crosses 0
  static constexpr std::string_view name = "gelu_slope";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

namespace detail {

/// The normal distribution function, without loss in its lower tail.
template <std::floating_point Wide>
Wide normal_distribution(Wide x) {
  constexpr auto kSqrtHalf = static_cast<Wide>(0.707106781186547524400844362104849039L);
  return Wide{0.5} * std::erfc(-kSqrtHalf * x);
}

}  // namespace detail

template <std::floating_point T>
void Gelu::forward(std::span<const T> x, std::span<T> y) const {
  using Wide = WiderThan<T>;
  map(x, y, [](T u) {
    const auto wide = static_cast<Wide>(u);
    return u < -std::numeric_limits<T>::max() ? -Wide{0} : wide * detail::normal_distribution(wide);
  });
}

template <std::floating_point T>
void GeluSlope::forward(std::span<const T> x, std::span<T> y) const {
  using Wide = WiderThan<T>;
  constexpr auto kDensityAtZero = static_cast<Wide>(0.398942280401432677939946059934381868L);
  map(x, y, [](T u) {
    constexpr T kFar = 1000;  // beyond, the density is 0 even where x is infinite
    const auto wide = static_cast<Wide>(u < -kFar ? -kFar : u > kFar ? kFar : u);
    return detail::normal_distribution(wide) + kDensityAtZero * wide * std::exp(Wide{-0.5} * wide * wide);
  });
}

// Compiled once, in gelu.cpp.
extern template detail::Model detail::model_of(Gelu);
extern template detail::Model detail::model_of(GeluSlope);

}  // namespace weft
