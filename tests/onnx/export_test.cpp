#include "weft/frontends/onnx/export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "weft/frontends/examples/models/models.h"
#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"
#include "weft/weft.h"

namespace weft::onnx {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing_support::expect_error;

std::vector<std::string> names_of(const std::vector<ValueInfoProto>& list) {
  std::vector<std::string> names;
  for (const ValueInfoProto& info : list) names.push_back(info.name);
  return names;
}
std::vector<std::string> operators_of(const ModelProto& model) {
  std::vector<std::string> names;
  for (const NodeProto& node : model.graph.node) names.push_back(node.op_type);
  return names;
}

/// y = relu(x w + b) of a batch of rows.
struct DenseGraph {
  Graph graph;
  Value x = input(graph, "x", f32, {"batch", 2});
  Value w = parameter(graph, "w", Tensor::of({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}, {2, 3}));
  Value b = parameter(graph, "b", Tensor::of({10.0F, 20.0F, -99.0F}));
  Value y = relu(matmul(x, w) + b).named("scores");
};

/// Losses of a few runs of a function, whose first output is the loss.
std::vector<double> losses_of(Graph& graph, const FunctionSpec& spec, const std::vector<Tensor>& batch,
                              int runs) {
  Session session(graph);
  const Function step = session.compile(spec);
  std::vector<double> losses;
  for (int i = 0; i < runs; ++i) {
    const Outputs made = step(batch);
    losses.push_back(made[0].dtype() == f64 ? made[0].item<double>() : made[0].item<float>());
  }
  return losses;
}

/// The same of a model that was saved, loaded as what its operators are, and compiled as a step.
std::vector<double> losses_of(const ModelProto& model, const std::vector<Tensor>& batch, int runs) {
  const testing_support::TemporaryFolder folder;
  const auto path = folder.path() / "step.onnx";
  write_model(path, model);
  Graph graph;
  const Imported imported = load(graph, path, {.mode = Mode::training, .as_saved = false});
  FunctionSpec spec{.outputs = {imported.outputs[0].values[0]}, .updates = imported.updates};
  for (const ImportedInput& input : imported.inputs) spec.inputs.push_back(input.value);
  return losses_of(graph, spec, batch, runs);
}

void expect_same_losses(const std::vector<double>& actual, const std::vector<double>& expected,
                        double bound) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], bound * std::max(1.0, std::abs(expected[i]))) << "step " << i;
  }
}

TEST(OnnxExport, WritesOperatorsWithTheirNames) {
  DenseGraph dense;
  const ModelProto model = export_model({.inputs = {dense.x}, .outputs = {dense.y}});
  EXPECT_THAT(operators_of(model), ElementsAre("MatMul", "Add", "Relu"));
  EXPECT_THAT(names_of(model.graph.input), ElementsAre("x"));
  EXPECT_THAT(names_of(model.graph.output), ElementsAre("scores"));
  EXPECT_EQ(model.graph.node.back().output.at(0), "scores");
  EXPECT_EQ(model.graph.input[0].type.shape->at(0).dim_param, "batch");
  EXPECT_EQ(model.graph.input[0].type.shape->at(1).dim_value, 2);
  EXPECT_EQ(model.opset_import.at(0).version, 17);
  EXPECT_EQ(model.ir_version, 8);
  EXPECT_EQ(model_bytes(model), model_bytes(export_model({.inputs = {dense.x}, .outputs = {dense.y}})));
}

TEST(OnnxExport, ComputesShortIntegersWhereRuntimesCan) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  const Value a = input(graph, "a", i8, {2});
  EXPECT_THAT(operators_of(export_model({.inputs = {x}, .outputs = {cast(x, u8)}})),
              ElementsAre("Clip", "Cast"));
  EXPECT_THAT(operators_of(export_model({.inputs = {x}, .outputs = {cast(x, u32)}})),
              ElementsAre("Max", "Cast"));
  EXPECT_THAT(operators_of(export_model({.inputs = {x}, .outputs = {cast(x, i64)}})), ElementsAre("Cast"));
  EXPECT_THAT(operators_of(export_model({.inputs = {a}, .outputs = {a + a}})),
              ElementsAre("Cast", "Cast", "Add", "Cast"));
}

TEST(OnnxExport, LeavesOutWhatNoOutputNeeds) {
  Graph graph;
  const Value x = input(graph, "x", f32, {1, 1, 4, 4});
  const FunctionSpec spec{.inputs = {x}, .outputs = {max_pool2d(x, {.window = 2})}};
  const ModelProto model = export_model(spec);
  EXPECT_THAT(operators_of(model), ElementsAre("MaxPool"));  // the indices of the maxima are for gradients
  EXPECT_THAT(model.graph.node[0].output, SizeIs(1));
  EXPECT_THAT(model.graph.initializer, IsEmpty());
}

