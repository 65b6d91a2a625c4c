// Attributes of ops as text and back.

#include "weft/frontends/onnx/saved_op.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <memory>

#include "weft/frontends/onnx/export_node.h"
#include "weft/frontends/onnx/saved_graph.h"
#include "weft/tests/support/expect_error.h"
#include "weft/weft.h"

namespace weft::onnx {
namespace {

using testing_support::expect_error;

template <SavedOp O>
void expect_round_trip(const O& op) {
  const std::string text = saved_op<O>(Op(op)).dump();
  const Op back = restored_op<O>(Json::parse(text));
  EXPECT_EQ(back, Op(op)) << text << " gives " << to_string(back);
}

TEST(OnnxSavedOp, KeepsEveryAttributeToTheBit) {
  const Dim batch("batch");
  expect_round_trip(Add{});
  expect_round_trip(LeakyRelu{.alpha = 0.1});
  expect_round_trip(Clip{.low = -std::numeric_limits<double>::infinity(), .high = -0.0});
  expect_round_trip(Cast{.to = bf16});
  expect_round_trip(Reshape{.shape = {batch * 3 + 1, floor_div(batch - Dim("t") * batch, 2), 7}});
  expect_round_trip(Slice{.axis = 1, .start = 0, .stop = floor_div(batch + 1, 2), .step = 2});
  expect_round_trip(RandomUniform{.type = {f32, {batch, 4}}, .stream = 3});
  expect_round_trip(GridSample{{.mode = SampleMode::nearest, .border = SampleBorder::reflection}});
  for (const Scalar& value :
       {Scalar(2.5), Scalar(-3), Scalar(3), Scalar(std::uint64_t{1} << 63U), Scalar(-0.0)})
    expect_round_trip(Pad{.before = {0, 1}, .after = {2, 0}, .value = value});
  expect_round_trip(MaxPool2d{{.window = {2, 3}, .stride = {1, 2}, .padding = {1, 0, 0, 1}}});
}

TEST(OnnxSavedOp, RefusesWhatWasNotWritten) {
  const auto refuse = [](auto value, const Json& json) {
    expect_error(ErrorCode::bad_file, {}, [&] { restore(json, value); });
  };
  refuse(SampleBorder{}, "bilinear");
  refuse(DType{}, "f31");
  refuse(0.0, "infinite");
  refuse(std::int64_t{0}, 0.5);
  refuse(std::int64_t{0}, std::uint64_t{1} << 63U);
  refuse(Shape{}, "n");
  refuse(Dim(0), "n + + 1");
  refuse(Dim(0), std::string(200, '('));
  refuse(Dim(0), "n^65");
  // A long sum to a high power, whose terms would fill the memory.
  std::string sum = "a";
  for (int i = 0; i < 100; ++i) sum += fmt::format(" + a{}", i);
  refuse(Dim(0), "(" + sum + ")^64");
  EXPECT_THROW(restored_op<LeakyRelu>(Json::object()), Json::exception);
}

// --- ops that no file tells ---

/// An attribute that is part of a program.
struct Program {
  std::shared_ptr<const int> steps;
  friend bool operator==(const Program&, const Program&) = default;
};
std::string attribute_text(const Program&) { return "program"; }
enum class Unlisted : std::uint8_t { one, two };

template <typename Field>
struct Untold {
  static constexpr std::string_view name = "untold";
  static constexpr NoGradient gradient{"it is a test"};
  Field field{};
  static constexpr auto attributes = weft::attributes(&Untold::field);
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs&) const {}
};

TEST(OnnxSavedOp, IsNoneWithAnAttributeThatNoFileTells) {
  EXPECT_FALSE(SavedOp<Untold<Program>>);
  EXPECT_FALSE(SavedOp<Untold<std::vector<Program>>>);
  EXPECT_FALSE(SavedOp<Untold<Unlisted>>);
  EXPECT_FALSE(SavedOp<Untold<Tensor>>);
  EXPECT_FALSE(SavedOp<CustomGradient>);
  EXPECT_TRUE(SavedOp<Untold<std::vector<Dim>>>);
  constexpr ExportEntry kEntry = exported<Untold<Program>>(same_operator);
  EXPECT_EQ(kEntry.saved, nullptr);
  EXPECT_EQ(kEntry.restored, nullptr);
}

TEST(OnnxSavedOp, WithoutOneTheGraphIsLeftOut) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const auto written = [&](const Op& op) {
    const NodeId id = graph.add(op, std::array{x}, Where());
    SavedGraph saved([](const Tensor&) { return std::string(); });
    saved.add(graph.node(x.node()), x.node(), "x");
    saved.add(graph.node(id), id, "y");
    saved.add_output("y", {id, 0});
    ModelProto model;
    saved.write(model);
    return model.metadata_props.size();
  };
  EXPECT_EQ(written(Relu{}), 1U);
  EXPECT_EQ(written(Untold<Program>{}), 0U);
}

}  // namespace
}  // namespace weft::onnx
