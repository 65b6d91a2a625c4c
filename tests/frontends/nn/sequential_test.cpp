// Layers that hold layers, and layers that are built when they are first applied.

#include "weft/frontends/nn/sequential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "weft/frontends/nn.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::expect_error;
using testing_support::TensorSource;

std::vector<std::string> labels_of(const std::vector<Value>& parameters) {
  std::vector<std::string> labels;
  for (const Value& parameter : parameters) labels.push_back(parameter.name());
  return labels;
}

/// A struct as a user writes one: two layers, listed by one member, and a sum of what came in.
struct Residual {
  Residual(Graph& graph, std::string_view name, std::int64_t width)
      : Residual(Scope(graph, name), graph, width) {}
  Residual(const Scope&, Graph& graph, std::int64_t width)
      : first(nn::dense(graph, "first", width, width)), norm(nn::batch_norm(graph, "norm", width)) {}

  auto layers() const { return std::tie(first, norm); }
  Value operator()(const Value& x) const { return x + relu(norm(first(x))); }
  nn::Trained train(const Value& x) const {
    const auto [y, updates] = norm.train(first(x));
    return {.y = x + relu(y), .updates = updates};
  }

  nn::Dense first;
  nn::BatchNorm norm;
};

TEST(Parameters, AreThoseOfAllLayers) {
  Graph graph;
  const nn::Dense a = nn::dense(graph, "a", 2, 3);
  const nn::Dense b = nn::dense(graph, "b", 3, 1, f32, {.bias = false});
  const nn::Embedding words = nn::embedding(graph, "words", 5, 2);
  EXPECT_THAT(labels_of(nn::parameters(a, b, words)),
              ElementsAre("a/weight", "a/bias", "b/weight", "words/table"));
  EXPECT_THAT(nn::parameters(), IsEmpty());
}

TEST(Parameters, AreFoundWhereverLayersAreHeld) {
  Graph graph;
  const std::vector<nn::Dense> list{nn::dense(graph, "a", 2, 2),
                                    nn::dense(graph, "b", 2, 2, f32, {.bias = false})};
  const auto pair = std::pair(nn::dense(graph, "c", 2, 2, f32, {.bias = false}), std::optional<nn::Dense>());
  const auto pointer = std::make_unique<nn::Dense>(nn::dense(graph, "d", 2, 2, f32, {.bias = false}));
  const Value own = parameter(graph, "own", Tensor::scalar(1.0F));
  const Residual block(graph, "block", 2);
  EXPECT_THAT(labels_of(nn::parameters(list, pair, pointer, own, block)),
              ElementsAre("a/weight", "a/bias", "b/weight", "c/weight", "d/weight", "own",
                          "block/first/weight", "block/first/bias", "block/norm/scale", "block/norm/shift"));
  EXPECT_THAT(labels_of(nn::buffers(list, block)),
              ElementsAre("block/norm/running_mean", "block/norm/running_variance"));
}

TEST(Parameters, ComeOnceWhereALayerIsShared) {
  Graph graph;
  const nn::Dense shared = nn::dense(graph, "a", 2, 2, f32, {.bias = false});
  EXPECT_EQ(nn::parameters(shared, nn::Sequential{shared, relu, shared}).size(), 1U);
  expect_error(ErrorCode::invalid_argument, {"not a parameter"},
               [&] { nn::parameters(shared.weight * 2.0); });
}

TEST(Sequential, AppliesLayersAndFunctionsInTurn) {
  Graph graph;
  const nn::Dense first = nn::dense(graph, "first", 3, 4);
  const nn::Dense second = nn::dense(graph, "second", 4, 2);
  const nn::Sequential model{first,
                             relu,
                             [](const Value& x) { return x * 2.0; },
                             [](const auto& x) { return x.shape().rank() == 2 ? x : x; },
                             tanh,
                             second};
  const Value x = input(graph, "x", f32, {"batch", 3});
  Session session(graph);
  Function both = session.compile(
      {.inputs = {x}, .outputs = {model(x), second(tanh(relu(first(x)) * 2.0))}, .updates = {}});
  const auto results = both({TensorSource("sequential").uniform({5, 3}, -1.0, 1.0, f32)});
  EXPECT_TRUE(identical(results[0], results[1]));
  EXPECT_THAT(labels_of(model.parameters()),
              ElementsAre("first/weight", "first/bias", "second/weight", "second/bias"));
  EXPECT_EQ(nn::Sequential()(x), x);
}

