// The tables of optimizers and schedules.

#include <array>
#include <cmath>

#include "weft/frontends/mnist/optimizer_config.h"
#include "weft/frontends/optim/optim.h"
#include "weft/frontends/schedules.h"

namespace weft::mnist {
namespace {

using Parameters = std::span<const Value>;
using Config = OptimizerConfig;
using OptimizerKey = Key<OptimizerConfig>;
using ScheduleKey = Key<ScheduleConfig>;

constexpr Bounds kAtMost1{.low = 0.0, .high = 1.0, .low_is_possible = false};
constexpr Bounds kFrom1{.low = 1.0, .high = kLargestSetting};

constexpr OptimizerKey kMomentum{"momentum", &Config::momentum, kPositiveShare,
                                 "Share of the last step that is kept"};
constexpr OptimizerKey kRho{"rho", &Config::rho, kShare, "Memory of the mean of g^2"};
constexpr OptimizerKey kBeta1{"beta1", &Config::beta1, kShare, "Memory of the mean of g"};
constexpr OptimizerKey kBeta2{"beta2", &Config::beta2, kShare, "Memory of the mean of g^2"};
constexpr OptimizerKey kEpsilon{"epsilon", &Config::epsilon, kPositive, "Added to what is divided by"};

constexpr std::array kMomentumKeys{kMomentum};
constexpr std::array kRmspropKeys{kRho, kEpsilon};
constexpr std::array kAdamKeys{kBeta1, kBeta2, kEpsilon};
constexpr std::array kNadamKeys{kBeta1, kBeta2, kEpsilon,
                                OptimizerKey{"momentum_decay", &Config::momentum_decay, kNotNegative,
                                             "How fast the momentum grows to beta1"}};
constexpr std::array kLionKeys{kBeta1, OptimizerKey{"lion_beta2", &Config::lion_beta2, kShare,
                                                    "Memory of the mean of g that lion keeps"}};
constexpr std::array kAdafactorKeys{OptimizerKey{"adafactor_decay", &Config::adafactor_decay, kAtMost1,
                                                 "The memory of step t is 1 - t to the power of minus this"}};
constexpr std::array kAdagradKeys{kEpsilon};
constexpr std::array kAdadeltaKeys{
    OptimizerKey{"adadelta_rho", &Config::adadelta_rho, kShare, "Memory of the means of squares"},
    OptimizerKey{"adadelta_epsilon", &Config::adadelta_epsilon, kPositive, "Added to both means of squares"}};
constexpr std::array kRpropKeys{
    OptimizerKey{"shrink", &Config::shrink, kPositiveShare,
                 "Factor of a step whose gradient changed its sign"},
    OptimizerKey{"grow", &Config::grow, kFrom1, "Factor of a step whose gradient kept its sign"}};
constexpr std::array kFtrlKeys{
    OptimizerKey{"l1", &Config::l1, kNotNegative, "Penalty that makes weights 0"},
    OptimizerKey{"l2", &Config::l2, kNotNegative, "Penalty that makes weights small"},
    OptimizerKey{"beta", &Config::beta, kNotNegative, "Added to the root of the sum of g^2"}};

std::vector<Value> build_sgd(Parameters p, Parameters g, const optim::Rate& rate, const Config&) {
  return optim::sgd(p, g, rate);
}
std::vector<Value> build_momentum(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::sgd(p, g, rate, {.momentum = config.momentum});
}
std::vector<Value> build_nesterov(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::sgd(p, g, rate, {.momentum = config.momentum, .nesterov = true});
}
std::vector<Value> build_rmsprop(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::rmsprop(p, g, rate, {.alpha = config.rho, .epsilon = config.epsilon});
}
std::vector<Value> build_adam(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::adam(p, g, rate, {.beta1 = config.beta1, .beta2 = config.beta2, .epsilon = config.epsilon});
}
std::vector<Value> build_amsgrad(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::adam(
      p, g, rate, {.beta1 = config.beta1, .beta2 = config.beta2, .epsilon = config.epsilon, .amsgrad = true});
}
std::vector<Value> build_adamax(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::adamax(p, g, rate, {.beta1 = config.beta1, .beta2 = config.beta2, .epsilon = config.epsilon});
}
std::vector<Value> build_nadam(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::nadam(p, g, rate,
                      {.beta1 = config.beta1,
                       .beta2 = config.beta2,
                       .epsilon = config.epsilon,
                       .momentum_decay = config.momentum_decay});
}
std::vector<Value> build_lamb(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::lamb(p, g, rate, {.beta1 = config.beta1, .beta2 = config.beta2, .epsilon = config.epsilon});
}
std::vector<Value> build_lion(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::lion(p, g, rate, {.beta1 = config.beta1, .beta2 = config.lion_beta2});
}
std::vector<Value> build_adafactor(Parameters p, Parameters g, const optim::Rate& rate,
                                   const Config& config) {
  return optim::adafactor(p, g, rate, {.decay = config.adafactor_decay});
}
std::vector<Value> build_adagrad(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::adagrad(p, g, rate, {.epsilon = config.epsilon});
}
std::vector<Value> build_adadelta(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::adadelta(p, g, rate, {.rho = config.adadelta_rho, .epsilon = config.adadelta_epsilon});
}
std::vector<Value> build_rprop(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::rprop(p, g, rate, {.shrink = config.shrink, .grow = config.grow});
}
std::vector<Value> build_ftrl(Parameters p, Parameters g, const optim::Rate& rate, const Config& config) {
  return optim::ftrl(p, g, rate, {.l1 = config.l1, .l2 = config.l2, .beta = config.beta});
}

constexpr std::array kOptimizers{
    OptimizerChoice{"sgd", "Stochastic gradient descent", 0.2, 0.001, {}, build_sgd},
    OptimizerChoice{"momentum", "sgd with momentum", 0.02, 0.001, kMomentumKeys, build_momentum},
    OptimizerChoice{"nesterov", "sgd with Nesterov's momentum", 0.02, 0.001, kMomentumKeys, build_nesterov},
    OptimizerChoice{"rmsprop", "Tieleman and Hinton 2012", 0.001, 0.0, kRmspropKeys, build_rmsprop},
    OptimizerChoice{"adam", "Kingma and Ba 2015", 0.001, 0.0, kAdamKeys, build_adam},
    OptimizerChoice{"adamw", "adam with weight decay beside the step", 0.001, 0.0, kAdamKeys, build_adam,
                    true},
    OptimizerChoice{"amsgrad", "adam with the largest mean of g^2 so far", 0.001, 0.0, kAdamKeys,
                    build_amsgrad},
    OptimizerChoice{"adamax", "adam with the largest |g| of late", 0.002, 0.0, kAdamKeys, build_adamax},
    OptimizerChoice{"nadam", "adam with Nesterov's momentum", 0.001, 0.0, kNadamKeys, build_nadam},
    OptimizerChoice{"lamb", "adam with steps in proportion to the weights, for large batches", 0.003, 0.0,
                    kAdamKeys, build_lamb},
    OptimizerChoice{"lion", "the sign of a mean of g; weight decay beside the step", 0.0002, 0.0, kLionKeys,
                    build_lion, true},
    OptimizerChoice{"adafactor", "rms of rows and columns in place of all g^2", 0.05, 0.0, kAdafactorKeys,
                    build_adafactor, true},
    OptimizerChoice{"adagrad", "Duchi, Hazan and Singer 2011", 0.01, 0.0, kAdagradKeys, build_adagrad},
    OptimizerChoice{"adadelta", "Zeiler 2012", 1.0, 0.0, kAdadeltaKeys, build_adadelta},
    OptimizerChoice{"rprop", "signs of the gradient of all data: with --batch 60000", 0.0005, 0.0, kRpropKeys,
                    build_rprop},
    OptimizerChoice{"ftrl", "FTRL-Proximal, for sparse linear models", 0.05, 0.0, kFtrlKeys, build_ftrl},
};

constexpr ScheduleKey kGamma{"gamma", &ScheduleConfig::gamma, kNotNegative, "How fast the rate falls", true};
constexpr ScheduleKey kFactor{"gamma", &ScheduleConfig::gamma, kAtMost1, "How fast the rate falls", true};
constexpr ScheduleKey kPower{"power", &ScheduleConfig::power, kNotNegative, "Exponent of the fall"};
constexpr ScheduleKey kEndRate{"end_rate", &ScheduleConfig::end_rate, kNotNegative, "The last rate"};

constexpr std::array kInverseKeys{kGamma, kPower};
constexpr std::array kExponentialKeys{kFactor};
constexpr std::array kStepKeys{
    kFactor, ScheduleKey{"every", &ScheduleConfig::every, kFrom1, "Steps between two falls", true}};
constexpr std::array kPolynomialKeys{kPower, kEndRate};
constexpr std::array kCosineKeys{kEndRate};
constexpr std::array kOneCycleKeys{
    ScheduleKey{"rise", &ScheduleConfig::rise, kPositiveShare, "Share of the steps on which the rate rises"}};

Value build_inverse(const Value& step, double rate, std::int64_t, const ScheduleConfig& config) {
  return schedules::inverse(step, rate, config.gamma, config.power);
}
Value build_exponential(const Value& step, double rate, std::int64_t, const ScheduleConfig& config) {
  return schedules::exponential(step, rate, config.gamma);
}
Value build_step(const Value& step, double rate, std::int64_t, const ScheduleConfig& config) {
  return schedules::step_decay(step, rate, std::llround(config.every), config.gamma);
}
Value build_polynomial(const Value& step, double rate, std::int64_t steps, const ScheduleConfig& config) {
  return schedules::polynomial(step, rate, steps, config.power, config.end_rate);
}
Value build_cosine(const Value& step, double rate, std::int64_t steps, const ScheduleConfig& config) {
  return schedules::cosine(step, rate, steps, config.end_rate);
}
Value build_one_cycle(const Value& step, double rate, std::int64_t steps, const ScheduleConfig& config) {
  return schedules::one_cycle(step, rate, steps, {.warm_up = config.rise});
}

constexpr std::array kSchedules{
    ScheduleChoice{"constant", "The same rate in every step", {}, nullptr},
    ScheduleChoice{"inverse", "lr (1 + gamma step)^-power", kInverseKeys, build_inverse},
    ScheduleChoice{"exponential", "lr gamma^step", kExponentialKeys, build_exponential},
    ScheduleChoice{"step", "lr gamma^floor(step / every)", kStepKeys, build_step},
    ScheduleChoice{"polynomial", "From lr to end_rate as (1 - step / steps)^power", kPolynomialKeys,
                   build_polynomial, true},
    ScheduleChoice{"cosine", "From lr to end_rate along half a cosine", kCosineKeys, build_cosine, true},
    ScheduleChoice{"one_cycle", "From lr / 25 up to lr, then down to lr / 250000, along cosines",
                   kOneCycleKeys, build_one_cycle, true},
};

constexpr std::array kCommonOptimizerKeys{OptimizerKey{"weight_decay", &Config::weight_decay, kNotNegative,
                                                       "L2 penalty of the weights; of adamw beside the step"},
                                          OptimizerKey{"bias_rate", &Config::bias_rate, kNotNegative,
                                                       "Biases learn with this many times the rate"}};
constexpr std::array kCommonScheduleKeys{ScheduleKey{"warm_up", &ScheduleConfig::warm_up, kShare,
                                                     "Share of the steps on which the rate grows from 0"}};

}  // namespace

std::span<const OptimizerChoice> named_optimizers() { return kOptimizers; }
const OptimizerChoice& optimizer_named(std::string_view name) {
  return choice_named("optimizer", name, named_optimizers());
}

std::span<const ScheduleChoice> named_schedules() { return kSchedules; }
const ScheduleChoice& schedule_named(std::string_view name) {
  return choice_named("schedule", name, named_schedules());
}

std::span<const Key<OptimizerConfig>> common_optimizer_keys() { return kCommonOptimizerKeys; }
std::span<const Key<ScheduleConfig>> common_schedule_keys() { return kCommonScheduleKeys; }

}  // namespace weft::mnist
