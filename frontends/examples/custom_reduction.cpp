// A reduction of one's own: the logarithm of a sum of exponentials, stable, and verified.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "weft/weft.h"

using namespace weft;

struct SmoothMaximum {  // y = log(sum(exp(x))) over the last axis, which stays with size 1
  static constexpr std::string_view name = "smooth_maximum";
  static constexpr Traits traits{.row_wise = true};

  TensorType infer(const TensorType& x) const { return reduced_type(float_type(x), {-1}, true); }

  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    const std::size_t n = y.empty() ? 0 : x.size() / y.size();
    for (std::size_t r = 0; r < y.size(); ++r) {
      const auto row = x.subspan(r * n, n);
      T most = -std::numeric_limits<T>::infinity();
      for (const T u : row) most = std::max(most, u);
      T sum{0};
      for (const T u : row) sum += std::exp(u - most);
      y[r] = most + std::log(sum);
    }
  }

  Value gradient(Value x, Value y, Value dy) const { return dy * exp(x - y); }
};

int main() {
  Graph graph;
  const Value x = input(graph, "x", f64, {"rows", 3});
  const Value y = apply(SmoothMaximum{}, x);

  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {y, gradient(sum(y), x)}});
  const auto results = function({Tensor::of({0.0, 0.0, 0.0, 1000.0, 1000.0, -1000.0}, {2, 3})});
  fmt::print("smooth_maximum  {}\nslope           {}\n", to_string(results[0]), to_string(results[1]));

  const auto certificate = certify(SmoothMaximum{}, [](verify::SampleSource& source) {
    return std::vector{source.uniform({source.extent(), source.extent()}, -3.0, 3.0)};
  });
  fmt::print("certified       {} samples, {} failures\n", certificate.samples, certificate.failures.size());
  return certificate.passed() ? 0 : 1;
}
