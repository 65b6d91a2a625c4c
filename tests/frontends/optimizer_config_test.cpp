#include "weft/frontends/mnist/optimizer_config.h"

#include <gtest/gtest.h>

#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft::mnist {
namespace {

using testing_support::expect_error;

/// A weight and a bias of 1 after `runs` steps along gradients of 1.
struct Stepped {
  Stepped(const OptimizerConfig& config, int runs, std::int64_t steps = 0) {
    Graph graph;
    const std::vector<Value> parameters{parameter(graph, "w", Tensor::of({1.0F})),
                                        parameter(graph, "b", Tensor::of({1.0F}))};
    const std::vector<Value> gradients(2, constant(graph, Tensor::of({1.0F})));
    Session session(graph);
    Function step = session.compile(
        {.inputs = {}, .outputs = {}, .updates = updates_of(config, parameters, gradients, steps)});
    for (int i = 0; i < runs; ++i) step();
    weight = session.value("w").item<float>();
    bias = session.value("b").item<float>();
  }
  float weight = 0.0F;
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
  expect_error(ErrorCode::invalid_argument, {"lion", "sgd"}, [] { Stepped({.name = "lion"}, 1); });
  expect_error(ErrorCode::invalid_argument, {"steps"},
               [] { Stepped({.name = "sgd", .schedule = {.kind = "cosine"}}, 1); });
  expect_error(ErrorCode::invalid_argument, {"zigzag"},
               [] { Stepped({.name = "sgd", .schedule = {.kind = "zigzag"}}, 1); });
}

}  // namespace
}  // namespace weft::mnist