TEST(OnnxExport, TakesParametersOfASession) {
  DenseGraph dense;
  Session session(dense.graph);
  session.set("b", Tensor::of({0.5F, 0.0F, 0.0F}));
  Graph graph;
  const Imported imported = import_model(
      graph, export_model({.inputs = {dense.x}, .outputs = {dense.y}}, {.session = &session}), {});
  EXPECT_THAT(imported.parameters, SizeIs(2));
  Session loaded(graph);
  EXPECT_EQ(loaded.value("b").values<float>()[0], 0.5F);
  const Outputs made =
      loaded.compile({.inputs = {imported.input("x")}, .outputs = {imported.output("scores")}})(
          {Tensor::of({1.0F, 1.0F}, {1, 2})});
  EXPECT_THAT(made[0].values<float>(), ElementsAre(5.5F, 7.0F, 9.0F));
}

TEST(OnnxExport, GivesOutputsTheNamesThatAreAskedFor) {
  DenseGraph dense;
  const Value doubled = 2.0 * dense.y;
  const FunctionSpec spec{.inputs = {dense.x}, .outputs = {doubled, dense.x, doubled}};
  EXPECT_THAT(names_of(export_model(spec).graph.output), ElementsAre("output", "output_1", "output_2"));
  EXPECT_THAT(names_of(export_model(spec, {.output_names = {"u", "v", "z"}}).graph.output),
              ElementsAre("u", "v", "z"));
  expect_error(ErrorCode::invalid_argument, {"'w'"},
               [&] { export_model(spec, {.output_names = {"u", "v", "w"}}); });
  expect_error(ErrorCode::invalid_argument, {"names"}, [&] { export_model(spec, {.output_names = {"a"}}); });
}

TEST(OnnxExport, ComputesSizesThatDependOnSymbols) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"b", "t", 2});
  const Value flat = reshape(x, {-1, 2});  // [b*t, 2]
  const Value wide = broadcast_to(constant(graph, 1.0F), flat.shape());
  const Value halves = slice(flat, 0, 0, floor_div(flat.shape()[0] + 1, 2));
  const Value back = reshape(flat + wide, x.shape());
  const FunctionSpec spec{.inputs = {x}, .outputs = {back, halves}};
  const Tensor fed = Tensor::of({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}, {3, 1, 2});
  Graph loaded;
  const Imported imported = import_model(loaded, export_model(spec), {}, {.as_saved = false});
  EXPECT_EQ(to_string(imported.outputs[0].values[0].shape()), "[b, t, 2]");
  Session session(loaded);
  const Outputs made =
      session.compile({.inputs = {imported.input("x")},
                       .outputs = {imported.outputs[0].values[0], imported.outputs[1].values[0]}})({fed});
  EXPECT_THAT(made[0].values<float>(), ElementsAre(2, 3, 4, 5, 6, 7));
  EXPECT_THAT(made[1].values<float>(), ElementsAre(1, 2, 3, 4));
}

TEST(OnnxExport, RefusesAllThatItCannotSayAtOnce) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 2});
  const Value y = cholesky(x).named("factor") + lgamma(x).named("gamma");
  expect_error(ErrorCode::unsupported, {"cholesky 'factor'", "lgamma 'gamma'", "export_test.cpp"},
               [&] { export_model({.inputs = {x}, .outputs = {y}}); });
}

TEST(OnnxExport, RefusesWhatIsNoFunction) {
  DenseGraph dense;
  expect_error(ErrorCode::invalid_argument, {"no outputs"}, [&] { export_model({.inputs = {dense.x}}); });
  expect_error(ErrorCode::invalid_argument, {"not listed: x"}, [&] { export_model({.outputs = {dense.y}}); });
  expect_error(ErrorCode::invalid_argument, {"no `input`"},
               [&] { export_model({.inputs = {dense.x, dense.w}, .outputs = {dense.y}}); });
  expect_error(ErrorCode::invalid_argument, {"no assign"},
               [&] { export_model({.inputs = {dense.x}, .outputs = {dense.y}, .updates = {dense.y}}); });
  expect_error(ErrorCode::invalid_argument, {"comes twice"},
               [&] { export_model({.inputs = {dense.x, dense.x}, .outputs = {dense.y}}); });
}

TEST(OnnxExport, LeavesTheOldFileWhereItFails) {
  const testing_support::TemporaryFolder folder;
  const auto path = folder.path() / "model.onnx";
  DenseGraph dense;
  save(path, {.inputs = {dense.x}, .outputs = {dense.y}});
  const Value bad = lgamma(dense.y);
  expect_error(ErrorCode::unsupported, {"lgamma"},
               [&] { save(path, {.inputs = {dense.x}, .outputs = {bad}}); });
  EXPECT_THAT(names_of(read_model(path).graph.output), ElementsAre("scores"));
}

