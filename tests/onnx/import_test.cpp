#include "weft/frontends/onnx/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/tests/onnx/model_builder.h"
#include "weft/tests/support/expect_error.h"

namespace weft::onnx {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing_support::attribute;
using testing_support::expect_error;
using testing_support::model_of;
using testing_support::node;
using testing_support::numbers_of;
using testing_support::run_model;
using testing_support::tensor_proto;
using testing_support::value_info;

/// y = x w + b.
ModelProto dense() {
  ModelProto model = model_of({"batch", "2"}, {node("Gemm", {"x", "w", "b"}, {"y"})});
  model.graph.initializer = {tensor_proto("w", {1, 2, 3, 4, 5, 6}, {2, 3}),
                             tensor_proto("b", {10, 20, 30}, {3})};
  return model;
}

TEST(OnnxImport, RunsAModelForEverySizeOfItsBatch) {
  EXPECT_THAT(numbers_of(run_model(dense(), Tensor::of({1.0F, 1.0F}, {1, 2}))), ElementsAre(15, 27, 39));
  EXPECT_EQ(run_model(dense(), Tensor::zeros(f32, {7, 2})).sizes()[0], 7);
}

TEST(OnnxImport, NamesInputsOutputsAndParameters) {
  Graph graph;
  const Imported imported = import_model(graph, dense(), {}, {.scope = "net"});
  EXPECT_EQ(to_string(imported.input("x").type()), "f32[batch, 2]");
  EXPECT_EQ(to_string(imported.output("y").type()), "f32[batch, 3]");
  ASSERT_THAT(imported.parameters, SizeIs(2));
  EXPECT_EQ(graph.states().count("net/w"), 1U);
  EXPECT_EQ(graph.states().count("net/b"), 1U);
  expect_error(ErrorCode::invalid_argument, {"no output 'z'"}, [&] { imported.output("z"); });
}

TEST(OnnxImport, FreezesWeightsByTheirNames) {
  Graph graph;
  const Imported imported = import_model(graph, dense(), {}, {.parameters = {.exclude = {"b*"}}});
  EXPECT_THAT(imported.parameters, SizeIs(1));
  EXPECT_EQ(graph.states().count("b"), 0U);
}

TEST(OnnxImport, GivesParametersThatGradientsReach) {
  Graph graph;
  const Imported imported = import_model(graph, dense(), {});
  const std::vector<Value> found = gradients(sum(imported.output("y")), imported.parameters);
  Session session(graph);
  const Outputs made = session.compile({.inputs = {imported.input("x")}, .outputs = found})(
      {Tensor::of({2.0F, 5.0F}, {1, 2})});
  EXPECT_THAT(numbers_of(made[0]), ElementsAre(2, 2, 2, 5, 5, 5));
  EXPECT_THAT(numbers_of(made[1]), ElementsAre(1, 1, 1));
}

TEST(OnnxImport, TakesDefaultsOfInputsForWeights) {
  ModelProto model = dense();
  model.ir_version = 3;
  model.graph.input.push_back(value_info("w", {"2", "3"}));
  Graph graph;
  const Imported imported = import_model(graph, model, {});
  EXPECT_THAT(imported.inputs, SizeIs(1));
  EXPECT_THAT(imported.parameters, SizeIs(2));
}

TEST(OnnxImport, FixesInputsToTheirNumbers) {
  ModelProto model = model_of({"6"}, {node("Reshape", {"x", "shape"}, {"y"})});
  model.graph.input.push_back(value_info("shape", {"2"}, DataType::i64));
  const Options options{.fixed = {{"shape", Tensor::of<std::int64_t>({2, -1})}}};
  EXPECT_EQ(run_model(model, Tensor::zeros(f32, {6}), options).sizes()[1], 3);
  Graph graph;
  expect_error(
      ErrorCode::dtype_mismatch, {"input 'shape'", "another dtype", "expected i64, got i32[2]"},
      [&] { import_model(graph, model, {}, {.fixed = {{"shape", Tensor::of<std::int32_t>({2, -1})}}}); });
  expect_error(ErrorCode::unsupported, {"Reshape 'y'", "input 2, the shape, must be known", "'shape' is not"},
               [&] { import_model(graph, model, {}); });
  EXPECT_EQ(graph.size(), 0U);
  expect_error(ErrorCode::invalid_argument, {"no input 'shapes'", "did you mean 'shape'"},
               [&] { import_model(graph, model, {}, {.fixed = {{"shapes", Tensor::zeros(i64, {1})}}}); });
}

TEST(OnnxImport, BindsSymbolsAndShapes) {
  Graph graph;
  const ModelProto model = model_of({"batch", "", "height/2"}, {node("Relu", {"x"}, {"y"})});
  EXPECT_EQ(to_string(import_model(graph, model, {}).output("y").type()), "f32[batch, x.1, height_2]");
  Graph bound;
  EXPECT_EQ(
      to_string(
          import_model(bound, model, {}, {.dims = {{"batch", 4}, {"height/2", "h"}}}).output("y").type()),
      "f32[4, x.1, h]");
  Graph shaped;
  EXPECT_EQ(to_string(import_model(shaped, model, {}, {.shapes = {{"x", {1, 2, 3}}}}).output("y").type()),
            "f32[1, 2, 3]");
  expect_error(ErrorCode::invalid_argument, {"no symbol 'bach'"},
               [&] { import_model(graph, model, {}, {.dims = {{"bach", 4}}}); });
}

TEST(OnnxImport, ComputesShapesOfSymbolsWhileImporting) {
  // x [batch, time, 4] to [batch * time, 4], by Shape, Slice, ReduceProd and Concat.
  ModelProto model =
      model_of({"batch", "time", "4"},
               {node("Shape", {"x"}, {"shape"}), node("Slice", {"shape", "zero", "two"}, {"front"}),
                node("ReduceProd", {"front"}, {"rows"}),
                node("Concat", {"rows", "four"}, {"to"}, {attribute("axis", 0)}),
                node("Reshape", {"x", "to"}, {"y"})});
  model.graph.initializer = {tensor_proto("zero", {0}), tensor_proto("two", {2}), tensor_proto("four", {4})};
  Graph graph;
  EXPECT_EQ(to_string(import_model(graph, model, {}).output("y").type()), "f32[batch*time, 4]");
}

TEST(OnnxImport, GivesASizeThatARunKnowsAsANumber) {
  ModelProto model =
      model_of({"batch"}, {node("Size", {"x"}, {"size"}), node("Cast", {"size"}, {"n"}, {attribute("to", 1)}),
                           node("Mul", {"x", "n"}, {"y"})});
  EXPECT_THAT(numbers_of(run_model(model, Tensor::of({1.0F, 2.0F, 3.0F}))), ElementsAre(3, 6, 9));
}

TEST(OnnxImport, NamesAllThatItCannotImport) {
  const ModelProto model =
      model_of({"2"}, {node("Wobble", {"x"}, {"a"}), node("Relu", {"a"}, {"b"}),
                       node("StringNormalizer", {"x"}, {"c"}), node("Wobble", {"b"}, {"d"}),
                       node("Relu", {"x"}, {"y"}, {attribute("slope", 1)})});
  Graph graph;
  try {
    import_model(graph, model, {});
    ADD_FAILURE() << "nothing was refused";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_THAT(text, testing::HasSubstr(
                          "Wobble 'a', StringNormalizer 'c', Wobble 'd': no such operator is known here"));
    EXPECT_THAT(text, testing::HasSubstr("Relu 'y': its attribute 'slope' is not understood"));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("'b'")));
  }
  EXPECT_EQ(graph.size(), 0U);
}

