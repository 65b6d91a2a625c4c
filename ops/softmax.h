#pragma once
// Softmax and its logarithm over the last axis. They are computed from x - max(x), so that large inputs do
// not overflow and offsets disappear before anything is rounded. In f32 the relative error is at most (8 +
// |d|) 1e-7 for softmax, with d the gap to the largest input, and 2e-7 for log_softmax.

#include "weft/ops/elementwise.h"

namespace weft {

/// The type itself, if it is floating point with a last axis to normalize over.
TensorType normalized_type(const TensorType& x);

struct Softmax {  // y = e^x / sum(e^x), dx = y (dy - sum(dy y))
  static constexpr std::string_view name = "softmax";
  static constexpr Traits traits{.row_wise = true};
  TensorType infer(const TensorType& x) const { return normalized_type(x); }
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct SoftmaxGradient {  // dx = y (dy - sum(dy y)) of y = softmax(x) and dy, along the last axis
  static constexpr std::string_view name = "softmax_gradient";
  static constexpr Traits traits{.row_wise = true};
  TensorType infer(const TensorType& y, const TensorType& dy) const;
  template <std::floating_point T>
  void forward(View<const T> y, View<const T> dy, View<T> dx) const;
  std::array<Value, 2> gradient(Value y, Value dy, Value dx, Value ddx) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct LogSoftmax {  // y = x - ln sum(e^x), dx = dy - e^y sum(dy)
  static constexpr std::string_view name = "log_softmax";
  static constexpr Traits traits{.row_wise = true};
  TensorType infer(const TensorType& x) const { return normalized_type(x); }
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// Non-negative numbers that sum to 1 along `axis`.
Value softmax(const Operand& x, std::int64_t axis = -1);
Value log_softmax(const Operand& x, std::int64_t axis = -1);

/// The two terms of ln sum(e^x) of a row: largest + ln(1 + others). The largest element may be far from 0 and
/// the sum of the others tiny; kept as two numbers, both keep their digits.
struct RowExponentials {
  double largest = 0.0;
  double others = 0.0;  // the sum of e^(x - largest) over all elements except the first of the largest

  double log_sum() const { return std::log1p(others); }  // without the largest
};

template <std::floating_point T>
RowExponentials exponentials_of(std::span<const T> row) {
  const auto largest = std::ranges::max_element(row);
  RowExponentials found{.largest = static_cast<double>(*largest), .others = 0.0};
  for (auto x = row.begin(); x != row.end(); ++x) {
    if (x != largest) found.others += std::exp(static_cast<double>(*x) - found.largest);
  }
  // If the largest is infinite or a NaN, the result is a NaN.
  if (!std::isfinite(found.largest)) found.others += found.largest - found.largest;
  return found;
}

/// The logarithm of the sum of exponentials of `row`, as a double.
template <std::floating_point T>
double log_sum_exp(std::span<const T> row) {
  const RowExponentials found = exponentials_of(row);
  return found.largest + found.log_sum();
}

template <std::floating_point T>
void LogSoftmax::forward(View<const T> x, View<T> y) const {
  const auto length = static_cast<std::size_t>(x.sizes.back());
  for (std::size_t start = 0; start < x.data.size(); start += length) {
    const auto row = x.data.subspan(start, length);
    const RowExponentials found = exponentials_of(row);
    const double norm = found.log_sum();
    for (std::size_t i = 0; i < length; ++i)
      y[start + i] = static_cast<T>(static_cast<double>(row[i]) - found.largest - norm);
  }
}

template <std::floating_point T>
void Softmax::forward(View<const T> x, View<T> y) const {
  const auto length = static_cast<std::size_t>(x.sizes.back());
  for (std::size_t start = 0; start < x.data.size(); start += length) {
    const auto row = x.data.subspan(start, length);
    const RowExponentials found = exponentials_of(row);
    for (std::size_t i = 0; i < length; ++i) {
      y[start + i] =
          static_cast<T>(std::exp(static_cast<double>(row[i]) - found.largest) / (1.0 + found.others));
    }
  }
}

template <std::floating_point T>
void SoftmaxGradient::forward(View<const T> y, View<const T> dy, View<T> dx) const {
  const auto length = static_cast<std::size_t>(y.sizes.back());
  for (std::size_t start = 0; start < y.data.size(); start += length) {
    double mean = 0.0;
    for (std::size_t i = start; i < start + length; ++i)
      mean += static_cast<double>(y[i]) * static_cast<double>(dy[i]);
    for (std::size_t i = start; i < start + length; ++i)
      dx[i] = static_cast<T>(static_cast<double>(y[i]) * (static_cast<double>(dy[i]) - mean));
  }
}

// Compiled once, in softmax.cpp.
extern template detail::Model detail::model_of(Softmax);
extern template detail::Model detail::model_of(SoftmaxGradient);
extern template detail::Model detail::model_of(LogSoftmax);

}  // namespace weft
