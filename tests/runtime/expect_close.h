#pragma once
// Compares tensors: by their numbers where kernels may round differently, by their bits where they must not.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "weft/tests/support/evaluate_values.h"

namespace weft::testing_support {

/// How far sums of some hundred floats, added up in different orders, may lie from each other: times the sum
/// of what is added, without its signs.
inline constexpr double kSumBound = 2e-5;

/// Same type, and |a - b| <= tolerance * max(1, |b|) for every element; a NaN matches a NaN, infinities match
/// themselves.
inline testing::AssertionResult close_to(const Tensor& actual, const Tensor& expected, double tolerance) {
  if (actual.type() != expected.type()) {
    return testing::AssertionFailure()
           << to_string(actual.type()) << " is not " << to_string(expected.type());
  }
  const auto a = numbers(actual);
  const auto b = numbers(expected);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (std::abs(a[i] - b[i]) <= tolerance * std::max(1.0, std::abs(b[i]))) continue;
    return testing::AssertionFailure() << "element " << i << " is " << a[i] << " and not " << b[i];
  }
  return testing::AssertionSuccess();
}

/// Same type and same bits.
inline testing::AssertionResult same_bits(const Tensor& actual, const Tensor& expected) {
  if (identical(actual, expected)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << to_string(actual) << " has other bits than " << to_string(expected);
}

}  // namespace weft::testing_support