TEST(OnnxImport, SaysWhatIsWrongWithANode) {
  Graph graph;
  expect_error(ErrorCode::shape_mismatch, {"Add 'y'", "do not broadcast"}, [&] {
    ModelProto model = model_of({"2"}, {node("Add", {"x", "w"}, {"y"})});
    model.graph.initializer = {tensor_proto("w", {1, 2, 3}, {3})};
    import_model(graph, model, {});
  });
  expect_error(ErrorCode::unsupported, {"Add 'y'", "nothing before it makes its input 'later'"},
               [&] { import_model(graph, model_of({"2"}, {node("Add", {"x", "later"}, {"y"})}), {}); });
  expect_error(ErrorCode::bad_file, {"Neg 'y'", "something else has the name of its output 'y'"}, [&] {
    import_model(graph, model_of({"2"}, {node("Abs", {"x"}, {"y"}), node("Neg", {"x"}, {"y"})}), {});
  });
  expect_error(ErrorCode::bad_file, {"Neg 'x'", "something else has the name of its output 'x'"}, [&] {
    import_model(graph, model_of({"2"}, {node("Neg", {"x"}, {"x"}), node("Abs", {"x"}, {"y"})}), {});
  });
  expect_error(ErrorCode::bad_file, {"no node makes the output 'y'"},
               [&] { import_model(graph, model_of({"2"}, {}), {}); });
  expect_error(ErrorCode::invalid_argument, {"Add 'y'", "input 2 is missing"},
               [&] { import_model(graph, model_of({"2"}, {node("Add", {"x"}, {"y"})}), {}); });
}

TEST(OnnxImport, BatchNormWithStatisticsAsOutputsTakesThoseOfTheBatch) {
  ModelProto model = model_of(
      {"batch", "2"}, {node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"h", "m2", "v2", "bm", "bv"}),
                       node("Add", {"h", "bm"}, {"y"})});
  model.opset_import = {{"", 13}};
  model.graph.initializer = {tensor_proto("s", {1, 1}, {2}), tensor_proto("b", {0, 0}, {2}),
                             tensor_proto("m", {30, 40}, {2}), tensor_proto("v", {1, 1}, {2})};
  Graph graph;
  const Imported made = import_model(graph, model, {});
  Session session(graph);
  const Tensor y = session.compile({.inputs = {made.input("x")}, .outputs = {made.output("y")}})(
      {Tensor::of({1.0F, 1.0F, 3.0F, 5.0F}, {2, 2})})[0];
  const auto numbers = y.values<float>();  // (-1, -1) and (1, 1), and the means 2 and 3
  EXPECT_NEAR(numbers[0], 1.0F, 1e-4);
  EXPECT_NEAR(numbers[1], 2.0F, 1e-4);
  EXPECT_NEAR(numbers[2], 3.0F, 1e-4);
  EXPECT_NEAR(numbers[3], 4.0F, 1e-4);
}

