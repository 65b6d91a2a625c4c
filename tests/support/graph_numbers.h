#pragma once
// What functions of values give for lists of numbers, as one line of a test.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "weft/autodiff/gradients.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"

namespace weft::testing_support {

/// A vector of numbers in a dtype.
inline Tensor vector_of(const std::vector<double>& values, DType dtype = f64) {
  Tensor tensor = Tensor::uninitialized(dtype, {static_cast<std::int64_t>(values.size())});
  visit_dtype(dtype, [&]<typename T>(T) {
    for (std::size_t i = 0; i < values.size(); ++i) tensor.mutable_values<T>()[i] = static_cast<T>(values[i]);
  });
  return tensor;
}

/// f(x) by the reference kernels.
inline std::vector<double> numbers_of(const std::function<Value(const Value&)>& f, const Tensor& x) {
  Graph graph;
  return numbers(evaluate_value(f(constant(graph, x))));
}
inline std::vector<double> numbers_of(const std::function<Value(const Value&, const Value&)>& f,
                                      const Tensor& a, const Tensor& b) {
  Graph graph;
  return numbers(evaluate_value(f(constant(graph, a), constant(graph, b))));
}

/// The gradient of sum(f(x)) with respect to x.
inline std::vector<double> slopes_of(const std::function<Value(const Value&)>& f, const Tensor& x) {
  Graph graph;
  const Value in = input(graph, "x", x.dtype(), Shape::of(x.sizes()));
  return numbers(evaluate_value(gradient(sum(f(in)), in), {{"x", x}}));
}
/// The same with respect to both inputs, one list after the other.
inline std::vector<double> slopes_of(const std::function<Value(const Value&, const Value&)>& f,
                                     const Tensor& a, const Tensor& b) {
  Graph graph;
  const Value x = input(graph, "x", a.dtype(), Shape::of(a.sizes()));
  const Value y = input(graph, "y", b.dtype(), Shape::of(b.sizes()));
  const auto both = gradients(sum(f(x, y)), std::vector{x, y}, Unconnected::zeros);
  std::vector<double> all;
  for (const Tensor& slope : evaluate_values(both, {{"x", a}, {"y", b}})) {
    const auto of_one = numbers(slope);
    all.insert(all.end(), of_one.begin(), of_one.end());
  }
  return all;
}

/// Every number is near its own, or both are NaN; infinities and zeros agree with their signs.
inline void expect_near(const std::vector<double>& actual, const std::vector<double>& expected,
                        double tolerance = 1e-14) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(actual[i])) << "element " << i << " is " << actual[i];
      continue;
    }
    const bool exact = actual[i] == expected[i];
    EXPECT_TRUE(exact ||
                std::abs(actual[i] - expected[i]) <= tolerance * std::max(1.0, std::abs(expected[i])))
        << "element " << i << " is " << actual[i] << " and not " << expected[i];
    EXPECT_TRUE(!exact || std::signbit(actual[i]) == std::signbit(expected[i]))
        << "element " << i << ": its sign";
  }
}

}  // namespace weft::testing_support
