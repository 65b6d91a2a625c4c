#include "weft/frontends/mnist/optimizer_config.h"

#include <fmt/format.h>

#include <cmath>

#include "weft/frontends/optim/optim.h"
#include "weft/frontends/schedules.h"

namespace weft::mnist {
namespace {

using Values = std::span<const Value>;

bool changes(const ScheduleConfig& schedule) { return schedule.kind != "constant" || schedule.warm_up > 0.0; }

struct ScheduledRate {
  Operand rate;
  std::vector<Value> updates;
};

ScheduledRate scheduled_rate(const OptimizerConfig& optimizer, const Value& like, std::int64_t steps) {
  const ScheduleConfig& schedule = optimizer.schedule;
  if (!changes(schedule)) return {.rate = optimizer.rate(), .updates = {}};
  if (steps < 1 && schedule_ends(schedule)) {
    throw Error(ErrorCode::invalid_argument, "a schedule that ends needs the number of steps",
                {.expected = "steps >= 1", .actual = std::to_string(steps)});
  }
  const schedules::StepCounter counter = schedules::step_counter(like.graph(), "schedule/step", like.dtype());
  const ScheduleChoice& choice = schedule_named(schedule.kind);
  Value rate = choice.build == nullptr ? schedules::constant(counter.step, optimizer.rate())
                                       : choice.build(counter.step, optimizer.rate(), steps, schedule);
  const auto rising = static_cast<std::int64_t>(std::ceil(schedule.warm_up * static_cast<double>(steps)));
  // Counted from 1, so that the first step is one.
  if (rising > 1) rate = schedules::warm_up(counter.step + 1.0, rate, rising);
  return {.rate = rate, .updates = {counter.update}};
}

bool is_bias(const Value& parameter) { return parameter.shape().rank() < 2; }

std::vector<double> multipliers_of(const OptimizerConfig& optimizer, Values parameters) {
  if (optimizer.bias_rate == 1.0) return {};
  std::vector<double> multipliers;
  for (const Value& parameter : parameters)
    multipliers.push_back(is_bias(parameter) ? optimizer.bias_rate : 1.0);
  return multipliers;
}

bool is_decayed(const OptimizerConfig& optimizer, const Value& parameter) {
  return optimizer.decay_biases || !is_bias(parameter);
}

/// Those of `all` whose parameters decay.
std::vector<Value> decayed(const OptimizerConfig& optimizer, Values parameters, Values all) {
  std::vector<Value> some;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (is_decayed(optimizer, parameters[i])) some.push_back(all[i]);
  }
  return some;
}

std::vector<Value> with_penalty(const OptimizerConfig& optimizer, Values parameters, Values gradients) {
  std::vector<Value> changed(gradients.begin(), gradients.end());
  const auto penalized =
      optim::add_penalty(decayed(optimizer, parameters, gradients),
                         decayed(optimizer, parameters, parameters), {.l2 = optimizer.weight_decay});
  auto next = penalized.begin();
  for (std::size_t i = 0; i < changed.size(); ++i) {
    if (is_decayed(optimizer, parameters[i])) changed[i] = *next++;
  }
  return changed;
}

template <typename Config>
void expect_keys_within(const Config& config, std::span<const Key<Config>> keys) {
  for (const Key<Config>& key : keys) expect_within(key.name, config.*key.member, key.bounds);
}

}  // namespace

double OptimizerConfig::rate() const { return learning_rate ? *learning_rate : optimizer_named(name).rate; }

OptimizerConfig default_optimizer(std::string_view name) {
  const OptimizerChoice& choice = optimizer_named(name);
  OptimizerConfig optimizer;
  optimizer.name = name;
  optimizer.learning_rate = choice.rate;
  if (choice.gamma > 0.0) {
    optimizer.schedule.kind = "inverse";
    optimizer.schedule.gamma = choice.gamma;
  }
  return optimizer;
}

bool schedule_ends(const ScheduleConfig& schedule) {
  return schedule_named(schedule.kind).ends || schedule.warm_up > 0.0;
}

void validate(const OptimizerConfig& optimizer) {
  expect_keys_within(optimizer, optimizer_named(optimizer.name).keys);
  expect_keys_within(optimizer, common_optimizer_keys());
  expect_within("lr", optimizer.rate(), kRateBounds);
  expect_keys_within(optimizer.schedule, schedule_named(optimizer.schedule.kind).keys);
  expect_keys_within(optimizer.schedule, common_schedule_keys());
}

std::vector<Value> updates_of(const OptimizerConfig& optimizer, Values parameters, Values gradients,
                              std::int64_t steps) {
  validate(optimizer);
  const OptimizerChoice& method = optimizer_named(optimizer.name);
  const ScheduledRate scheduled = scheduled_rate(optimizer, parameters[0], steps);
  const optim::Rate rate(scheduled.rate, multipliers_of(optimizer, parameters));
  const bool decays = optimizer.weight_decay > 0.0;
  std::vector<Value> updates =
      decays && !method.decays_beside_step
          ? method.build(parameters, with_penalty(optimizer, parameters, gradients), rate, optimizer)
          : method.build(parameters, gradients, rate, optimizer);
  if (decays && method.decays_beside_step) {
    updates = optim::decay_weights(updates, decayed(optimizer, parameters, parameters), scheduled.rate,
                                   optimizer.weight_decay);
  }
  updates.insert(updates.end(), scheduled.updates.begin(), scheduled.updates.end());
  return updates;
}

}  // namespace weft::mnist
