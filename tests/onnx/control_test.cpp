// Branches and loops whose course only a run decides.

#include <gmock/gmock.h>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/onnx/import.h"
#include "weft/ops/branch.h"
#include "weft/ops/loop.h"
#include "weft/ops/reduce.h"
#include "weft/tests/onnx/model_builder.h"
#include "weft/tests/support/expect_error.h"

namespace weft::onnx {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing_support::attribute;
using testing_support::expect_error;
using testing_support::model_of;
using testing_support::node;
using testing_support::numbers_of;
using testing_support::run_model;
using testing_support::tensor_proto;
using testing_support::value_info;

std::shared_ptr<const GraphProto> graph_of(std::vector<ValueInfoProto> inputs, std::vector<NodeProto> nodes,
                                           const std::vector<std::string>& outputs) {
  auto graph = std::make_shared<GraphProto>();
  graph->input = std::move(inputs);
  graph->node = std::move(nodes);
  for (const std::string& name : outputs) graph->output.push_back(value_info(name));
  return graph;
}

TEST(OnnxControl, ABranchTakesTheConditionOfTheRun) {
  ModelProto model = model_of(
      {"2"}, {node("ReduceSum", {"x"}, {"total"}, {attribute("keepdims", 0)}),
              node("Greater", {"total", "zero"}, {"positive"}),
              node("If", {"positive"}, {"y"},
                   {attribute("then_branch", graph_of({}, {node("Sqrt", {"x"}, {"up"})}, {"up"})),
                    attribute("else_branch", graph_of({}, {node("Neg", {"x"}, {"down"})}, {"down"}))})});
  model.graph.initializer = {tensor_proto("zero", {0.0F}, {})};
  EXPECT_THAT(numbers_of(run_model(model, Tensor::of({4.0F, 9.0F}))), ElementsAre(2, 3));
  EXPECT_THAT(numbers_of(run_model(model, Tensor::of({-4.0F, -9.0F}))), ElementsAre(4, 9));
}

/// Doubles x until its sum is at least a limit, or so many times.
ModelProto doubling(bool with_trips) {
  const auto body = graph_of(
      {value_info("i", {}, DataType::i64), value_info("go", {}, DataType::boolean), value_info("v", {"2"})},
      {node("Add", {"v", "v"}, {"next"}), node("ReduceSum", {"next"}, {"sum"}, {attribute("keepdims", 0)}),
       node("Less", {"sum", "limit"}, {"on"})},
      {"on", "next"});
  ModelProto model =
      model_of({"2"}, {node("Loop", {with_trips ? "trips" : "", "", "x"}, {"y"}, {attribute("body", body)})});
  model.graph.initializer = {tensor_proto("limit", {100.0F}, {})};
  if (with_trips) model.graph.initializer.push_back(tensor_proto("trips", {3}));
  return model;
}

TEST(OnnxControl, ALoopEndsWhenItsConditionSaysSo) {
  EXPECT_THAT(numbers_of(run_model(doubling(false), Tensor::of({1.0F, 2.0F}))), ElementsAre(64, 128));
  EXPECT_THAT(numbers_of(run_model(doubling(false), Tensor::of({50.0F, 60.0F}))), ElementsAre(100, 120));
  EXPECT_THAT(numbers_of(run_model(doubling(true), Tensor::of({1.0F, 2.0F}))), ElementsAre(8, 16));
}

TEST(OnnxControl, ALoopThatUnrollsWithoutEndIsRefused) {
  const auto body = graph_of(
      {value_info("i", {}, DataType::i64), value_info("go", {}, DataType::boolean), value_info("v", {"2"})},
      {node("Identity", {"go"}, {"on"}), node("Add", {"v", "v"}, {"next"})}, {"on", "next"});
  ModelProto model = model_of({"2"}, {node("Loop", {"trips", "", "x"}, {"y"}, {attribute("body", body)})});
  model.graph.initializer = {tensor_proto("trips", {std::int64_t{1} << 40U})};
  Graph graph;
  expect_error(ErrorCode::bad_file, {"more than 1000000 nodes"}, [&] { import_model(graph, model, {}); });
}

TEST(OnnxControl, ALoopOfAtMostSoManyStepsHasAGradient) {
  Graph graph;
  const Imported imported = import_model(graph, doubling(true), {});
  const Value x = imported.input("x");
  const Value slope = gradient(sum(imported.output("y")), x);
  Session session(graph);
  EXPECT_THAT(numbers_of(session.compile({.inputs = {x}, .outputs = {slope}})({Tensor::of({1.0F, 2.0F})})[0]),
              ElementsAre(8, 8));
}

TEST(OnnxControl, AScanMayHaveASymbolForItsLength) {
  const auto body =
      graph_of({value_info("s"), value_info("e")},
               {node("Add", {"s", "e"}, {"next"}), node("Identity", {"next"}, {"out"})}, {"next", "out"});
  ModelProto model = model_of({"steps"}, {node("Scan", {"first", "x"}, {"last", "y"},
                                               {attribute("body", body), attribute("num_scan_inputs", 1)})});
  model.graph.initializer = {tensor_proto("first", {1.0F}, {})};
  EXPECT_THAT(numbers_of(run_model(model, Tensor::of({1.0F, 2.0F, 3.0F}))), ElementsAre(2, 4, 7));
}

TEST(OnnxControl, RecurrentLayersTakeSequencesOfAnyLength) {
  const auto model = [](const std::string& steps) {
    ModelProto made =
        model_of({steps, "1", "1"}, {node("GRU", {"x", "w", "r"}, {"y"}, {attribute("hidden_size", 1)})});
    made.graph.initializer = {tensor_proto("w", {0.5F, -0.5F, 1.0F}, {1, 3, 1}),
                              tensor_proto("r", {0.1F, 0.2F, 0.3F}, {1, 3, 1})};
    return made;
  };
  const Tensor x = Tensor::of({1.0F, -2.0F, 3.0F}, {3, 1, 1});
  const std::vector<float> known = numbers_of(run_model(model("3"), x));
  const std::vector<float> open = numbers_of(run_model(model("steps"), x));
  ASSERT_EQ(known.size(), 3U);
  EXPECT_THAT(
      open, ElementsAre(FloatNear(known[0], 1e-6F), FloatNear(known[1], 1e-6F), FloatNear(known[2], 1e-6F)));
  Graph graph;
  import_model(graph, model("3"), {});
  std::size_t scans = 0;
  for (NodeId id = 0; id < graph.size(); ++id) scans += graph.node(id).op.is<Scan>() ? 1 : 0;
  EXPECT_EQ(scans, 1U) << "a loop and not so many steps";
}

}  // namespace
}  // namespace weft::onnx
