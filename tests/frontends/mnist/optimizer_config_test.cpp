#include "weft/frontends/mnist/optimizer_config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft::mnist {
namespace {

using testing_support::expect_error;

/// Weights of 1 and 1/4 and a bias of 1 after `runs` steps along gradients of 1, or of the way to a target.
struct Stepped {
  Stepped(const OptimizerConfig& config, int runs, std::int64_t steps = 0,
          std::optional<double> target = std::nullopt) {
    Graph graph;
    const std::vector<Value> parameters{parameter(graph, "w", Tensor::of({1.0F, 0.25F}, {1, 2})),
                                        parameter(graph, "b", Tensor::of({1.0F}))};
    std::vector<Value> gradients{constant(graph, Tensor::of({1.0F, 1.0F}, {1, 2})),
                                 constant(graph, Tensor::of({1.0F}))};
    if (target) {
      for (std::size_t i = 0; i < 2; ++i) gradients[i] = parameters[i] - *target;
    }
    Session session(graph);
    Function step = session.compile(
        {.inputs = {}, .outputs = {}, .updates = updates_of(config, parameters, gradients, steps)});
    for (int i = 0; i < runs; ++i) step();
    const Tensor all = session.value("w");
    weights.assign(all.values<float>().begin(), all.values<float>().end());
    weight = weights[0];
    bias = session.value("b").item<float>();
  }
  std::vector<float> weights;
  float weight = 0.0F;  // the first
  float bias = 0.0F;
};

TEST(OptimizerConfig, LetsBiasesLearnFaster) {
  const Stepped after({.name = "sgd", .learning_rate = 0.1, .bias_rate = 2.0}, 1);
  EXPECT_FLOAT_EQ(after.weight, 0.9F);
  EXPECT_FLOAT_EQ(after.bias, 0.8F);
}

TEST(OptimizerConfig, DecaysBiasesOnlyWhereAsked) {
  OptimizerConfig config{.name = "sgd", .learning_rate = 0.1, .weight_decay = 0.5};
  EXPECT_FLOAT_EQ(Stepped(config, 1).weight, 1.0F - 0.1F * 1.5F);
  EXPECT_FLOAT_EQ(Stepped(config, 1).bias, 0.9F);
  config.decay_biases = true;
  EXPECT_FLOAT_EQ(Stepped(config, 1).bias, 1.0F - 0.1F * 1.5F);
}

TEST(OptimizerConfig, DecaysBesideTheStepForAdamW) {
  const Stepped after({.name = "adamw", .learning_rate = 0.1, .weight_decay = 0.5}, 1);
  EXPECT_NEAR(after.weight, 1.0F - 0.1F - 0.1F * 0.5F, 1e-5F);
  EXPECT_NEAR(after.bias, 0.9F, 1e-5F);
}

TEST(OptimizerConfig, TakesTheRateFromItsSchedule) {
  const OptimizerConfig inverse{
      .name = "sgd", .learning_rate = 0.1, .schedule = {.kind = "inverse", .gamma = 1.0, .power = 1.0}};
  EXPECT_FLOAT_EQ(Stepped(inverse, 2).weight, 1.0F - 0.1F - 0.05F);
  const OptimizerConfig cosine{
      .name = "sgd", .learning_rate = 0.1, .schedule = {.kind = "cosine", .warm_up = 0.5}};
  // Of four steps the first two rise: half the rate, then all of it, each times (1 + cos(pi s / 4)) / 2.
  const float falling[] = {1.0F, 0.853553F, 0.5F, 0.146447F};
  EXPECT_NEAR(Stepped(cosine, 4, 4).weight,
              1.0F - 0.1F * (0.5F * falling[0] + falling[1] + falling[2] + falling[3]), 1e-4F);
}

TEST(OptimizerConfig, RejectsWhatItCannotDo) {
  expect_error(ErrorCode::invalid_argument, {"unknown optimizer 'tiger'; there are sgd, momentum"},
               [] { Stepped({.name = "tiger"}, 1); });
  expect_error(ErrorCode::invalid_argument, {"'beta1'", "[0, 1)", "got 1"},
               [] { Stepped({.name = "adam", .beta1 = 1.0}, 1); });
  expect_error(ErrorCode::invalid_argument, {"'every'"},
               [] { Stepped({.name = "sgd", .schedule = {.kind = "step", .gamma = 0.5}}, 1); });
  expect_error(ErrorCode::invalid_argument, {"'lr'"},
               [] { Stepped({.name = "sgd", .learning_rate = -0.1}, 1); });
  expect_error(ErrorCode::invalid_argument, {"steps"},
               [] { Stepped({.name = "sgd", .schedule = {.kind = "cosine"}}, 1); });
  expect_error(ErrorCode::invalid_argument, {"zigzag"},
               [] { Stepped({.name = "sgd", .schedule = {.kind = "zigzag"}}, 1); });
}

/// A number that the key may have and that is not its default.
template <typename Config>
double another(const Key<Config>& key) {
  const double usual = Config{}.*key.member;
  for (const double number : {0.25, 0.5, 2.0, 3.0}) {
    if (key.bounds.contain(number) && number != usual) return number;
  }
  ADD_FAILURE() << key.name << " has no other number";
  return usual;
}

TEST(OptimizerTable, HasDefaultsWithinTheLimitsAndStepsWithThem) {
  for (const OptimizerChoice& choice : named_optimizers()) {
    SCOPED_TRACE(choice.name);
    const OptimizerConfig config = default_optimizer(choice.name);
    EXPECT_NO_THROW(validate(config));
    EXPECT_EQ(config.rate(), choice.rate);
    EXPECT_FALSE(choice.help.empty());
    const Stepped after(config, 1);
    EXPECT_LT(after.weight, 1.0F);  // down the gradient, which is 1
  }
}

TEST(OptimizerTable, ReadsEveryKeyThatItLists) {
  // The gradients shrink and change their sign: of equal ones a mean is the same with any memory.
  constexpr int kRuns = 9;
  constexpr double kTarget = 0.777;
  for (const OptimizerChoice& choice : named_optimizers()) {
    for (const auto& key : choice.keys) {
      SCOPED_TRACE(fmt::format("{} {}", choice.name, key.name));
      OptimizerConfig config{.name = std::string(choice.name), .learning_rate = 0.1};
      const Stepped usual(config, kRuns, 0, kTarget);
      config.*key.member = another(key);
      EXPECT_NE(Stepped(config, kRuns, 0, kTarget).weights, usual.weights);
    }
  }
}

TEST(ScheduleTable, ReadsEveryKeyThatItLists) {
  for (const ScheduleChoice& choice : named_schedules()) {
    OptimizerConfig config{.name = "sgd", .learning_rate = 0.1};
    ScheduleConfig& schedule = config.schedule;
    schedule.kind = choice.name;
    for (const auto& key : choice.keys) {
      if (key.required) schedule.*key.member = key.bounds.contain(0.75) ? 0.75 : 1.0;
    }
    const Stepped usual(config, 7, 10);
    for (const auto& key : choice.keys) {
      SCOPED_TRACE(fmt::format("{} {}", choice.name, key.name));
      OptimizerConfig changed = config;
      changed.schedule.*key.member = another(key);
      EXPECT_NE(Stepped(changed, 7, 10).weight, usual.weight);
    }
  }
}

/// One name is one number, in flags, recipes and checkpoints.
TEST(OptimizerTable, GivesAKeyOneNameAndAFieldOfThatName) {
  std::map<std::string_view, const void*> fields;
  const OptimizerConfig config;
  for_each_field([&](std::string_view name,
                     const auto& member) { EXPECT_TRUE(fields.emplace(name, &member).second) << name; },
                 config);
  for (const OptimizerChoice& choice : named_optimizers()) {
    for (const auto& key : choice.keys) EXPECT_EQ(fields[key.name], &(config.*key.member)) << key.name;
  }
  for (const ScheduleChoice& choice : named_schedules()) {
    for (const auto& key : choice.keys)
      EXPECT_EQ(fields[key.name], &(config.schedule.*key.member)) << key.name;
  }
}

}  // namespace
}  // namespace weft::mnist
