#include "weft/frontends/initializers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weft/ops/layout.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft::nn {
namespace {

Initializer symmetric_uniform(double (*bound)(const InitializerArgs&)) {
  return [bound](const InitializerArgs& args) {
    return random_uniform(args.graph, args.dtype, args.shape, -bound(args), bound(args), args.where);
  };
}

Initializer centred_normal(double (*deviation)(const InitializerArgs&)) {
  return [deviation](const InitializerArgs& args) {
    return random_normal(args.graph, args.dtype, args.shape, 0.0, deviation(args), args.where);
  };
}

double fan_sum(const InitializerArgs& args) { return static_cast<double>(args.fan_in + args.fan_out); }
double fan_in(const InitializerArgs& args) { return static_cast<double>(args.fan_in); }

}  // namespace

Initializer zeros() { return constant(0.0); }
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

Initializer glorot_uniform() {
  return symmetric_uniform([](const InitializerArgs& args) { return std::sqrt(6.0 / fan_sum(args)); });
}
Initializer glorot_normal() {
  return centred_normal([](const InitializerArgs& args) { return std::sqrt(2.0 / fan_sum(args)); });
}
Initializer he_uniform() {
  return symmetric_uniform([](const InitializerArgs& args) { return std::sqrt(6.0 / fan_in(args)); });
}
Initializer he_normal() {
  return centred_normal([](const InitializerArgs& args) { return std::sqrt(2.0 / fan_in(args)); });
}
Initializer torch_default() {
  return symmetric_uniform([](const InitializerArgs& args) { return 1.0 / std::sqrt(fan_in(args)); });
}

const std::vector<NamedInitializer>& named_initializers() {
  constexpr double kSmallDeviation = 0.05;
  static const std::vector<NamedInitializer> list{
      {"glorot_uniform", glorot_uniform(), zeros()},
      {"glorot_normal", glorot_normal(), zeros()},
      {"he_uniform", he_uniform(), zeros()},
      {"he_normal", he_normal(), zeros()},
      {"torch", torch_default(), torch_default()},
      {"normal", normal(0.0, kSmallDeviation), zeros()},
      {"zeros", zeros(), zeros()},
  };
  return list;
}

const NamedInitializer& initializer_named(std::string_view name) {
  const auto& list = named_initializers();
  const auto found = std::ranges::find(list, name, &NamedInitializer::name);
  if (found != list.end()) return *found;
  std::string names;
  for (const NamedInitializer& known : list) names += (names.empty() ? "" : ", ") + std::string(known.name);
  throw Error(ErrorCode::invalid_argument, "unknown initializer",
              {.expected = names, .actual = std::string(name)});
}

}  // namespace weft::nn
