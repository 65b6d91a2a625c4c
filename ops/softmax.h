#pragma once
// Softmax and its logarithm over the last axis, computed from x - max(x), so that large inputs do not
// overflow.

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
};

struct LogSoftmax {  // y = x - ln sum(e^x), dx = dy - e^y sum(dy)
  static constexpr std::string_view name = "log_softmax";
  static constexpr Traits traits{.row_wise = true};
  TensorType infer(const TensorType& x) const { return normalized_type(x); }
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

/// Non-negative numbers that sum to 1 along `axis`.
Value softmax(const Operand& x, std::int64_t axis = -1);
Value log_softmax(const Operand& x, std::int64_t axis = -1);

/// The logarithm of the sum of exponentials of `row`, as a double.
template <std::floating_point T>
double log_sum_exp(std::span<const T> row) {
  const T largest = *std::ranges::max_element(row);
  double sum = 0.0;
  for (const T x : row) sum += std::exp(static_cast<double>(x) - static_cast<double>(largest));
  return static_cast<double>(largest) + std::log(sum);
}

template <std::floating_point T>
void LogSoftmax::forward(View<const T> x, View<T> y) const {
  const auto length = static_cast<std::size_t>(x.sizes.back());
  for (std::size_t start = 0; start < x.data.size(); start += length) {
    const auto row = x.data.subspan(start, length);
    const double norm = log_sum_exp(row);
    for (std::size_t i = 0; i < length; ++i)
      y[start + i] = static_cast<T>(static_cast<double>(row[i]) - norm);
  }
}

template <std::floating_point T>
void Softmax::forward(View<const T> x, View<T> y) const {
  const auto length = static_cast<std::size_t>(x.sizes.back());
  for (std::size_t start = 0; start < x.data.size(); start += length) {
    const auto row = x.data.subspan(start, length);
    const double norm = log_sum_exp(row);
    for (std::size_t i = 0; i < length; ++i) {
      y[start + i] = static_cast<T>(std::exp(static_cast<double>(row[i]) - norm));
    }
  }
}

}  // namespace weft
