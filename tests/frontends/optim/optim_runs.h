#pragma once
// Optimizers against the same methods written as loops over doubles: both walk down sum((p^2 - 1)^2).

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/optim/optim.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft::testing_support {

inline constexpr double kRate = 0.05;
inline constexpr int kSteps = 8;
inline constexpr std::array kStarts{2.0, -0.5};

inline double slope_at(double p) { return 4.0 * p * (p * p - 1.0); }

using Updates = std::function<std::vector<Value>(std::span<const Value>, std::span<const Value>)>;

/// Where `steps` steps lead from kStarts.
inline std::vector<double> run(const Updates& updates, int steps = kSteps) {
  Graph graph;
  const Value p = parameter(graph, "p", Tensor::of({kStarts[0], kStarts[1]}));
  const Value loss = sum(square(square(p) - 1.0));
  const Value slope = gradient(loss, p);
  Session session(graph);
  weft::Function step = session.compile({.inputs = {}, .outputs = {}, .updates = updates({{p}}, {{slope}})});
  for (int i = 0; i < steps; ++i) step();
  const Tensor end = session.value(p);
  return {end.values<double>().begin(), end.values<double>().end()};
}

/// The same with `step(p, slope)` for each element; `method` gives a fresh one for each start.
inline std::vector<double> expected(const std::function<std::function<double(double, double)>()>& method,
                                    int steps = kSteps) {
  std::vector<double> ends;
  for (double p : kStarts) {
    const auto step = method();
    for (int i = 0; i < steps; ++i) p = step(p, slope_at(p));
    ends.push_back(p);
  }
  return ends;
}

inline void expect_near(const std::vector<double>& actual, const std::vector<double>& wanted) {
  ASSERT_EQ(actual.size(), wanted.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], wanted[i], 1e-11) << i;
}

}  // namespace weft::testing_support
