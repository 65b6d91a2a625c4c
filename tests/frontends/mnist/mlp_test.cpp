#include "weft/frontends/mnist/mlp.h"

#include <gtest/gtest.h>

#include "weft/frontends/train.h"
#include "weft/ops/source.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using mnist::MlpConfig;
using testing_support::expect_error;

TEST(Mlp, HasADenseLayerForEachWidth) {
  Graph graph;
  const mnist::Mlp mlp(graph, {.inputs = 6, .layers = {5, 4}, .classes = 3});
  std::vector<std::string> shapes;
  for (const Value& parameter : mlp.parameters()) shapes.push_back(to_string(parameter.type()));
  EXPECT_EQ(shapes,
            (std::vector<std::string>{"f32[6, 5]", "f32[5]", "f32[5, 4]", "f32[4]", "f32[4, 3]", "f32[3]"}));
}

TEST(Mlp, IsALinearModelWithoutHiddenLayers) {
  Graph graph;
  const mnist::Mlp mlp(graph, {.inputs = 6, .layers = {}, .classes = 3});
  EXPECT_EQ(mlp.parameters().size(), 2U);
  const Value logits = mlp(input(graph, "x", f32, {"batch", 6}));
  EXPECT_EQ(to_string(logits.type()), "f32[batch, 3]");
}

TEST(Mlp, RejectsWhatItDoesNotKnow) {
  expect_error(ErrorCode::invalid_argument, {"unknown activation 'step'; there are relu"},
               [] { mnist::validate({.activation = "step"}); });
  expect_error(ErrorCode::invalid_argument, {"unknown initializer 'magic'; there are glorot_uniform"},
               [] { mnist::validate({.initializer = "magic"}); });
  expect_error(ErrorCode::invalid_argument, {"'layers'", "got 0"},
               [] { mnist::validate({.layers = {10, 0}}); });
  expect_error(ErrorCode::invalid_argument, {"'orthogonal' cannot start biases"},
               [] { mnist::validate({.bias_initializer = "orthogonal"}); });
  expect_error(ErrorCode::invalid_argument, {"'dropout'", "[0, 1)"},
               [] { mnist::validate({.dropout = 1.0}); });
}

TEST(Mlp, PredictsEveryImageWhateverTheirNumber) {
  Graph graph;
  const mnist::Mlp mlp(graph, {.inputs = 2, .layers = {}, .classes = 2, .initializer = "zeros"});
  Session session(graph);
  session.set("dense1/weight", Tensor::of({1.0F, 0.0F, 0.0F, 1.0F}, {2, 2}));  // the brighter pixel wins
  Function predict = session.compile(mnist::prediction(graph, mlp, 2));
  for (const std::int64_t count : {0, 1, 999, 1000, 1001, 2500}) {
    Tensor images = Tensor::zeros(u8, {count, 2});
    const auto pixels = images.mutable_values<std::uint8_t>();
    for (std::int64_t i = 0; i < count; ++i) pixels[static_cast<std::size_t>(2 * i + i % 2)] = 200;
    const Tensor classes = mnist::predict_all(predict, images);
    ASSERT_EQ(classes.sizes()[0], count);
    for (std::int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(classes.values<std::int64_t>()[static_cast<std::size_t>(i)], i % 2) << i << " of " << count;
    }
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
