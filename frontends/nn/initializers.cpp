#include "weft/frontends/nn/initializers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/frontends/config/choices.h"
#include "weft/frontends/nn/initializer_ops.h"
#include "weft/ops/layout.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft::nn {
namespace {

/// The standard deviation of a standard normal distribution that is cut at -2 and 2.
constexpr double kTruncatedDeviation = 0.87962566103423978;

double fan_of(const InitializerArgs& args, FanMode mode) {
  if (mode == FanMode::in) return static_cast<double>(args.fan_in);
  if (mode == FanMode::out) return static_cast<double>(args.fan_out);
  return static_cast<double>(args.fan_in + args.fan_out) / 2.0;
}

/// The sizes of a shape as a matrix [first, all others].
std::array<std::int64_t, 2> as_matrix(std::string_view name, const InitializerArgs& args) {
  if (args.shape.rank() >= 2) {
    const std::int64_t rows = args.shape[0].size();
    return {rows, rows == 0 ? 0 : args.shape.elements() / rows};
  }
  throw Error(ErrorCode::shape_mismatch, "a matrix is needed",
              {.op = std::string(name),
               .expected = "at least two axes",
               .actual = to_string(args.shape),
               .where = to_string(args.where)});
}

}  // namespace

Initializer zeros() { return constant(0.0); }
Initializer ones() { return constant(1.0); }
Initializer constant(double number) {
  return [number](const InitializerArgs& args) {
    const Operand scalar(weft::constant(args.graph, number, args.dtype, args.where), args.where);
    return broadcast_to(scalar, args.shape);
  };
}
Initializer uniform(double low, double high) {
  return [low, high](const InitializerArgs& args) {
    return random_uniform(args.graph, args.dtype, args.shape, low, high, args.where);
  };
}
Initializer normal(double mean, double deviation) {
  return [mean, deviation](const InitializerArgs& args) {
    return random_normal(args.graph, args.dtype, args.shape, mean, deviation, args.where);
  };
}

Initializer truncated_normal(double mean, double deviation) {
  return [mean, deviation](const InitializerArgs& args) {
    const Value unit = random_uniform(args.graph, args.dtype, args.shape, 0.0, 1.0, args.where);
    return apply(TruncatedNormal{}, Operand(unit, args.where)) * deviation + mean;
  };
}

Initializer variance_scaling(double scale, FanMode mode, Distribution distribution) {
  return [=](const InitializerArgs& args) {
    const double variance = scale / fan_of(args, mode);
    const double deviation = std::sqrt(variance);
    const double bound = std::sqrt(3.0 * variance);
    if (distribution == Distribution::uniform) return uniform(-bound, bound)(args);
    if (distribution == Distribution::normal) return normal(0.0, deviation)(args);
    return truncated_normal(0.0, deviation / kTruncatedDeviation)(args);
  };
}

Initializer glorot_uniform() { return variance_scaling(1.0, FanMode::average, Distribution::uniform); }
Initializer glorot_normal() { return variance_scaling(1.0, FanMode::average, Distribution::normal); }
Initializer he_uniform() { return variance_scaling(2.0, FanMode::in, Distribution::uniform); }
Initializer he_normal() { return variance_scaling(2.0, FanMode::in, Distribution::normal); }
Initializer lecun_uniform() { return variance_scaling(1.0, FanMode::in, Distribution::uniform); }
Initializer lecun_normal() { return variance_scaling(1.0, FanMode::in, Distribution::normal); }
Initializer torch_default() {
  return [](const InitializerArgs& args) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(args.fan_in));
    return uniform(-bound, bound)(args);
  };
}

Initializer orthogonal(double gain) {
  return [gain](const InitializerArgs& args) {
    const auto [rows, columns] = as_matrix("orthogonal", args);
    const Value random = random_normal(args.graph, args.dtype, {rows, columns}, 0.0, 1.0, args.where);
    const Value basis = apply(Orthonormal{}, Operand(random, args.where));
    return reshape(gain == 1.0 ? basis : basis * gain, args.shape);
  };
}

Initializer identity(double gain) {
  return [gain](const InitializerArgs& args) {
    const auto [rows, columns] = as_matrix("identity", args);
    Tensor matrix = Tensor::zeros(args.dtype, args.shape.sizes());
    visit_dtype(args.dtype, [&]<typename T>(T) {
      const auto elements = matrix.mutable_values<T>();
      for (std::int64_t i = 0; i < std::min(rows, columns); ++i) {
        elements[static_cast<std::size_t>(i * columns + i)] = static_cast<T>(gain);
      }
    });
    return weft::constant(args.graph, matrix, args.where);
  };
}

namespace {

Initializer normal_around_0(double deviation) { return normal(0.0, deviation); }
Initializer truncated_normal_around_0(double deviation) { return truncated_normal(0.0, deviation); }

}  // namespace

const std::vector<NamedInitializer>& named_initializers() {
  static const std::vector<NamedInitializer> list{
      {"glorot_uniform", "U(-a, a), a = sqrt(6 / (fan_in + fan_out))", glorot_uniform(), zeros()},
      {"glorot_normal", "N(0, 2 / (fan_in + fan_out))", glorot_normal(), zeros()},
      {"he_uniform", "U(-a, a), a = sqrt(6 / fan_in)", he_uniform(), zeros()},
      {"he_normal", "N(0, 2 / fan_in)", he_normal(), zeros()},
      {"lecun_uniform", "U(-a, a), a = sqrt(3 / fan_in)", lecun_uniform(), zeros()},
      {"lecun_normal", "N(0, 1 / fan_in)", lecun_normal(), zeros()},
      {"torch", "U(-a, a), a = 1 / sqrt(fan_in), biases too", torch_default(), torch_default()},
      {"orthogonal", "orthonormal rows or columns", orthogonal(), zeros(), nullptr, true},
      {"identity", "1 on the diagonal, else 0", identity(), zeros(), nullptr, true},
      {"normal", "N(0, deviation^2)", normal_around_0(kNamedDeviation), zeros(), normal_around_0},
      {"truncated_normal", "the same within two deviations of 0", truncated_normal_around_0(kNamedDeviation),
       zeros(), truncated_normal_around_0},
      {"zeros", "0", zeros(), zeros()},
      {"ones", "1", ones(), zeros()},
  };
  return list;
}

const NamedInitializer& initializer_named(std::string_view name) {
  return choice_named("initializer", name, std::span(named_initializers()));
}

}  // namespace weft::nn
