#include "weft/frontends/train.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/frontends/metrics.h"
#include "weft/frontends/mnist/training_config.h"
#include "weft/ops/builtin.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

/// A step that counts how often each of `samples` rows was used, and whose loss is their mean number.
struct Counting {
  explicit Counting(std::int64_t samples)
      : rows(input(graph, "rows", i32, {"batch"})),
        counts(parameter(graph, "counts", Tensor::zeros(f32, {samples}))),
        session(graph),
        step(session.compile(
            {.inputs = {rows},
             .outputs = {mean(cast(rows, f32))},
             .updates = {assign(counts, counts + scatter_add(broadcast_to(constant(graph, 1.0), rows.shape()),
                                                             rows, Shape{samples}))}})) {}
  Graph graph;
  Value rows;
  Value counts;
  Session session;
  Function step;
};

TEST(Fit, UsesEverySampleOnceInEachEpoch) {
  Counting counting(23);
  const FitResult result = fit(counting.step, {.samples = 23, .epochs = 3, .batch_size = 5});
  const Tensor counts = counting.session.value(counting.counts);
  for (const float count : counts.values<float>()) EXPECT_EQ(count, 3.0F);
  ASSERT_EQ(result.epochs.size(), 3U);
  for (const EpochResult& epoch : result.epochs) EXPECT_NEAR(epoch.loss, 11.0, 1e-5);  // the mean of 0..22
  EXPECT_EQ(result.position.epoch, 3);
  EXPECT_FALSE(result.interrupted);
}

TEST(Fit, GoesOnWhereItStopped) {
  Counting counting(23);
  std::atomic<bool> stop{false};
  FitObserver observer;
  observer.progress = [&](const FitProgress& at) { stop = at.epoch == 2 && at.done == 3; };
  const FitOptions options{.samples = 23, .epochs = 3, .batch_size = 5, .stop = &stop};
  const FitResult first = fit(counting.step, options, observer);
  EXPECT_TRUE(first.interrupted);
  EXPECT_EQ(first.position.epoch, 1);
  EXPECT_EQ(first.position.batch, 3);
  FitOptions rest = options;
  rest.start = first.position;
  rest.stop = nullptr;
  const FitResult second = fit(counting.step, rest);
  EXPECT_NEAR(second.epochs[0].loss, 11.0, 1e-5);
  const Tensor counts = counting.session.value(counting.counts);
  for (const float count : counts.values<float>()) EXPECT_EQ(count, 3.0F);
}

TEST(Fit, StopsAtALossThatIsNoNumber) {
  Graph graph;
  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value runs = parameter(graph, "runs", Tensor::scalar(0.0F));
  Session session(graph);
  Function step = session.compile({.inputs = {rows},
                                   .outputs = {log(2.5 - runs) + 0.0 * mean(cast(rows, f32))},
                                   .updates = {assign(runs, runs + 1.0)}});
  expect_error(ErrorCode::numeric, {"nan", "epoch 2", "batch 2", "learning rate"},
               [&] { fit(step, {.samples = 4, .epochs = 5, .batch_size = 2}); });
}

TEST(Accuracy, IsTheShareOfEqualNumbers) {
  const Tensor labels = Tensor::of<std::uint8_t>({1, 2, 3, 4});
  EXPECT_EQ(accuracy(Tensor::of<std::int64_t>({1, 2, 0, 4}), labels), 0.75);
  EXPECT_EQ(accuracy(Tensor::zeros(i64, {0}), Tensor::zeros(u8, {0})), 0.0);
  expect_error(ErrorCode::shape_mismatch, {"i64[1]", "u8[4]"},
               [&] { accuracy(Tensor::of<std::int64_t>({1}), labels); });
}

TEST(TrainingConfig, SurvivesACheckpoint) {
  mnist::SavedTraining saved;
  saved.config.model = {
      .inputs = 64, .layers = {7, 8}, .classes = 3, .activation = "tanh", .initializer = "he_normal"};
  saved.config.optimizer = {.name = "adam", .learning_rate = 0.1 + 0.2};
  saved.config.batch = 9;
  saved.config.seed = 18446744073709551615U;
  saved.position = {.epoch = 4, .batch = 5, .loss_sum = 1.0 / 3.0};
  const auto back = mnist::from_metadata(mnist::to_metadata(saved), "file");
  EXPECT_EQ(back.config.model.layers, saved.config.model.layers);
  EXPECT_EQ(back.config.model.activation, "tanh");
  EXPECT_EQ(back.config.optimizer.learning_rate, 0.1 + 0.2);
  EXPECT_EQ(back.config.seed, saved.config.seed);
  EXPECT_EQ(back.position.batch, 5);
  EXPECT_EQ(back.position.loss_sum, 1.0 / 3.0);
}

TEST(TrainingConfig, DistrustsWhatItReads) {
  Metadata metadata = mnist::to_metadata({});
  expect_error(ErrorCode::bad_file, {"file", "holds no model"}, [] { mnist::from_metadata({}, "file"); });
  std::string& text = metadata.begin()->second;
  const std::string good = text;
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\"relu\"", "\"step\""},
                                                        {"\"batch\":64", "\"batch\":0"},
                                                        {"[100,100]", "[0]"},
                                                        {"[100,100]", "7"},
                                                        {"{", ""}}) {
    text = good;
    text.replace(text.find(from), from.size(), to);
    expect_error(ErrorCode::bad_file, {"file"}, [&] { mnist::from_metadata(metadata, "file"); });
  }
}

TEST(Mlp, SharesItsParametersBetweenTrainingAndPrediction) {
  Graph graph;
  const mnist::Mlp mlp(graph, {.inputs = 4, .layers = {8}, .classes = 2});
  const Value images = constant(graph, Tensor::of<std::uint8_t>({255, 0, 0, 0, 0, 0, 0, 255}, {2, 4}));
  const Value labels = constant(graph, Tensor::of<std::uint8_t>({0, 1}));
  Session session(graph);
  Function step =
      session.compile(mnist::training_step(mlp, images, labels, {.name = "sgd", .learning_rate = 0.5}));
  Function predict = session.compile(mnist::prediction(graph, mlp, 4));
  fit(step, {.samples = 2, .epochs = 50, .batch_size = 2});
  const Tensor classes =
      mnist::predict_all(predict, Tensor::of<std::uint8_t>({255, 0, 0, 0, 0, 0, 0, 255}, {2, 4}));
  EXPECT_EQ(classes.values<std::int64_t>()[0], 0);
  EXPECT_EQ(classes.values<std::int64_t>()[1], 1);
}

}  // namespace
}  // namespace weft