TEST(OnnxExport, SavesDropoutThatDraws) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 50});
  const ModelProto model = export_model({.inputs = {x}, .outputs = {dropout(x, 0.5)}});
  Graph loaded;
  const Imported imported = import_model(loaded, model, {}, {.as_saved = false});
  Session session(loaded);
  const Outputs made =
      session.compile({.inputs = {imported.input("x")}, .outputs = {imported.outputs[0].values[0]}})(
          {Tensor::of(std::vector<float>(100, 1.0F), {2, 50})});
  const auto values = made[0].values<float>();
  EXPECT_THAT(values, testing::Each(testing::AnyOf(0.0F, 2.0F)));
  EXPECT_THAT(values, testing::Contains(0.0F));
  EXPECT_THAT(values, testing::Contains(2.0F));
}

TEST(OnnxExport, KeepsTheTailOfErfc) {
  constexpr double kBound = 1e-12;
  Graph graph;
  const Value x = input(graph, "x", f64, {4});
  const ModelProto model = export_model({.inputs = {x}, .outputs = {erfc(x)}});
  Graph loaded;
  const Imported imported = import_model(loaded, model, {}, {.as_saved = false});
  Session session(loaded);
  const std::vector<double> fed{-3.0, 0.0, 5.0, 20.0};
  const Outputs made = session.compile(
      {.inputs = {imported.input("x")}, .outputs = {imported.outputs[0].values[0]}})({Tensor::of(fed)});
  for (std::size_t i = 0; i < fed.size(); ++i)
    EXPECT_NEAR(made[0].values<double>()[i] / std::erfc(fed[i]), 1.0, kBound) << fed[i];
}

// --- training steps ---

/// Two dense layers, a loss, and the updates of a method.
struct MlpStep {
  explicit MlpStep(bool is_adam) {
    const nn::Sequential network{nn::dense(graph, "dense1", 16), relu, nn::dense(graph, "dense2", 3)};
    loss = mean(softmax_cross_entropy(network(x), labels)).named("loss");
    const std::vector<Value> weights = network.parameters();
    const auto slopes = gradients(loss, weights);
    spec = {.inputs = {x, labels},
            .outputs = {loss},
            .updates = is_adam ? optim::adam(weights, slopes, 0.01)
                               : optim::sgd(weights, slopes, 0.1, {.momentum = 0.9})};
  }

  Graph graph;
  Value x = input(graph, "x", f32, {"batch", 8});
  Value labels = input(graph, "labels", i64, {"batch"});
  Value loss;
  FunctionSpec spec;
};

TEST(OnnxExport, SavesATrainingStepWithParametersInAndOut) {
  MlpStep step(false);
  const ModelProto model = export_model(step.spec);
  const auto inputs = names_of(model.graph.input);
  EXPECT_THAT(inputs, testing::IsSupersetOf({"x", "labels", "dense1/weight", "dense1/weight/momentum"}));
  EXPECT_THAT(names_of(model.graph.output),
              testing::IsSupersetOf({"loss", "dense1/weight_next", "dense2/bias_next"}));
  EXPECT_EQ(model.graph.output.size(), 1 + step.spec.updates.size());
  EXPECT_EQ(model.graph.initializer.front().name, "dense1/weight");
  const ModelProto fed = export_model(step.spec, {.defaults = false});
  EXPECT_EQ(names_of(fed.graph.input), inputs);
  EXPECT_LT(fed.graph.initializer.size(), model.graph.initializer.size());
  Graph graph;
  EXPECT_EQ(import_model(graph, fed, {}).inputs.size(), inputs.size());
}

TEST(OnnxExport, ASavedStepTrainsAsTheGraphDoes) {
  constexpr int kSteps = 20;
  const std::vector<Tensor> batch{examples::draw_numbers({12, 8}), examples::draw_indices({12}, 3)};
  for (const bool is_adam : {false, true}) {
    MlpStep step(is_adam);
    const auto expected = losses_of(step.graph, step.spec, batch, kSteps);
    EXPECT_LT(expected.back(), 0.7 * expected.front());
    expect_same_losses(losses_of(export_model(step.spec), batch, kSteps), expected, 1e-5);
  }
}