TEST(Sequential, TrainsWithDropoutAndBatchNormAndPredictsWithout) {
  Graph graph;
  const nn::Sequential model{nn::Dropout{0.5}, nn::Sequential{Residual(graph, "block", 2)},
                             nn::GaussianNoise{0.1}};
  const Value x = input(graph, "x", f32, {"batch", 2});
  const auto [y, updates] = model.train(x);
  EXPECT_EQ(updates.size(), 2U);
  EXPECT_THAT(labels_of(model.buffers()),
              ElementsAre("block/norm/running_mean", "block/norm/running_variance"));
  Session session(graph);
  session.set("block/first/weight", Tensor::of({1.0F, 0.5F, 0.5F, 1.0F}, {2, 2}));
  Function predict = session.compile({.inputs = {x}, .outputs = {model(x)}, .updates = {}});
  Function train = session.compile({.inputs = {x}, .outputs = {y}, .updates = updates});
  const Tensor fed = TensorSource("forms").uniform({64, 2}, 1.0, 2.0, f32);
  const Tensor before = predict({fed})[0];
  EXPECT_TRUE(identical(before, Tensor(predict({fed})[0]))) << "nothing is random in prediction";
  const Tensor trained = train({fed})[0];
  EXPECT_FALSE(identical(trained, Tensor(train({fed})[0])));
  EXPECT_NE(session.value("block/norm/running_mean").values<float>()[0], 0.0F);
  EXPECT_FALSE(identical(before, Tensor(predict({fed})[0]))) << "the running values have moved";
}

TEST(Sequential, SaysWhichLayerCannotTakeItsInput) {
  Graph graph;
  const nn::Sequential model{nn::dense(graph, "first", 3, 4), relu, nn::dense(graph, "second", 5, 2)};
  const Value x = input(graph, "x", f32, {"batch", 3});
  const auto line = std::to_string(__LINE__ + 1);
  const auto apply_model = [&] { model(x); };
  expect_error(ErrorCode::shape_mismatch,
               {"layer 3 of 3", "Dense", "dense 'second'", "f32[..., 5]", "f32[batch, 4]",
                "sequential_test.cpp:" + line},
               apply_model);
}

TEST(Sequential, TakesASparseMatrixWhereItsFirstLayerDoes) {
  Graph graph;
  const nn::Sequential model{nn::dense(graph, "first", 4), relu, nn::dense(graph, "second", 2)};
  const Tensor dense = Tensor::of({0.0F, 1.0F, 0.0F, 2.0F, 0.0F, 0.0F}, {2, 3});
  const SparseValue sparse = sparse_constant(graph, SparseTensor::from_dense(dense));
  const Value y = model(sparse);
  Session session(graph);
  Function both =
      session.compile({.inputs = {}, .outputs = {y, model(constant(graph, dense))}, .updates = {}});
  const auto results = both();
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(results[0].values<float>()[i], results[1].values<float>()[i], 1e-6F);
  EXPECT_EQ(to_string(model.train(sparse).y.type()), "f32[2, 2]");
  expect_error(ErrorCode::invalid_argument, {"sparse"}, [&] { nn::Sequential({relu})(sparse); });
}

TEST(LazyLayers, TakeTheirSizesFromWhatTheyAreAppliedTo) {
  Graph graph;
  const auto conv = nn::conv2d(graph, "conv", 6, 3, {.sliding = {.padding = 1}});
  const auto norm = nn::batch_norm(graph, "norm", {.axis = 1});
  const auto dense = nn::dense(graph, "dense", 10, {.bias = false});
  const auto last = nn::layer_norm(graph, "last");
  expect_error(ErrorCode::invalid_argument, {"Dense 'dense'", "applied"}, [&] { nn::parameters(dense); });
  const Value x = input(graph, "x", f64, {"batch", 2, 4, 4});
  const Value y = last(dense(flatten(norm(conv(x)))));
  EXPECT_EQ(to_string(y.type()), "f64[batch, 10]");
  EXPECT_EQ(to_string(conv->weight.type()), "f64[6, 2, 3, 3]");
  EXPECT_EQ(to_string(dense->weight.type()), "f64[96, 10]");
  EXPECT_THAT(labels_of(nn::parameters(conv, norm, dense, last)),
              ElementsAre("conv/weight", "conv/bias", "norm/scale", "norm/shift", "dense/weight",
                          "last/scale", "last/shift"));
  EXPECT_EQ(norm.train(conv(x)).updates.size(), 2U);
}

TEST(LazyLayers, AreBuiltOnceAndSharedByTheirCopies) {
  Graph graph;
  const auto dense = nn::dense(graph, "hidden", 3);
  const nn::Sequential model{dense, relu};
  const Value x = input(graph, "x", f32, {"batch", 2});
  model(x);
  dense(x);
  EXPECT_EQ(graph.states().size(), 2U);
  const auto line = std::to_string(__LINE__ + 1);
  const auto wrong = [&] { dense(input(graph, "other", f32, {"batch", 5})); };
  expect_error(ErrorCode::shape_mismatch,
               {"dense 'hidden'", "f32[..., 2]", "f32[batch, 5]", "sequential_test.cpp:" + line}, wrong);
}

