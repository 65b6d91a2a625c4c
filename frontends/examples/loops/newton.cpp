// Derivatives through algorithms: a root by Newton's method, in a loop that ends when it has converged, and
// the path of a pendulum by the method of Runge and Kutta, in a scan. Both are differentiated like any op.

#include <fmt/format.h>

#include <cmath>

#include "weft/weft.h"

using namespace weft;

namespace {

/// y with y^3 + y = x, for each x.
Value root(const Value& x) {
  const WhileResult found = while_loop(
      [&](std::span<const Value> s) { return greater(max(abs(s[0] * s[0] * s[0] + s[0] - x)), 1e-12); },
      [&](std::span<const Value> s) {
        const Value& y = s[0];
        return std::vector<Value>{y - (y * y * y + y - x) / (3.0 * y * y + 1.0)};
      },
      std::array{x}, {.max_steps = 50});
  return found.states[0];
}

/// The angle and speed of a pendulum after `steps` steps, from a state [2].
Value swing(const Value& first, const Value& length, std::int64_t steps) {
  const double h = 0.01;
  const auto slope = [&](const Value& s) {
    const Value angle = slice(s, 0, 0, 1);
    const Value speed = slice(s, 0, 1, 2);
    return concat({speed, sin(angle) * (-9.81 / length)});
  };
  const ScanResult path = scan(
      [&](std::span<const Value> state, std::span<const Value>) {
        const Value& s = state[0];
        const Value k1 = slope(s);
        const Value k2 = slope(s + k1 * (h / 2));
        const Value k3 = slope(s + k2 * (h / 2));
        const Value k4 = slope(s + k3 * h);
        return ScanStep{.states = {s + (k1 + 2.0 * k2 + 2.0 * k3 + k4) * (h / 6)}, .outputs = {}};
      },
      std::array{first}, {}, {.length = steps, .checkpoint = 20});
  return path.states[0];
}

}  // namespace

int main() {
  Graph graph;
  const Value x = input(graph, "x", f64, {3});
  const Value y = root(x);
  const Value slope = gradient(sum(y), x);
  const Value length = input(graph, "length", f64, {});
  const Value angle = slice(swing(constant(graph, Tensor::of<double>({0.5, 0.0})), length, 400), 0, 0, 1);
  const Value change = gradient(sum(angle), length);

  Session session(graph);
  const Outputs roots =
      session.compile({.inputs = {x}, .outputs = {y, slope}})({Tensor::of<double>({0.1, 2, 30})});
  fmt::print("roots    {}\nslopes   {}\n", to_string(roots[0]), to_string(roots[1]));
  Function pendulum = session.compile({.inputs = {length}, .outputs = {angle, change}});
  const auto at = [&](double l) { return pendulum({Tensor::scalar(l)})[0].item<double>(); };
  const double by_graph = pendulum({Tensor::scalar(1.0)})[1].item<double>();
  const double by_differences = (at(1.0 + 1e-6) - at(1.0 - 1e-6)) / 2e-6;
  fmt::print("pendulum {:.6f} rad after 4 s; d/dlength {:.6f}, by differences {:.6f}\n", at(1.0), by_graph,
             by_differences);
  return std::abs(by_graph - by_differences) < 1e-6 ? 0 : 1;
}