TEST(OnnxExport, ASavedStepOfAConvolutionalNetworkTrainsAsTheGraphDoes) {
  constexpr int kSteps = 20;
  examples::Model lenet = examples::lenet();
  const FunctionSpec spec{.inputs = lenet.inputs, .outputs = {lenet.loss}, .updates = lenet.updates};
  const auto expected = losses_of(*lenet.graph, spec, lenet.batch, kSteps);
  expect_same_losses(losses_of(export_model(spec), lenet.batch, kSteps), expected, 1e-3);
}

TEST(OnnxExport, ASavedStepOfPicturesTakesBatchesOfAnySize) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2, 9, 9});
  const Value labels = input(graph, "labels", i64, {"batch"});
  const nn::Sequential network{
      nn::conv2d(graph, "conv1", 4, 3), nn::batch_norm(graph, "norm"),    relu,
      nn::MaxPool2d{{.window = 2}},     nn::conv2d(graph, "conv2", 3, 2), nn::Flatten{},
      nn::dense(graph, "dense", 3)};
  const Value loss = mean(softmax_cross_entropy(network(x), labels));
  const std::vector<Value> weights = network.parameters();
  const FunctionSpec spec{.inputs = {x, labels},
                          .outputs = {loss},
                          .updates = optim::sgd(weights, gradients(loss, weights), 0.05)};
  const ModelProto model = export_model(spec);
  for (const std::int64_t size : {5, 8}) {
    const std::vector<Tensor> batch{examples::draw_numbers({size, 2, 9, 9}),
                                    examples::draw_indices({size}, 3)};
    expect_same_losses(losses_of(model, batch, 5), losses_of(graph, spec, batch, 5), 1e-4);
  }
}

/// y = x sigmoid(beta x), a user's op.
struct Swish {
  static constexpr std::string_view name = "own_swish";
  double beta = 1.0;
  static constexpr auto attributes = weft::attributes(&Swish::beta);
  TensorType infer(const TensorType& x) const { return x; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] / (T{1} + std::exp(static_cast<T>(-beta) * x[i]));
  }
  static constexpr NoGradient gradient{"it is a test's"};
};

TEST(OnnxExport, OpsOfOnesOwnTakeTheFormThatIsGiven) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n"});
  const FunctionSpec spec{.inputs = {x}, .outputs = {apply(Swish{.beta = 2.0}, x)}};
  expect_error(ErrorCode::unsupported, {"own_swish", "export_test.cpp"}, [&] { export_model(spec); });
  const StandardForm form = [](const Op& op, std::span<const Value> inputs) {
    return std::vector<Value>{inputs[0] * sigmoid(inputs[0] * op.as<Swish>()->beta)};
  };
  const ModelProto model = export_model(spec, {.forms = {{"own_swish", form}}});
  EXPECT_THAT(operators_of(model), testing::Contains("Sigmoid"));
  Graph loaded;
  const Imported imported = import_model(loaded, model, {});
  Session session(loaded);
  const Tensor made = session.compile(
      {.inputs = {imported.input("x")}, .outputs = {imported.output(imported.outputs[0].name)}})(
      {Tensor::of({1.0F, -2.0F})})[0];
  EXPECT_NEAR(made.values<float>()[0], 1.0 / (1.0 + std::exp(-2.0)), 1e-6);
  EXPECT_NEAR(made.values<float>()[1], -2.0 / (1.0 + std::exp(4.0)), 1e-6);
  const StandardForm wrong = [](const Op&, std::span<const Value> inputs) {
    return std::vector<Value>{sum(inputs[0])};
  };
  expect_error(ErrorCode::invalid_argument, {"own_swish", "other types", "f32[n]", "f32[]"},
               [&] { export_model(spec, {.forms = {{"own_swish", wrong}}}); });
}

TEST(OnnxExport, StepsOfTheExamplesAreSavedOrRefused) {
  std::vector<std::string> saved;
  for (const examples::ModelEntry& entry : examples::models()) {
    SCOPED_TRACE(entry.name);
    examples::Model model = entry.make();
    const FunctionSpec spec{.inputs = model.inputs, .outputs = {model.loss}, .updates = model.updates};
    try {
      const ModelProto proto = export_model(spec);
      saved.emplace_back(entry.name);
      if (std::ranges::count(operators_of(proto), "RandomNormal") > 0) continue;  // it draws other numbers
      expect_same_losses(losses_of(proto, model.batch, 2), losses_of(*model.graph, spec, model.batch, 2),
                         1e-3);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported) << error.what();
      if (std::getenv("WEFT_SHOW_EXPORTS") != nullptr) fmt::print("{}: {}\n", entry.name, error.what());
    }
  }
  EXPECT_THAT(saved, testing::IsSupersetOf({"lenet", "resnet8", "lstm", "transformer"}))
      << fmt::format("{}", fmt::join(saved, " "));
}

}  // namespace
}  // namespace weft::onnx