TEST(OnnxImport, DropsAndUpdatesInTrainingOnly) {
  ModelProto model = model_of({"batch", "2"}, {node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"h"}),
                                               node("Dropout", {"h"}, {"y"})});
  model.graph.initializer = {tensor_proto("s", {1, 1}, {2}), tensor_proto("b", {0, 0}, {2}),
                             tensor_proto("m", {3, 4}, {2}), tensor_proto("v", {1, 1}, {2})};
  Graph graph;
  const Imported inference = import_model(graph, model, {});
  EXPECT_THAT(inference.parameters, SizeIs(2));
  EXPECT_THAT(inference.buffers, SizeIs(2));
  EXPECT_THAT(inference.updates, IsEmpty());
  Graph trained;
  const Imported training = import_model(trained, model, {}, {.mode = Mode::training});
  ASSERT_THAT(training.updates, SizeIs(2));
  Session session(trained);
  session.compile({.inputs = {training.input("x")},
                   .outputs = {training.output("y")},
                   .updates = training.updates})({Tensor::of({1.0F, 1.0F, 3.0F, 5.0F}, {2, 2})});
  const Tensor mean = session.value("m");
  EXPECT_NEAR(mean.values<float>()[0], 0.9F * 3.0F + 0.1F * 2.0F, 1e-5);
  EXPECT_NEAR(mean.values<float>()[1], 0.9F * 4.0F + 0.1F * 3.0F, 1e-5);
}

TEST(OnnxImport, CallsFunctionsOfTheModel) {
  ModelProto model =
      model_of({"2"}, {node("Twice", {"x"}, {"a"}, {attribute("axis", 1)}), node("Twice", {"a"}, {"y"})});
  for (NodeProto& call : model.graph.node) call.domain = "own";
  model.opset_import.push_back({"own", 1});
  FunctionProto function;
  function.name = "Twice";
  function.domain = "own";
  function.input = {"in"};
  function.output = {"out"};
  function.node = {node("Add", {"in", "in"}, {"out"})};
  function.opset_import = {{"", 17}};
  model.functions = {function};
  EXPECT_THAT(numbers_of(run_model(model, Tensor::of({1.0F, 2.0F}))), ElementsAre(4, 8));
  model.functions[0].node = {node("Twice", {"in"}, {"out"})};
  model.functions[0].node[0].domain = "own";
  Graph graph;
  expect_error(ErrorCode::bad_file, {"nest too deep"}, [&] { import_model(graph, model, {}); });
}

TEST(OnnxImport, UnrollsLoopsWhoseBodiesSeeOuterNames) {
  auto body = std::make_shared<GraphProto>();
  body->input = {value_info("i", {}, DataType::i64), value_info("go", {}, DataType::boolean),
                 value_info("v", {"2"})};
  body->node = {node("Add", {"v", "x"}, {"next"}), node("Identity", {"go"}, {"on"})};
  body->output = {value_info("on"), value_info("next")};
  ModelProto model = model_of({"2"}, {node("Loop", {"trips", "", "x"}, {"y"},
                                           {attribute("body", std::shared_ptr<const GraphProto>(body))})});
  model.graph.initializer = {tensor_proto("trips", {3})};
  EXPECT_THAT(numbers_of(run_model(model, Tensor::of({1.0F, 2.0F}))), ElementsAre(4, 8));
  model.graph.initializer = {tensor_proto("trips", {std::int64_t{1} << 60U})};
  Graph graph;
  expect_error(ErrorCode::bad_file, {"more than 1000 nodes"},
               [&] { import_model(graph, model, {}, {.most_nodes = 1000}); });
}

TEST(OnnxImport, KeepsNumbersThatAShapeDependsOnOutOfTheParameters) {
  ModelProto model = model_of(
      {"1", "1", "2", "2"}, {node("Resize", {"x", "", "scales"}, {"y"}), node("Neg", {"scales"}, {"also"})});
  model.graph.initializer = {tensor_proto("scales", {1, 1, 2, 2}, {4})};
  Graph graph;
  const Imported imported = import_model(graph, model, {});
  EXPECT_THAT(imported.parameters, IsEmpty());
  EXPECT_EQ(to_string(imported.output("y").type()), "f32[1, 1, 4, 4]");
}

TEST(OnnxImport, ReadsAFileAndNamesItInErrors) {
  Graph graph;
  expect_error(ErrorCode::io, {"/no/such/model.onnx: cannot be opened"},
               [&] { load(graph, "/no/such/model.onnx"); });
  EXPECT_THAT(imported_operators(), testing::Contains("Conv"));
}

}  // namespace
}  // namespace weft::onnx
