#pragma once
// Exponentials and logarithms where the plain formulas lose all digits or overflow: near 0, near 1 and in the
// tails. The compiler turns log(1 + x), exp(x) - 1 and similar formulas into these ops, see stabilize() in
// graph/passes/standard.h.
//
// Accuracy is stated as in elementwise.h, denormal numbers included. logsumexp is within 4 ulp of the result,
// or of the largest input where the sum of exponentials cancels it.

#include "weft/ops/reduce.h"

namespace weft {

struct Log1p {  // y = ln(1 + x), within 4 ulp; dx = dy / (1 + x)
  static constexpr std::string_view name = "log1p";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::log1p(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
  Value stabilize(std::span<const Value> inputs) const;
};

struct Expm1 {  // y = e^x - 1, within 4 ulp; dx = dy e^x
  static constexpr std::string_view name = "expm1";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::expm1(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Log1mExp {  // y = ln(1 - e^x), within 4 ulp; dx = -dy / (e^-x - 1)
  // The formula on either side of -ln 2 is Maechler's (2012).
  static constexpr std::string_view name = "log1mexp";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    constexpr T kLn2 = static_cast<T>(0.693147180559945309417);
    map(x, y, [](T u) { return u > -kLn2 ? std::log(-std::expm1(u)) : std::log1p(-std::exp(u)); });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct LogSumExp {  // y = ln sum(e^x), dx = dy e^(x - y); ln 0 = -inf where every x is -inf
  static constexpr std::string_view name = "logsumexp";
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&LogSumExp::axes, &LogSumExp::keep_dims);
  TensorType infer(const TensorType& x) const { return reduced_type(float_type(x), axes, keep_dims); }
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// ln(1 + x), accurate near 0 too. Floating point, like all of these.
Value log1p(const Operand& x);
/// e^x - 1, accurate near 0 too.
Value expm1(const Operand& x);
/// ln(1 - e^x) for x <= 0; NaN above.
Value log1mexp(const Operand& x);
/// The logarithm of the sum of exponentials over `axes` (all of them if none is listed), which does not
/// overflow for any finite x. Of no elements it is -inf.
Value logsumexp(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

template <std::floating_point T>
void LogSumExp::forward(View<const T> x, View<T> y) const {
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  std::vector<double> largest(y.data.size(), kLowest);
  for_each_reduced(x.sizes, axes, [&](std::size_t in, std::size_t out) {
    const auto value = static_cast<double>(x[in]);
    if (value > largest[out] || std::isnan(value)) largest[out] = value;
  });
  std::vector<double> sums(y.data.size(), 0.0);
  for_each_reduced(x.sizes, axes, [&](std::size_t in, std::size_t out) {
    if (std::isfinite(largest[out])) sums[out] += std::exp(static_cast<double>(x[in]) - largest[out]);
  });
  for (std::size_t i = 0; i < sums.size(); ++i) {
    y[i] = static_cast<T>(std::isfinite(largest[i]) ? largest[i] + std::log(sums[i]) : largest[i]);
  }
}

// Compiled once, in exponential.cpp.
extern template detail::Model detail::model_of(Log1p);
extern template detail::Model detail::model_of(Expm1);
extern template detail::Model detail::model_of(Log1mExp);
extern template detail::Model detail::model_of(LogSumExp);

}  // namespace weft
