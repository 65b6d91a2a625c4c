// A network that solves a differential equation (Raissi, Perdikaris and Karniadakis, J. Comput. Phys. 2019):
// u_t + u u_x = nu u_xx holds at points (t, x) if the loss is 0. The derivatives are gradients with respect
// to inputs, through which the loss is differentiated once more.

#include <numbers>

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {

Model physics_informed() {
  constexpr std::int64_t kPoints = 1024;
  constexpr std::int64_t kUnits = 64;
  constexpr double kViscosity = 0.01 / std::numbers::pi;
  Model model;
  Graph& graph = *model.graph;
  const Value t = input(graph, "t", f32, {kPoints, 1});
  const Value x = input(graph, "x", f32, {kPoints, 1});
  const nn::Sequential network{
      nn::dense(graph, "dense1", 2, kUnits),      tanh, nn::dense(graph, "dense2", kUnits, kUnits), tanh,
      nn::dense(graph, "dense3", kUnits, kUnits), tanh, nn::dense(graph, "dense4", kUnits, kUnits), tanh,
      nn::dense(graph, "dense5", kUnits, 1)};
  const auto solution = [&](const Value& at, const Value& place) { return network(concat({at, place}, 1)); };

  const Value u = solution(t, x);
  const std::vector<Value> slopes = gradients(sum(u), {t, x});
  const Value curvature = gradient(sum(slopes[1]), x);
  const Value residual = slopes[0] + u * slopes[1] - kViscosity * curvature;
  const Value start = solution(0.0 * t, x) + sin(std::numbers::pi * x);  // u(0, x) = -sin(pi x)
  model.loss = mean(square(residual)) + mean(square(start));
  model.prediction = u;
  model.given = model.inputs = {t, x};
  model.samples = model.batch = {draw_numbers({kPoints, 1}, 0.0), draw_numbers({kPoints, 1})};
  train_by_adam(model, network.parameters());
  return model;
}

}  // namespace weft::examples
