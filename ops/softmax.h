#pragma once
// Softmax and its logarithm over the last axis, computed from x - max(x), so that large inputs do not
// overflow, and offsets are lost before anything is rounded. In f32, with d the gap to the largest: softmax
// is within (8 + |d|) 1e-7 of itself, relatively, and log_softmax within 2e-7.

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

/// What ln sum(e^x) of a row is made of: largest + ln(1 + others). The largest element, which may be far from
/// 0, and the others, whose sum may be tiny, keep their digits apart.
struct RowExponentials {
  double largest = 0.0;
  double others = 0.0;  // the sum of e^(x - largest) over all elements but the first that is the largest

  double log_sum() const { return std::log1p(others); }  // less the largest
};

template <std::floating_point T>
RowExponentials exponentials_of(std::span<const T> row) {
  const auto largest = std::ranges::max_element(row);
  RowExponentials found{.largest = static_cast<double>(*largest), .others = 0.0};
  for (auto x = row.begin(); x != row.end(); ++x) {
    if (x != largest) found.others += std::exp(static_cast<double>(*x) - found.largest);
  }
  // An infinite or undefined largest leaves nothing that is a number.
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

}  // namespace weft
