#pragma once
// An optimizer as data, as flags and files describe it, and the updates that it builds. The choices are in
// two tables, `named_optimizers()` and `named_schedules()` (optimizer_table.cpp), which the command line,
// recipes, help texts, checkpoints and `weft check` read. A new optimizer is a row there; a number that no
// other optimizer has is also a member and a field here.

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/config/choices.h"
#include "weft/frontends/config/fields.h"
#include "weft/frontends/optim/rate.h"

namespace weft::mnist {

/// How the rate changes over the steps of a training (weft/frontends/schedules.h). The numbers are explained
/// in the table of schedules.
struct ScheduleConfig {
  std::string kind = "constant";  // a name in named_schedules()
  double gamma = 0.0;             // inverse, exponential and step
  double power = 1.0;             // inverse and polynomial
  double warm_up = 0.0;           // of any: the share of all steps on which the rate grows from 0; in [0, 1)
  double every = 0.0;             // step
  double end_rate = 0.0;          // polynomial and cosine
  double rise = 0.3;              // one_cycle

  bool operator==(const ScheduleConfig&) const = default;
  static constexpr auto fields =
      std::tuple(Field{"schedule", &ScheduleConfig::kind}, Field{"gamma", &ScheduleConfig::gamma},
                 Field{"power", &ScheduleConfig::power}, Field{"warm_up", &ScheduleConfig::warm_up},
                 Field{"every", &ScheduleConfig::every}, Field{"end_rate", &ScheduleConfig::end_rate},
                 Field{"rise", &ScheduleConfig::rise});
};
static_assert(kListsEveryMember<ScheduleConfig>);

/// The numbers are explained in the table of optimizers.
struct OptimizerConfig {
  std::string name = "sgd";               // a name in named_optimizers()
  std::optional<double> learning_rate{};  // empty: the optimizer's own default
  double momentum = 0.9;                  // momentum and nesterov
  double rho = 0.99;                      // rmsprop
  double beta1 = 0.9;                     // adam and its relatives
  double beta2 = 0.999;                   // adam and its relatives
  double epsilon = 1e-8;                  // rmsprop, adagrad, adam and its relatives
  double weight_decay = 0.0;              // of any: an L2 penalty; adamw: beside the step
  bool decay_biases = false;              // of any: weight decay of biases too
  double bias_rate = 1.0;                 // of any: biases learn with this many times the rate
  ScheduleConfig schedule{};
  double momentum_decay = 0.004;   // nadam
  double adadelta_rho = 0.9;       // adadelta, which needs other numbers than rmsprop
  double adadelta_epsilon = 1e-6;  // adadelta
  double shrink = 0.5;             // rprop
  double grow = 1.2;               // rprop
  double l1 = 0.0;                 // ftrl
  double l2 = 0.0;                 // ftrl
  double beta = 1.0;               // ftrl
  double lion_beta2 = 0.99;        // lion, which needs another number than adam
  double adafactor_decay = 0.8;    // adafactor

  /// The given rate, or the default of the optimizer's row, which trains the paper's networks well. Throws
  /// Error(invalid_argument) for an unknown optimizer.
  double rate() const;
  bool operator==(const OptimizerConfig&) const = default;
  static constexpr auto fields = std::tuple(
      Field{"optimizer", &OptimizerConfig::name}, Field{"lr", &OptimizerConfig::learning_rate},
      Field{"momentum", &OptimizerConfig::momentum}, Field{"rho", &OptimizerConfig::rho},
      Field{"beta1", &OptimizerConfig::beta1}, Field{"beta2", &OptimizerConfig::beta2},
      Field{"epsilon", &OptimizerConfig::epsilon}, Field{"weight_decay", &OptimizerConfig::weight_decay},
      Field{"decay_biases", &OptimizerConfig::decay_biases}, Field{"bias_rate", &OptimizerConfig::bias_rate},
      Field{"", &OptimizerConfig::schedule}, Field{"momentum_decay", &OptimizerConfig::momentum_decay},
      Field{"adadelta_rho", &OptimizerConfig::adadelta_rho},
      Field{"adadelta_epsilon", &OptimizerConfig::adadelta_epsilon},
      Field{"shrink", &OptimizerConfig::shrink}, Field{"grow", &OptimizerConfig::grow},
      Field{"l1", &OptimizerConfig::l1}, Field{"l2", &OptimizerConfig::l2},
      Field{"beta", &OptimizerConfig::beta}, Field{"lion_beta2", &OptimizerConfig::lion_beta2},
      Field{"adafactor_decay", &OptimizerConfig::adafactor_decay});
};
static_assert(kListsEveryMember<OptimizerConfig>);

/// A row of the table of optimizers.
struct OptimizerChoice {
  std::string_view name;  // "momentum"
  std::string_view help;
  double rate = 0.0;                           // the default
  double gamma = 0.0;                          // the default schedule is "inverse" with it; 0: "constant"
  std::span<const Key<OptimizerConfig>> keys;  // the numbers that it reads
  std::vector<Value> (*build)(std::span<const Value> parameters, std::span<const Value> gradients,
                              const optim::Rate& rate, const OptimizerConfig& config) = nullptr;
  bool decays_beside_step = false;  // weight decay does not go through the gradient
};
std::span<const OptimizerChoice> named_optimizers();
/// Throws Error(invalid_argument), which lists the names.
const OptimizerChoice& optimizer_named(std::string_view name);

/// The optimizer with its default rate and the schedule that goes with it: together they keep every epoch of
/// the paper's networks sound. Throws Error(invalid_argument) for an unknown name.
OptimizerConfig default_optimizer(std::string_view name);

/// A row of the table of schedules.
struct ScheduleChoice {
  std::string_view name;  // "cosine"
  std::string_view help;
  std::span<const Key<ScheduleConfig>> keys;
  /// The rate after `step` steps of `steps`; null: the rate is constant.
  Value (*build)(const Value& step, double rate, std::int64_t steps, const ScheduleConfig& config) = nullptr;
  bool ends = false;  // whether it depends on the number of all steps
};
std::span<const ScheduleChoice> named_schedules();
/// Throws Error(invalid_argument), which lists the names.
const ScheduleChoice& schedule_named(std::string_view name);

/// The numbers that every optimizer has: weight decay and the rate of biases.
std::span<const Key<OptimizerConfig>> common_optimizer_keys();
/// The numbers that every schedule has: the warm-up.
std::span<const Key<ScheduleConfig>> common_schedule_keys();
/// The numbers that a learning rate may be: those that an f32 holds.
inline constexpr Bounds kRateBounds{
    .low = 0.0, .high = std::numeric_limits<float>::max(), .low_is_possible = false};

/// Whether the rate depends on the number of all steps, so that a started training cannot be made longer.
bool schedule_ends(const ScheduleConfig& schedule);

/// Throws Error(invalid_argument) for an unknown name and for a number out of the bounds of its key.
void validate(const OptimizerConfig& optimizer);

/// The updates of one optimizer step on `parameters`, of which those with fewer than two axes are biases, and
/// of its counters. `steps` is the number of steps of the training, for schedules that end. Throws
/// Error(invalid_argument) for what `validate` refuses, for a schedule that needs `steps` and has none, and
/// for a schedule with an optimizer whose rate must be a number.
std::vector<Value> updates_of(const OptimizerConfig& optimizer, std::span<const Value> parameters,
                              std::span<const Value> gradients, std::int64_t steps);

}  // namespace weft::mnist