TEST(LazyLayers, AreNamedWhereTheyWereMade) {
  Graph graph;
  const auto make = [&] {
    const Scope scope(graph, "encoder");
    return nn::dense(graph, "dense", 3, {.bias = false});
  };
  const auto outside = make();
  const Value x = input(graph, "x", f32, {"batch", 2});
  outside(x);
  EXPECT_EQ(graph.states().begin()->first, "encoder/dense/weight");
  Graph other;
  const Scope scope(other, "model");
  const auto inside = nn::dense(other, "dense", 3, {.bias = false});
  inside(input(other, "x", f32, {"batch", 2}));
  EXPECT_EQ(other.states().begin()->first, "model/dense/weight");
}

TEST(LazyLayers, SayWhatTheyCannotBeAppliedTo) {
  Graph graph;
  const auto dense = nn::dense(graph, "hidden", 3);
  expect_error(ErrorCode::shape_mismatch, {"dense 'hidden'", "a number", "f32[batch, n]"},
               [&] { dense(input(graph, "x", f32, {"batch", "n"})); });
  expect_error(ErrorCode::shape_mismatch, {"dense 'hidden'", "u8[batch, 4]"},
               [&] { dense(input(graph, "bytes", u8, {"batch", 4})); });
  const auto conv = nn::conv2d(graph, "conv", 3, 5);
  expect_error(ErrorCode::shape_mismatch,
               {"conv2d 'conv'", "[batch, channels, height, width]", "f32[batch, 784]"},
               [&] { conv(input(graph, "flat", f32, {"batch", 784})); });
  EXPECT_THAT(graph.states(), IsEmpty());
}

TEST(Conv2dLayer, NamesItselfAndTheShapesThatDoNotFit) {
  Graph graph;
  const nn::Conv2dLayer conv = nn::conv2d(graph, "conv1", 3, 8, 3);
  expect_error(ErrorCode::shape_mismatch,
               {"conv2d 'conv1'", "f32[batch, 3, height, width]", "f32[batch, 1, 28, 28]"},
               [&] { conv(input(graph, "x", f32, {"batch", 1, 28, 28})); });
}

TEST(LayerNorm, NamesItselfAndTheShapesThatDoNotFit) {
  Graph graph;
  const nn::LayerNorm norm = nn::layer_norm(graph, "norm1", 8);
  expect_error(ErrorCode::shape_mismatch, {"layer_norm 'norm1'", "f32[..., 8]", "f32[batch, 7]"},
               [&] { norm(input(graph, "x", f32, {"batch", 7})); });
}

TEST(Pooling, IsALayerToo) {
  Graph graph;
  const nn::Sequential model{nn::MaxPool2d{{.window = 2}}, nn::AvgPool2d{{.window = 2}}, flatten};
  EXPECT_EQ(to_string(model(input(graph, "x", f32, {"batch", 3, 8, 8})).type()), "f32[batch, 12]");
}

TEST(Summary, HasARowForEachLayerAndTheSums) {
  Graph graph;
  const nn::Sequential features{nn::conv2d(graph, "conv", 4, 3), nn::batch_norm(graph, "norm", {.axis = 1}),
                                relu};
  const nn::Sequential model{{"features", features},
                             nn::Flatten{},
                             nn::Dropout{0.5},
                             nn::dense(graph, "logits", 10),
                             {"squash", [](const Value& x) { return tanh(x * 0.5); }}};
  const Value x = input(graph, "x", f32, {"batch", 1, 6, 6});
  const nn::Summary summary = nn::summary(model, x);
  EXPECT_EQ(summary.elements, 4 * 9 + 4 + 4 * 4 + 64 * 10 + 10);
  EXPECT_EQ(summary.buffers, 8);
  EXPECT_EQ(summary.bytes, 4U * 706U);
  EXPECT_EQ(to_string(summary),
            "Layer                  Output               Parameters  Bytes\n"
            "features (Sequential)  f32[batch, 4, 4, 4]\n"
            "  conv (Conv2d)        f32[batch, 4, 4, 4]          40    160\n"
            "  norm (BatchNorm)     f32[batch, 4, 4, 4]          16     64\n"
            "  relu                 f32[batch, 4, 4, 4]\n"
            "Flatten                f32[batch, 64]\n"
            "Dropout                f32[batch, 64]\n"
            "logits (Dense)         f32[batch, 10]              650  2,600\n"
            "squash                 f32[batch, 10]\n"
            "Total                                              706  2,824\n"
            "Of these, not trained                                8\n");
}

TEST(Summary, OfAGraphHasARowForEachParameter) {
  Graph graph;
  nn::dense(graph, "dense", 100, 20);
  parameter(graph, "steps", Tensor::scalar<std::int64_t>(0));
  EXPECT_EQ(to_string(nn::summary(graph)),
            "Parameter     Type          Elements  Bytes\n"
            "dense/bias    f32[20]             20     80\n"
            "dense/weight  f32[100, 20]     2,000  8,000\n"
            "steps         i64[]                1      8\n"
            "Total                          2,021  8,088\n");
}

}  // namespace
}  // namespace weft
