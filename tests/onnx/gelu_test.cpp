// How exact gelu is as operators: by erfc to the last digits of its tail, by erf beside max(1, |x|).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/import.h"
#include "weft/weft.h"

namespace weft::onnx {
namespace {

template <typename T>
std::vector<T> points() {
  std::vector<T> all;
  const T first = sizeof(T) == 4 ? T{-12.5} : T{-36};  // where the numbers become denormal
  for (T x = first; x < T{12}; x += T{1} / T{100}) all.push_back(x);
  return all;
}

/// gelu and its slope of these numbers, as a runtime computes them.
std::vector<Tensor> by_operators(const Tensor& numbers, bool tails) {
  Graph graph;
  const Value x = input(graph, "x", numbers.dtype(), {"n"});
  const FunctionSpec spec{.inputs = {x}, .outputs = {gelu(x), apply(GeluSlope{}, x)}};
  Graph loaded;
  const Imported imported =
      import_model(loaded, export_model(spec, {.gelu_tails = tails}), {}, {.as_saved = false});
  Session session(loaded);
  const Outputs made =
      session.compile({.inputs = {imported.input("x")},
                       .outputs = {imported.outputs[0].values[0], imported.outputs[1].values[0]}})({numbers});
  return {made[0].clone(), made[1].clone()};
}

long double phi(long double x) { return 0.5L * std::erfc(-x * std::sqrt(0.5L)); }
long double gelu_of(long double x) { return x * phi(x); }
long double slope_of(long double x) {
  return phi(x) + x * std::exp(-0.5L * x * x) / std::sqrt(2.0L * std::acos(-1.0L));
}

struct Errors {
  long double gelu = 0.0L;      // relative
  long double slope = 0.0L;     // relative, away from where the slope crosses 0
  long double beside_x = 0.0L;  // of both, beside max(1, |x|)
};

template <typename T>
Errors errors_of(bool tails) {
  const std::vector<T> numbers = points<T>();
  const std::vector<Tensor> made = by_operators(Tensor::of(numbers), tails);
  Errors worst;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const long double x = numbers[i];
    const long double gelu_error = std::abs(made[0].values<T>()[i] - gelu_of(x));
    const long double slope_error = std::abs(made[1].values<T>()[i] - slope_of(x));
    worst.beside_x =
        std::max(worst.beside_x, std::max(gelu_error, slope_error) / std::max(1.0L, std::abs(x)));
    if (gelu_of(x) != 0.0L) worst.gelu = std::max(worst.gelu, gelu_error / std::abs(gelu_of(x)));
    if (std::abs(x + 0.7518L) > 0.1L)
      worst.slope = std::max(worst.slope, slope_error / std::abs(slope_of(x)));
  }
  return worst;
}

TEST(OnnxGelu, KeepsItsTailsWhereTheOptionsSaySo) {
  const Errors single = errors_of<float>(true);
  EXPECT_LE(single.gelu, 2e-5L);
  EXPECT_LE(single.slope, 2e-5L);
  EXPECT_LE(single.beside_x, 1.5e-7L);
  const Errors twice = errors_of<double>(true);
  EXPECT_LE(twice.gelu, 1e-12L);
  EXPECT_LE(twice.slope, 1e-12L);
  const Tensor far = by_operators(Tensor::of({-HUGE_VALF, HUGE_VALF, -0.0F}), true)[0];
  EXPECT_EQ(far.values<float>()[0], 0.0F);
  EXPECT_EQ(far.values<float>()[1], HUGE_VALF);
  EXPECT_EQ(far.values<float>()[2], 0.0F);
}

TEST(OnnxGelu, IsExactBesideItsArgumentByErf) {
  EXPECT_LE(errors_of<float>(false).beside_x, 1.5e-7L);
  EXPECT_LE(errors_of<double>(false).beside_x, 3e-16L);
  EXPECT_GE(errors_of<float>(false).gelu, 0.5L) << "then the option is of no use";
}

}  // namespace
}  // namespace weft::onnx
