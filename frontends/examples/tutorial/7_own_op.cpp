// An op is a struct with a name, a shape rule, a reference kernel and a gradient rule that builds graph.
// Nothing is registered. certify() then tries it as weft's own ops are tried.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weft/weft.h"

using namespace weft;

struct SoftThreshold {  // y = sign(x) max(|x| - limit, 0), the proximal map of the L1 norm
  static constexpr std::string_view name = "soft_threshold";
  static constexpr Traits traits{.elementwise = true};
  double limit = 1.0;
  static constexpr auto attributes = weft::attributes(&SoftThreshold::limit);

  TensorType infer(const TensorType& x) const { return float_type(x); }

  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    const T most = static_cast<T>(limit);
    for (std::size_t i = 0; i < x.size(); ++i)
      y[i] = std::copysign(std::max(std::abs(x[i]) - most, T{0}), x[i]);
  }

  Value gradient(Value x, Value, Value dy) const { return where(abs(x) > limit, dy, 0.0); }
};

int main() {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n"});
  const Value y = apply(SoftThreshold{.limit = 0.5}, x);
  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {y, gradient(sum(y), x)}, .updates = {}});
  const auto results = function({Tensor::of({-2.0F, -0.25F, 0.0F, 0.75F})});
  fmt::print("y {}\nslope {}\n", to_string(results[0]), to_string(results[1]));

  const auto certificate = certify(SoftThreshold{.limit = 0.5}, [](verify::SampleSource& source) {
    return std::vector{source.uniform({source.extent()}, 1.0, 3.0)};
  });
  fmt::print("certified {} samples, {} failures\n", certificate.samples, certificate.failures.size());
  return certificate.passed() ? 0 : 1;
}
