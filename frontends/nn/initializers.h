#pragma once
// How parameters start. An initializer builds nodes, which the session computes once, from its seed.

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::nn {

/// The shape to fill and how many inputs and outputs a unit of the layer has.
struct InitializerArgs {
  Graph& graph;
  DType dtype = DType::f32;
  Shape shape;
  std::int64_t fan_in = 1;
  std::int64_t fan_out = 1;
  Where where;
};

using Initializer = std::function<Value(const InitializerArgs&)>;

Initializer zeros();
Initializer ones();
Initializer constant(double number);
Initializer uniform(double low, double high);
Initializer normal(double mean, double deviation);
/// A normal distribution limited to two deviations around the mean, sampled exactly by the inverse of its
/// distribution function. `deviation` is that of the unlimited distribution; the limited one has 0.87963 of
/// it.
Initializer truncated_normal(double mean, double deviation);

/// Which fan a variance is divided by.
enum class FanMode : std::uint8_t { in, out, average };
enum class Distribution : std::uint8_t { uniform, normal, truncated_normal };
/// Mean 0 and variance scale / fan, whatever the distribution (TensorFlow's VarianceScaling).
Initializer variance_scaling(double scale, FanMode mode, Distribution distribution);
/// U(-a, a) with a = sqrt(6 / (fan_in + fan_out)); Glorot and Bengio, AISTATS 2010.
Initializer glorot_uniform();
/// N(0, 2 / (fan_in + fan_out)).
Initializer glorot_normal();
/// U(-a, a) with a = sqrt(6 / fan_in); He, Zhang, Ren and Sun, ICCV 2015.
Initializer he_uniform();
/// N(0, 2 / fan_in).
Initializer he_normal();
/// U(-a, a) with a = sqrt(3 / fan_in); LeCun, Bottou, Orr and Mueller, "Efficient backprop", 1998.
Initializer lecun_uniform();
/// N(0, 1 / fan_in).
Initializer lecun_normal();
/// `gain` times a matrix with orthonormal rows or columns, whichever are fewer (Saxe, McClelland and Ganguli,
/// ICLR 2014). A shape of more axes counts as [first, all others].
Initializer orthogonal(double gain = 1.0);
/// A matrix with `gain` on the diagonal and 0 elsewhere.
Initializer identity(double gain = 1.0);
/// U(-a, a) with a = 1 / sqrt(fan_in), with which Torch's linear layers start, and their biases.
Initializer torch_default();

/// The default deviation of "normal" and "truncated_normal".
inline constexpr double kNamedDeviation = 0.05;

/// An initializer that can be chosen by name.
struct NamedInitializer {
  std::string_view name;  // "glorot_uniform"
  std::string_view help;
  Initializer weight;
  Initializer bias;                                 // of the biases of a layer with such weights
  Initializer (*with_deviation)(double) = nullptr;  // the same with another deviation; null: it has none
  bool needs_matrix = false;                        // it cannot start biases
};
const std::vector<NamedInitializer>& named_initializers();
/// Throws Error(invalid_argument), which lists the names.
const NamedInitializer& initializer_named(std::string_view name);

}  // namespace weft::nn
