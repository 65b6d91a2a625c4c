// An op of one's own: Swish with its gradient, in one struct and without registration.

#include <fmt/format.h>

#include <cmath>

#include "weft/weft.h"

using namespace weft;

struct Swish {  // y = x * sigmoid(beta * x)
  static constexpr std::string_view name = "swish";
  static constexpr Traits traits{.elementwise = true, .can_fail = false};  // it never throws
  double beta = 1.0;
  static constexpr auto attributes = weft::attributes(&Swish::beta);

  TensorType infer(const TensorType& x) const { return float_type(x); }

  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] / (T{1} + std::exp(static_cast<T>(-beta) * x[i]));
  }

  Value gradient(Value x, Value y, Value dy) const {
    const Value s = sigmoid(x * beta);
    return dy * (s + y * (1.0 - s) * beta);
  }
};

int main() {
  Graph graph;
  const Value x = input(graph, "x", f64, {"n"});
  const Value y = apply(Swish{.beta = 1.5}, x);
  const Value slope = gradient(sum(y), x);
  const Value curvature = gradient(sum(slope), x);

  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {y, slope, curvature}});
  const auto [value, first, second] = function.call<3>({Tensor::of({-2.0, -0.5, 0.0, 0.5, 2.0})});
  fmt::print("swish      {}\nslope      {}\ncurvature  {}\n", to_string(value), to_string(first),
             to_string(second));
}
