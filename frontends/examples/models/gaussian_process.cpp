// Regression by a Gaussian process whose length, amplitude and noise are trained to make the data most likely
// (Rasmussen and Williams 2006, equation 2.30 and algorithm 2.1).

#include <cmath>
#include <numbers>

#include "weft/frontends/examples/models/models.h"

namespace weft::examples {

Model gaussian_process() {
  constexpr std::int64_t kPoints = 256;
  constexpr std::int64_t kDimensions = 4;
  Model model;
  Graph& graph = *model.graph;
  const Value x = input(graph, "x", f64, {kPoints, kDimensions});
  const Value y = input(graph, "y", f64, {kPoints, 1});
  const auto logarithm = [&](std::string_view name, double start) {
    return parameter(graph, name, Tensor::scalar(start));
  };
  const Value length = logarithm("length", 0.0);
  const Value amplitude = logarithm("amplitude", 0.0);
  const Value noise = logarithm("noise", -1.0);

  const Value squares = sum(square(x), {1}, true);
  const Value distances = squares + transpose(squares) - 2.0 * matmul(x, x, false, true);
  const Value covariance = exp(2.0 * amplitude - 0.5 * exp(-2.0 * length) * distances);
  const Value root = cholesky(covariance + exp(2.0 * noise) * eye(graph, kPoints, {}, 0, f64));
  const Value weights = triangular_solve(root, triangular_solve(root, y), true, true);
  model.loss = 0.5 * sum(y * weights) + sum(log(diagonal(root))) +
               0.5 * static_cast<double>(kPoints) * std::log(2.0 * std::numbers::pi);
  model.prediction = matmul(covariance, weights);
  const Tensor places = draw_numbers({kPoints, kDimensions}, -1.0, 1.0, f64);
  const Tensor values = draw_numbers({kPoints, 1}, -1.0, 1.0, f64);
  model.inputs = model.given = {x, y};
  model.batch = model.samples = {places, values};
  train_by_adam(model, {length, amplitude, noise}, 0.01);
  return model;
}

}  // namespace weft::examples
