// Operators and attributes that the models of ONNX's own tests do not reach: those of later operator sets,
// old forms, and options of recurrent layers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "weft/tests/onnx/model_builder.h"
#include "weft/tests/support/expect_error.h"

namespace weft::onnx {
namespace {

using testing::ElementsAre;
using testing_support::attribute;
using testing_support::expect_error;
using testing_support::model_of;
using testing_support::node;
using testing_support::numbers_of;
using testing_support::run_model;
using testing_support::tensor_proto;

AttributeProto text_attribute(const std::string& name, const std::string& text) {
  AttributeProto made;
  made.name = name;
  made.type = AttributeProto::Type::string;
  made.s = text;
  return made;
}
AttributeProto list_attribute(const std::string& name, std::vector<std::int64_t> numbers) {
  AttributeProto made;
  made.name = name;
  made.type = AttributeProto::Type::integers;
  made.ints = std::move(numbers);
  return made;
}
AttributeProto float_attribute(const std::string& name, float number) {
  AttributeProto made;
  made.name = name;
  made.type = AttributeProto::Type::f32;
  made.f = number;
  return made;
}

/// y of one node for x of these sizes, in a version of the operator set.
Tensor apply_node(const std::vector<std::string>& sizes, const Tensor& x, NodeProto of,
                  std::vector<TensorProto> others = {}, std::int64_t version = 18) {
  ModelProto model = model_of(sizes, {std::move(of)});
  model.opset_import = {{"", version}};
  model.graph.initializer = std::move(others);
  return run_model(model, x);
}

Tensor line(const std::vector<float>& numbers) { return Tensor::of(numbers); }

TEST(OnnxOperators, SplitIntoUnequalPartsLeavesTheLastSmaller) {
  const NodeProto split = node("Split", {"x"}, {"a", "b", "y"}, {attribute("num_outputs", 3)});
  EXPECT_THAT(numbers_of(apply_node({"5"}, line({1, 2, 3, 4, 5}), split)), ElementsAre(5));
  const NodeProto wrong = node("Split", {"x"}, {"y"}, {attribute("num_outputs", std::int64_t{1} << 60U)});
  expect_error(ErrorCode::invalid_argument, {"other numbers of parts"},
               [&] { apply_node({"5"}, line({1, 2, 3, 4, 5}), wrong); });
}

TEST(OnnxOperators, PadAndReduceTakeAxesAsInputs) {
  const NodeProto pad = node("Pad", {"x", "pads", "", "axes"}, {"y"});
  const Tensor padded = apply_node({"1", "2"}, Tensor::of({1.0F, 2.0F}, {1, 2}), pad,
                                   {tensor_proto("pads", {1, 0}), tensor_proto("axes", {-1})});
  EXPECT_THAT(numbers_of(padded), ElementsAre(0, 1, 2));
  const NodeProto reduce = node("ReduceMax", {"x", "axes"}, {"y"}, {attribute("keepdims", 0)});
  const Tensor largest = apply_node({"2", "2"}, Tensor::of({1.0F, 4.0F, 3.0F, 2.0F}, {2, 2}), reduce,
                                    {tensor_proto("axes", {0})});
  EXPECT_THAT(numbers_of(largest), ElementsAre(3, 4));
}

TEST(OnnxOperators, PadBelowZeroCuts) {
  const NodeProto pad = node("Pad", {"x", "pads"}, {"y"});
  EXPECT_THAT(numbers_of(apply_node({"4"}, line({1, 2, 3, 4}), pad, {tensor_proto("pads", {-1, 1})})),
              ElementsAre(2, 3, 4, 0));
}

TEST(OnnxOperators, SliceTakesBoundsBeyondTheEndsAndNegativeSteps) {
  const auto slice = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return numbers_of(
        apply_node({"5"}, line({0, 1, 2, 3, 4}), node("Slice", {"x", "s", "e", "", "t"}, {"y"}),
                   {tensor_proto("s", {start}), tensor_proto("e", {end}), tensor_proto("t", {step})}));
  };
  constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(slice(1, kFar, 2), ElementsAre(1, 3));
  EXPECT_THAT(slice(-2, kFar, 1), ElementsAre(3, 4));
  EXPECT_THAT(slice(kFar, -kFar, -2), ElementsAre(4, 2, 0));
  EXPECT_THAT(slice(3, 0, -2), ElementsAre(3, 1));
  EXPECT_THAT(slice(3, 1, 1), ElementsAre());
  EXPECT_THAT(slice(1, 3, -kFar), ElementsAre());
}

TEST(OnnxOperators, ActivationsOfLaterVersions) {
  const Tensor x = line({-1.0F, 0.5F, 2.0F});
  const auto expect_each = [&](const NodeProto& of, const auto& f) {
    const std::vector<float> y = numbers_of(apply_node({"3"}, x, of, {}, 24));
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(y[i], f(static_cast<double>(x.values<float>()[i])), 1e-6) << i;
  };
  expect_each(node("Mish", {"x"}, {"y"}), [](double u) { return u * std::tanh(std::log1p(std::exp(u))); });
  expect_each(node("Swish", {"x"}, {"y"}, {float_attribute("alpha", 2.0F)}),
              [](double u) { return u / (1.0 + std::exp(-2.0 * u)); });
  expect_each(node("Gelu", {"x"}, {"y"}),
              [](double u) { return 0.5 * u * (1.0 + std::erf(u / std::sqrt(2.0))); });
  expect_each(node("Gelu", {"x"}, {"y"}, {text_attribute("approximate", "tanh")}), [](double u) {
    return 0.5 * u * (1.0 + std::tanh(std::sqrt(2.0 / 3.14159265358979) * (u + 0.044715 * u * u * u)));
  });
}

TEST(OnnxOperators, NormalizationsOfLaterVersions) {
  const Tensor x = Tensor::of({1.0F, 3.0F, 2.0F, 6.0F}, {1, 4});
  const std::vector<TensorProto> groups{tensor_proto("s", {2, 1}, {2}), tensor_proto("b", {0, 1}, {2})};
  const NodeProto by_group = node("GroupNormalization", {"x", "s", "b"}, {"y"}, {attribute("num_groups", 2)});
  const std::vector<float> y = numbers_of(apply_node({"1", "4"}, x, by_group, groups, 18));
  const std::vector<float> expected{-2.0F, 2.0F, 0.0F, 2.0F};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(y[i], expected[i], 1e-4) << i;
  const NodeProto rms = node("RMSNormalization", {"x", "s"}, {"y"}, {float_attribute("epsilon", 0.0F)});
  const std::vector<float> z =
      numbers_of(apply_node({"1", "4"}, x, rms, {tensor_proto("s", {1, 1, 1, 2}, {4})}, 23));
  EXPECT_NEAR(z[0], 1.0 / std::sqrt(12.5), 1e-6);
  EXPECT_NEAR(z[3], 12.0 / std::sqrt(12.5), 1e-6);
}

TEST(OnnxOperators, CenterCropPadKeepsTheMiddle) {
  const NodeProto of = node("CenterCropPad", {"x", "shape"}, {"y"});
  EXPECT_THAT(numbers_of(apply_node({"4"}, line({1, 2, 3, 4}), of, {tensor_proto("shape", {2})})),
              ElementsAre(2, 3));
  EXPECT_THAT(numbers_of(apply_node({"2"}, line({1, 2}), of, {tensor_proto("shape", {5})})),
              ElementsAre(0, 1, 2, 0, 0));
}

TEST(OnnxOperators, ResizeAntialiasesAndKeepsRatios) {
  const NodeProto of =
      node("Resize", {"x", "", "", "sizes"}, {"y"},
           {text_attribute("mode", "linear"), attribute("antialias", 1), list_attribute("axes", {0})});
  // Hats of width 2 around 0.5 and 2.5, cut at the ends: weights 3, 3, 1 and 1, 3, 3 of sevenths.
  const std::vector<float> y =
      numbers_of(apply_node({"4"}, line({7, 14, 28, 0}), of, {tensor_proto("sizes", {2})}));
  EXPECT_NEAR(y[0], (3 * 7 + 3 * 14 + 1 * 28) / 7.0, 1e-5);
  EXPECT_NEAR(y[1], (1 * 14 + 3 * 28 + 3 * 0) / 7.0, 1e-5);
  const NodeProto ratio = node("Resize", {"x", "", "", "sizes"}, {"y"},
                               {text_attribute("keep_aspect_ratio_policy", "not_larger")});
  const Tensor kept =
      apply_node({"4", "2"}, Tensor::zeros(f32, {4, 2}), ratio, {tensor_proto("sizes", {8, 3})});
  EXPECT_THAT(kept.sizes(), ElementsAre(6, 3));
}

TEST(OnnxOperators, BroadcastsFromAnAxisBeforeVersion7) {
  const NodeProto of = node("Add", {"x", "b"}, {"y"}, {attribute("broadcast", 1), attribute("axis", 0)});
  const Tensor y =
      apply_node({"2", "2"}, Tensor::zeros(f32, {2, 2}), of, {tensor_proto("b", {1, 2}, {2})}, 6);
  EXPECT_THAT(numbers_of(y), ElementsAre(1, 1, 2, 2));
}

TEST(OnnxOperators, NegativeIndicesCountFromTheEnd) {
  const NodeProto of = node("Gather", {"x", "i"}, {"y"});
  EXPECT_THAT(numbers_of(apply_node({"n"}, line({1, 2, 3}), of, {tensor_proto("i", {-1, 0})})),
              ElementsAre(3, 1));
}

/// An RNN of one input and one hidden number, h' = f(x + h).
NodeProto rnn(std::vector<AttributeProto> attributes, const std::string& lengths = "") {
  attributes.push_back(attribute("hidden_size", 1));
  return node("RNN", {"x", "w", "r", "", lengths}, {"y"}, std::move(attributes));
}

AttributeProto activation(const std::string& name) {
  AttributeProto made;
  made.name = "activations";
  made.type = AttributeProto::Type::strings;
  made.strings = {name, name};
  return made;
}

std::vector<TensorProto> rnn_weights(std::int64_t directions) {
  const std::vector<float> ones(static_cast<std::size_t>(directions), 1.0F);
  return {tensor_proto("w", ones, {directions, 1, 1}), tensor_proto("r", ones, {directions, 1, 1})};
}

TEST(OnnxOperators, RecurrentLayersStopAtTheLengthOfEachSequence) {
  const Tensor x = Tensor::of({1.0F, 10.0F, 2.0F, 20.0F, 3.0F, 30.0F}, {3, 2, 1});  // [time, batch, 1]
  std::vector<TensorProto> others = rnn_weights(2);
  others.push_back(tensor_proto("lengths", {2, 3}));
  const Tensor y = apply_node(
      {"3", "2", "1"}, x,
      rnn({activation("Affine"), text_attribute("direction", "bidirectional")}, "lengths"), others);
  // [time, direction, batch, 1]
  EXPECT_THAT(numbers_of(y), ElementsAre(1, 10, 3, 60, 3, 30, 2, 50, 0, 60, 0, 30));
}

TEST(OnnxOperators, RecurrentLayersClip) {
  const Tensor x = Tensor::of({1.0F, 5.0F, -9.0F}, {3, 1, 1});
  const Tensor y = apply_node({"3", "1", "1"}, x, rnn({activation("Affine"), float_attribute("clip", 4.0F)}),
                              rnn_weights(1));
  EXPECT_THAT(numbers_of(y), ElementsAre(1, 4, -4));
}

TEST(OnnxOperators, NaNsCountAsOneValueTheLargest) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const ModelProto distinct = model_of({"5"}, {node("Unique", {"x"}, {"y"})});
  const Tensor x = Tensor::of({nan, 2.0F, nan, 1.0F, 2.0F});
  Graph graph;
  const Imported imported = import_model(graph, distinct, {}, {.fixed = {{"x", x}}});
  const std::vector<float> y = numbers_of(Session(graph).compile({.outputs = {imported.output("y")}})()[0]);
  ASSERT_EQ(y.size(), 3U);
  EXPECT_EQ(y[1], 2.0F);
  EXPECT_TRUE(std::isnan(y[2]));
}

