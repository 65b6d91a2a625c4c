// An op with two outputs: from Cartesian to polar coordinates.

#include <fmt/format.h>

#include <cmath>

#include "weft/weft.h"

using namespace weft;

struct Polar {  // r = sqrt(x^2 + y^2), phi = atan2(y, x)
  static constexpr std::string_view name = "polar";
  static constexpr Traits traits{.elementwise = true};

  std::array<TensorType, 2> infer(const TensorType& x, const TensorType& y) const {
    const TensorType type = float_type(broadcast_type(x, y));
    return {type, type};
  }

  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<const T> y, std::span<T> r, std::span<T> phi) const {
    map(x, y, r, [](T u, T v) { return std::hypot(u, v); });
    map(x, y, phi, [](T u, T v) { return std::atan2(v, u); });
  }

  std::vector<Value> gradient(const GradientArgs& args) const {
    const auto [x, y, r] = std::array{args.inputs[0], args.inputs[1], args.outputs[0]};
    Value dx = r * 0.0;
    Value dy = dx;
    if (const Value dr = args.output_gradients[0]; dr.has_value()) dx = dx + dr * x / r, dy = dy + dr * y / r;
    if (const Value dphi = args.output_gradients[1]; dphi.has_value())
      dx = dx - dphi * y / square(r), dy = dy + dphi * x / square(r);
    return {dx, dy};
  }
};

int main() {
  Graph graph;
  const Value x = input(graph, "x", f64, {"n"});
  const Value y = input(graph, "y", f64, {"n"});
  const auto outputs = apply_all(Polar{}, {x, y});

  Session session(graph);
  Function function =
      session.compile({.inputs = {x, y}, .outputs = {outputs[0], outputs[1], gradient(sum(outputs[1]), y)}});
  const auto results = function({Tensor::of({3.0, 0.0}), Tensor::of({4.0, 2.0})});
  fmt::print("r         {}\nphi       {}\ndphi/dy   {}\n", to_string(results[0]), to_string(results[1]),
             to_string(results[2]));

  const auto certificate = certify(Polar{}, [](verify::SampleSource& source) {
    const verify::Sizes sizes = source.shape(3);
    return std::vector{source.uniform(sizes, 0.5, 2.0), source.away_from_zero(sizes, 0.5, 2.0)};
  });
  fmt::print("certified {} samples, {} failures\n", certificate.samples, certificate.failures.size());
  return certificate.passed() ? 0 : 1;
}
