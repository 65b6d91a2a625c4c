#include "weft/frontends/mnist/optimizer_config.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/frontends/optim/optim.h"
#include "weft/frontends/schedules.h"

namespace weft::mnist {
namespace {

using Values = std::span<const Value>;

struct NamedOptimizer {
  std::string_view name;
  double default_rate;
  std::vector<Value> (*apply)(Values parameters, Values gradients, const optim::Rate& rate,
                              const OptimizerConfig& config);
};

std::vector<Value> sgd(Values p, Values g, const optim::Rate& rate, const OptimizerConfig&) {
  return optim::sgd(p, g, rate);
}
std::vector<Value> momentum(Values p, Values g, const optim::Rate& rate, const OptimizerConfig& config) {
  return optim::sgd(p, g, rate, {.momentum = config.momentum});
}
std::vector<Value> nesterov(Values p, Values g, const optim::Rate& rate, const OptimizerConfig& config) {
  return optim::sgd(p, g, rate, {.momentum = config.momentum, .nesterov = true});
}
std::vector<Value> rmsprop(Values p, Values g, const optim::Rate& rate, const OptimizerConfig& config) {
  return optim::rmsprop(p, g, rate, {.alpha = config.rho, .epsilon = config.epsilon});
}
std::vector<Value> adam(Values p, Values g, const optim::Rate& rate, const OptimizerConfig& config) {
  return optim::adam(p, g, rate, {.beta1 = config.beta1, .beta2 = config.beta2, .epsilon = config.epsilon});
}

constexpr double kAdaptiveRate = 0.001;
constexpr double kMomentumRate = 0.05;
constexpr double kSgdRate = 0.3;
constexpr std::array kOptimizers{NamedOptimizer{"sgd", kSgdRate, sgd},
                                 NamedOptimizer{"momentum", kMomentumRate, momentum},
                                 NamedOptimizer{"nesterov", kMomentumRate, nesterov},
                                 NamedOptimizer{"rmsprop", kAdaptiveRate, rmsprop},
                                 NamedOptimizer{"adam", kAdaptiveRate, adam},
                                 NamedOptimizer{"adamw", kAdaptiveRate, adam}};
constexpr std::array kOptimizerNames{kOptimizers[0].name, kOptimizers[1].name, kOptimizers[2].name,
                                     kOptimizers[3].name, kOptimizers[4].name, kOptimizers[5].name};
constexpr std::array<std::string_view, 3> kScheduleNames{"constant", "inverse", "cosine"};

const NamedOptimizer& optimizer_named(std::string_view name) {
  const auto* const found = std::ranges::find(kOptimizers, name, &NamedOptimizer::name);
  if (found != kOptimizers.end()) return *found;
  throw Error(ErrorCode::invalid_argument, "unknown optimizer",
              {.expected = "sgd, momentum, nesterov, rmsprop, adam or adamw", .actual = std::string(name)});
}

bool changes(const ScheduleConfig& schedule) { return schedule.kind != "constant" || schedule.warm_up > 0.0; }

Value rate_at(const Value& step, const OptimizerConfig& optimizer, std::int64_t steps) {
  const ScheduleConfig& schedule = optimizer.schedule;
  if (schedule.kind == "constant") return schedules::constant(step, optimizer.rate());
  if (schedule.kind == "inverse") {
    return schedules::inverse(step, optimizer.rate(), schedule.gamma, schedule.power);
  }
  if (schedule.kind == "cosine") return schedules::cosine(step, optimizer.rate(), steps);
  throw Error(ErrorCode::invalid_argument, "unknown schedule",
              {.expected = "constant, inverse or cosine", .actual = schedule.kind});
}

struct ScheduledRate {
  Operand rate;
  std::vector<Value> updates;
};

ScheduledRate scheduled_rate(const OptimizerConfig& optimizer, Graph& graph, std::int64_t steps) {
  const ScheduleConfig& schedule = optimizer.schedule;
  if (!changes(schedule)) return {.rate = optimizer.rate(), .updates = {}};
  if (steps < 1 && (schedule.kind == "cosine" || schedule.warm_up > 0.0)) {
    throw Error(ErrorCode::invalid_argument, "a schedule that ends needs the number of steps",
                {.expected = "steps >= 1", .actual = std::to_string(steps)});
  }
  const schedules::StepCounter counter = schedules::step_counter(graph, "schedule/step");
  Value rate = rate_at(counter.step, optimizer, steps);
  const auto rising = static_cast<std::int64_t>(std::ceil(schedule.warm_up * static_cast<double>(steps)));
  // Counted from 1, so that the first step is one.
  if (rising > 1) rate = schedules::warm_up(counter.step + 1.0, rate, rising);
  return {.rate = rate, .updates = {counter.update}};
}

std::vector<double> multipliers_of(const OptimizerConfig& optimizer, std::size_t parameters) {
  if (optimizer.bias_rate == 1.0) return {};
  std::vector<double> multipliers(parameters, 1.0);
  for (std::size_t i = 1; i < parameters; i += 2) multipliers[i] = optimizer.bias_rate;
  return multipliers;
}

/// Every second one of all, or all of them.
std::vector<Value> decayed(const OptimizerConfig& optimizer, Values all) {
  std::vector<Value> some;
  for (std::size_t i = 0; i < all.size(); i += optimizer.decay_biases ? 1 : 2) some.push_back(all[i]);
  return some;
}

std::vector<Value> with_penalty(const OptimizerConfig& optimizer, Values parameters, Values gradients) {
  std::vector<Value> changed(gradients.begin(), gradients.end());
  const auto penalized = optim::add_penalty(decayed(optimizer, gradients), decayed(optimizer, parameters),
                                            {.l2 = optimizer.weight_decay});
  for (std::size_t i = 0; i < penalized.size(); ++i) {
    changed[optimizer.decay_biases ? i : 2 * i] = penalized[i];
  }
  return changed;
}

}  // namespace

double OptimizerConfig::rate() const {
  return learning_rate ? *learning_rate : optimizer_named(name).default_rate;
}

std::span<const std::string_view> optimizer_names() { return kOptimizerNames; }
std::span<const std::string_view> schedule_names() { return kScheduleNames; }

std::vector<Value> updates_of(const OptimizerConfig& optimizer, Values parameters, Values gradients,
                              std::int64_t steps) {
  const NamedOptimizer& method = optimizer_named(optimizer.name);
  const ScheduledRate scheduled = scheduled_rate(optimizer, parameters[0].graph(), steps);
  const optim::Rate rate(scheduled.rate, multipliers_of(optimizer, parameters.size()));
  const bool beside = optimizer.name == "adamw";
  const bool penalty = optimizer.weight_decay > 0.0 && !beside;
  std::vector<Value> updates =
      penalty ? method.apply(parameters, with_penalty(optimizer, parameters, gradients), rate, optimizer)
              : method.apply(parameters, gradients, rate, optimizer);
  if (beside && optimizer.weight_decay > 0.0) {
    updates =
        optim::decay_weights(updates, decayed(optimizer, parameters), scheduled.rate, optimizer.weight_decay);
  }
  updates.insert(updates.end(), scheduled.updates.begin(), scheduled.updates.end());
  return updates;
}

}  // namespace weft::mnist