TEST(OnnxOperators, RefuseWhatWouldGrowWithoutBounds) {
  std::vector<NodeProto> sequences{node("SequenceConstruct", {"x"}, {"s"}),
                                   node("SequenceConstruct", {"s", "s"}, {"y"})};
  expect_error(ErrorCode::invalid_argument, {"a sequence cannot hold a sequence"},
               [&] { run_model(model_of({"2"}, std::move(sequences)), Tensor::zeros(f32, {2})); });
  std::vector<NodeProto> shapes{node("Shape", {"x"}, {"s0"})};
  for (int i = 0; i < 40; ++i) {
    const std::string from = "s" + std::to_string(i);
    shapes.push_back(node("Concat", {from, from}, {"s" + std::to_string(i + 1)}, {attribute("axis", 0)}));
  }
  shapes.push_back(node("Reshape", {"x", "s40"}, {"y"}));
  expect_error(ErrorCode::bad_file, {"a shape of too many sizes"},
               [&] { run_model(model_of({"batch"}, std::move(shapes)), Tensor::zeros(f32, {2})); });
}

TEST(OnnxOperators, AreRefusedWithAReason) {
  expect_error(ErrorCode::unsupported,
               {"Compress 'y'", "how many elements are taken are only known in a run"}, [] {
                 ModelProto model = model_of({"2"}, {node("Cast", {"x"}, {"mask"}, {attribute("to", 9)}),
                                                     node("Compress", {"x", "mask"}, {"y"})});
                 run_model(model, Tensor::zeros(f32, {2}));
               });
  expect_error(ErrorCode::unsupported, {"Cast 'y'", "no dtype for ONNX's string"}, [] {
    apply_node({"2"}, Tensor::zeros(f32, {2}), node("Cast", {"x"}, {"y"}, {attribute("to", 8)}));
  });
}

}  // namespace
}  // namespace weft::onnx
