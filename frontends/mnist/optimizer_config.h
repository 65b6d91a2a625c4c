#pragma once
// An optimizer as data, as flags and files give it, and the updates that it builds.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::mnist {

/// How the rate changes over the steps of a training (weft/frontends/schedules.h).
struct ScheduleConfig {
  std::string kind = "constant";  // constant, inverse or cosine
  double gamma = 0.0;             // inverse: rate (1 + gamma step)^-power
  double power = 1.0;             // inverse
  double warm_up = 0.0;           // the share of all steps on which the rate grows from 0; in [0, 1)

  bool operator==(const ScheduleConfig&) const = default;
};

struct OptimizerConfig {
  std::string name = "sgd";               // one of optimizer_names()
  std::optional<double> learning_rate{};  // empty: the optimizer's own default
  double momentum = 0.9;                  // momentum and nesterov
  double rho = 0.99;                      // rmsprop
  double beta1 = 0.9;                     // adam and adamw
  double beta2 = 0.999;                   // adam and adamw
  double epsilon = 1e-8;                  // rmsprop, adam and adamw
  double weight_decay = 0.0;              // an L2 penalty; adamw: beside the step
  bool decay_biases = false;              // weight decay of biases too
  double bias_rate = 1.0;                 // biases learn with this many times the rate
  ScheduleConfig schedule{};

  /// The given rate, or what trains the paper's networks well in ten epochs: sgd 0.3, momentum and nesterov
  /// 0.05, rmsprop, adam and adamw 0.001.
  double rate() const;
  bool operator==(const OptimizerConfig&) const = default;
};

/// "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw".
std::span<const std::string_view> optimizer_names();
/// "constant", "inverse", "cosine".
std::span<const std::string_view> schedule_names();

/// One optimizer step on weights and biases, which alternate in `parameters`, and what it must count. `steps`
/// is how many a training does, for schedules that end. Throws Error(invalid_argument) for a name that is not
/// known, or a schedule that needs `steps` and has none.
std::vector<Value> updates_of(const OptimizerConfig& optimizer, std::span<const Value> parameters,
                              std::span<const Value> gradients, std::int64_t steps);

}  // namespace weft::mnist
