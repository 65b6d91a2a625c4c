// Models as one file: what comes back is what was saved, to the bit.

#include "weft/frontends/onnx/model_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "weft/frontends/examples/models/models.h"
#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"
#include "weft/tests/support/temporary_folder.h"
#include "weft/weft.h"

namespace weft::onnx {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::expect_error;

enum class Method { momentum, adam, dropout };

/// A small network with a loss, a step that trains it, and a prediction.
struct SavedNetwork {
  explicit SavedNetwork(Method method) {
    const nn::Sequential network{nn::dense(graph, "dense1", 16), relu,
                                 nn::Dropout{method == Method::dropout ? 0.4 : 0.0},
                                 nn::dense(graph, "dense2", 3)};
    const auto [logits, moved] = network.train(x);
    const Value loss = mean(softmax_cross_entropy(logits, labels)).named("loss");
    const std::vector<Value> weights = network.parameters();
    const std::vector<Value> slopes = gradients(loss, weights);
    const Value scores = network(x).named("scores");
    predict = {.inputs = {x}, .outputs = {argmax(scores).named("classes"), scores}};
    step = {.inputs = {x, labels},
            .outputs = {loss},
            .updates = method == Method::momentum ? optim::sgd(weights, slopes, 0.1, {.momentum = 0.9})
                                                  : optim::adam(weights, slopes, 0.01)};
  }
  std::vector<NamedFunction> functions() const {
    return {{.name = "predict", .spec = predict}, {.name = "train_step", .spec = step}};
  }

  Graph graph;
  Value x = input(graph, "x", f32, {"batch", 8});
  Value labels = input(graph, "labels", i64, {"batch"});
  FunctionSpec predict;
  FunctionSpec step;
};

/// The batch of step `number`.
std::vector<Tensor> batch_of(int number) {
  Tensor x = examples::draw_numbers({12, 8});
  for (float& value : x.mutable_values<float>()) value += 0.01F * static_cast<float>(number);
  return {x, examples::draw_indices({12}, 3)};
}

void train(const Function& step, int from, int to) {
  for (int i = from; i < to; ++i) step(batch_of(i));
}

class ModelFile : public testing::Test {
 protected:
  std::filesystem::path path() const { return folder_.path() / "model.onnx"; }
  testing_support::TemporaryFolder folder_;
};

class ModelFileOf : public testing::TestWithParam<Method> {
 protected:
  std::filesystem::path path() const { return folder_.path() / "model.onnx"; }
  testing_support::TemporaryFolder folder_;
};

TEST_P(ModelFileOf, ATrainingContinuesToTheSameBits) {
  SavedNetwork whole(GetParam());
  Session once(whole.graph, {.seed = 9});
  train(once.compile(whole.step), 0, 10);

  {
    SavedNetwork half(GetParam());
    Session first(half.graph, {.seed = 9});
    train(first.compile(half.step), 0, 5);
    save_model(path(), first, half.functions());
  }
  Model model = load_model(path());
  EXPECT_TRUE(model.is_as_saved());
  EXPECT_EQ(model.session().seed(), 9U);
  const ModelFunction step = model.function("train_step");
  for (int i = 5; i < 10; ++i) {
    const std::vector<Tensor> batch = batch_of(i);
    step({{"labels", batch[1]}, {"x", batch[0]}});
  }
  for (const auto& [label, declared] : whole.graph.states())
    EXPECT_TRUE(identical(model.session().value(label), once.value(label))) << label;
  EXPECT_EQ(model.session().random_position(), once.random_position());
  const Tensor x = batch_of(11)[0];
  const Outputs expected = once.compile(whole.predict)({x});
  const Outputs made = model.function("predict")({{"x", x}});
  EXPECT_TRUE(identical(made["scores"], expected["scores"]));
  EXPECT_TRUE(identical(made["classes"], expected["classes"]));
}

std::string name_of_method(const testing::TestParamInfo<Method>& info) {
  constexpr std::array kNames{"Momentum", "Adam", "Dropout"};
  return kNames.at(static_cast<std::size_t>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Methods, ModelFileOf,
                         testing::Values(Method::momentum, Method::adam, Method::dropout), name_of_method);

TEST_F(ModelFile, StepsOfTheExamplesContinueToTheSameBits) {
  const std::set<std::string_view> chosen{"transformer", "lenet", "lstm", "vae",
                                          "tabular"};  // the quick ones
  int continued = 0;
  for (const examples::ModelEntry& entry : examples::models()) {
    if (!chosen.contains(entry.name)) continue;
    SCOPED_TRACE(entry.name);
    examples::Model example = entry.make();
    const FunctionSpec spec{.inputs = example.inputs, .outputs = {example.loss}, .updates = example.updates};
    Session session(*example.graph);
    const Function step = session.compile(spec);
    step(example.batch);
    save_model(path(), session, {{.name = "step", .spec = spec}});
    Model model = load_model(path());
    ASSERT_TRUE(model.is_as_saved());
    const Function& again = model.function("step").by_position();
    for (int i = 0; i < 2; ++i) {
      const Tensor loaded = again(example.batch)[0];
      const Tensor expected = step(example.batch)[0];
      EXPECT_TRUE(identical(loaded, expected)) << "step " << i;
    }
    ++continued;
  }
  EXPECT_EQ(continued, 5);
}

std::vector<std::string> names_in(const std::vector<ValueInfoProto>& infos) {
  std::vector<std::string> names;
  for (const ValueInfoProto& info : infos) names.push_back(info.name);
  return names;
}

TEST_F(ModelFile, IsAnOnnxModelOfTheFirstFunctionAndHasTheOthersAsFunctions) {
  SavedNetwork network(Method::momentum);
  Session session(network.graph);
  save_model(path(), session, network.functions(), {.metadata = {{"author", "a test"}}});
  const ModelProto proto = read_model(path());
  EXPECT_THAT(names_in(proto.graph.input), ElementsAre("x"));
  EXPECT_THAT(names_in(proto.graph.output), ElementsAre("classes", "scores"));
  ASSERT_EQ(proto.functions.size(), 1U);
  const FunctionProto& step = proto.functions[0];
  EXPECT_EQ(step.name, "train_step");
  EXPECT_THAT(step.input, testing::IsSupersetOf({"x", "labels", "dense1/weight"}));
  EXPECT_THAT(step.output, testing::IsSupersetOf({"loss", "dense1/weight_next"}));
  EXPECT_THAT(names_in(step.value_info), testing::IsSupersetOf({"x", "labels", "loss"}));
  // All that a function reads is an input of it, or made by it.
  std::set<std::string> known(step.input.begin(), step.input.end());
  for (const NodeProto& node : step.node) {
    for (const std::string& name : node.input) EXPECT_TRUE(known.contains(name)) << name;
    known.insert(node.output.begin(), node.output.end());
  }
  // `load` sees all of them.
  Graph graph;
  const Imported imported = load(graph, path());
  EXPECT_TRUE(imported.is_as_saved);
  EXPECT_EQ(imported.output("scores").shape(), Shape({"batch", 3}));
  EXPECT_EQ(imported.output("loss").shape(), Shape());
  EXPECT_EQ(load_model(path()).metadata(), (Metadata{{"author", "a test"}}));
}

TEST_F(ModelFile, OfAStepFirstHasItsParametersAsInputs) {
  SavedNetwork network(Method::momentum);
  Session session(network.graph);
  std::vector<NamedFunction> functions = network.functions();
  std::ranges::reverse(functions);
  save_model(path(), session, functions);
  const ModelProto proto = read_model(path());
  EXPECT_THAT(names_in(proto.graph.input), testing::IsSupersetOf({"x", "labels", "dense1/weight"}));
  EXPECT_THAT(names_in(proto.graph.output), testing::Contains("dense1/weight_next"));
  EXPECT_THAT(names_in(proto.graph.output), testing::Not(testing::Contains("scores")));
  Model model = load_model(path());
  EXPECT_TRUE(model.is_as_saved());
  EXPECT_THAT(model.functions(), ElementsAre("train_step", "predict"));
}

TEST_F(ModelFile, OperatorsThatWereChangedCount) {
  SavedNetwork network(Method::momentum);
  Session session(network.graph);
  const Tensor x = batch_of(0)[0];
  const Tensor before = session.compile(network.predict)({x})["scores"];
  save_model(path(), session, network.functions());
  ModelProto proto = read_model(path());
  for (std::vector<NodeProto>* nodes : {&proto.graph.node, &proto.functions[0].node}) {
    for (NodeProto& node : *nodes) {
      if (node.op_type == "Relu") node.op_type = "Neg";
    }
  }
  write_model(path(), proto);
  Model model = load_model(path());
  EXPECT_FALSE(model.is_as_saved());
  EXPECT_FALSE(identical(model.function("predict")({{"x", x}})["scores"], before));
  EXPECT_EQ(model.values("train_step").spec.updates.size(), network.step.updates.size());
  const Tensor weight = model.session().value("dense2/weight");
  train(model.function("train_step").by_position(), 0, 1);
  EXPECT_FALSE(identical(model.session().value("dense2/weight"), weight));
}

TEST_F(ModelFile, ParametersThatAreLeftOutStayAsTheyAre) {
  SavedNetwork network(Method::momentum);
  Session session(network.graph);
  save_model(path(), session, network.functions());
  Model model = load_model(path(), {.import = {.parameters = {.exclude = {"dense1/*"}}}});
  EXPECT_TRUE(model.is_as_saved());
  EXPECT_FALSE(model.graph().states().contains("dense1/weight"));
  const Tensor x = batch_of(0)[0];
  EXPECT_TRUE(identical(model.function("predict")({{"x", x}})["scores"],
                        session.compile(network.predict)({x})["scores"]));
  const Tensor weight = model.session().value("dense2/weight").clone();
  train(model.function("train_step").by_position(), 0, 1);
  EXPECT_FALSE(identical(model.session().value("dense2/weight"), weight));
}

TEST_F(ModelFile, InputsAreCalledByTheirLabels) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n"});
  Session session(graph);
  save_model(path(), session, {{.name = "f", .spec = {.inputs = {x.named("rows")}, .outputs = {x * 2.0}}}});
  for (const bool as_saved : {true, false}) {
    Model model = load_model(path(), {.import = {.as_saved = as_saved}});
    EXPECT_EQ(model.is_as_saved(), as_saved);
    EXPECT_THAT(model.function("f").inputs(), ElementsAre("x"));
  }
}

TEST_F(ModelFile, IsSavedAgainAsItIs) {
  SavedNetwork network(Method::dropout);
  Session session(network.graph);
  train(session.compile(network.step), 0, 3);
  save_model(path(), session, network.functions(), {.metadata = {{"epoch", "3"}}, .name = "net"});
  const auto again = folder_.path() / "again.onnx";
  load_model(path()).save(again);
  EXPECT_EQ(model_bytes(read_model(path())), model_bytes(read_model(again)));
}

TEST_F(ModelFile, KeepsLargeNumbersInAFileBesideIt) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 100});
  const Value offsets = constant(graph, examples::draw_numbers({300})).named("offsets");
  const Value w = parameter(graph, "w", random_normal(graph, f32, {100, 100}));
  const Value y = (matmul(x, w) + slice(offsets, 0, 100, 200)).named("y");
  Session session(graph);
  const NamedFunction function{.name = "product", .spec = {.inputs = {x}, .outputs = {y}}};
  const Tensor rows = examples::draw_numbers({4, 100});
  save_model(path(), session, {function}, {.most_bytes = 1000});
  EXPECT_LT(std::filesystem::file_size(path()), 4000U);
  Model model = load_model(path());
  EXPECT_TRUE(model.is_as_saved());
  EXPECT_TRUE(
      identical(model.function("product")({{"x", rows}})["y"], session.compile(function.spec)({rows})[0]));
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    if (entry.path().extension() == ".data") std::filesystem::remove(entry.path());
  }
  expect_error(ErrorCode::io, {".data"}, [&] { load_model(path()); });
}

TEST_F(ModelFile, OfAnotherProgramHasOneFunction) {
  SavedNetwork network(Method::momentum);
  onnx::save(path(), network.predict);
  Model model = load_model(path());
  EXPECT_THAT(model.functions(), ElementsAre("main"));
  EXPECT_THAT(model.function("main").inputs(), ElementsAre("x"));
  EXPECT_THAT(model.function("main").outputs(), ElementsAre("classes", "scores"));
  onnx::save(path(), network.step);
  EXPECT_EQ(load_model(path()).values("main").spec.updates.size(), network.step.updates.size());
}

TEST_F(ModelFile, OutputsOfOneNameAreToldApart) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"n"});
  const Value twice = (x * 2.0).named("y");
  const Value thrice = (x * 3.0).named("y");
  Session session(graph);
  save_model(
      path(), session,
      {{.name = "twice", .spec = {.inputs = {x}, .outputs = {twice}}},
       {.name = "thrice", .spec = {.inputs = {x}, .outputs = {thrice, twice}}, .outputs = {"y", "x"}}});
  Model model = load_model(path());
  const Tensor one = Tensor::of({1.0F});
  EXPECT_EQ(model.function("twice")({{"x", one}})["y"].item<float>(), 2.0F);
  EXPECT_EQ(model.function("thrice")({{"x", one}})["y"].item<float>(), 3.0F);
  EXPECT_EQ(model.function("thrice")({{"x", one}})["x"].item<float>(), 2.0F);
}

TEST_F(ModelFile, FunctionsMayUpdateTheSameParameter) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of({1.0F}));
  Session session(graph);
  save_model(path(), session,
             {{.name = "up", .spec = {.updates = {assign(w, w + 1.0)}}},
              {.name = "double", .spec = {.outputs = {w.named("w")}, .updates = {assign(w, w * 2.0)}}}});
  for (const bool as_saved : {true, false}) {
    Model model = load_model(path(), {.import = {.as_saved = as_saved}});
    EXPECT_EQ(model.is_as_saved(), as_saved);
    model.function("up")({});
    model.function("double")({});
    EXPECT_EQ(model.session().value("w").item<float>(), 4.0F) << as_saved;
  }
}

TEST_F(ModelFile, CallsSayWhatIsWrong) {
  SavedNetwork network(Method::momentum);
  Session session(network.graph);
  save_model(path(), session, network.functions());
  Model model = load_model(path());
  expect_error(ErrorCode::invalid_argument, {"'predcit'", "did you mean 'predict'", "model_file_test.cpp"},
               [&] { model.function("predcit"); });
  const ModelFunction predict = model.function("predict");
  const Tensor x = batch_of(0)[0];
  expect_error(ErrorCode::bad_feed, {"'x'", "not fed", "model_file_test.cpp"}, [&] { predict({}); });
  expect_error(ErrorCode::bad_feed, {"no input 'X'"}, [&] { predict({{"X", x}}); });
  expect_error(ErrorCode::bad_feed, {"'x'", "twice"}, [&] { predict({{"x", x}, {"x", x}}); });
  expect_error(ErrorCode::bad_feed, {"'x'", "f32[batch, 8]", "model_file_test.cpp"},
               [&] { predict({{"x", Tensor::zeros(f32, {2, 9})}}); });
}

TEST_F(ModelFile, RefusesWhatIsNoSetOfFunctions) {
  SavedNetwork network(Method::momentum);
  Session session(network.graph);
  const auto refuse = [&](const std::vector<NamedFunction>& functions, const std::string& why) {
    expect_error(ErrorCode::invalid_argument, {why, "model_file_test.cpp"},
                 [&] { save_model(path(), session, functions); });
    EXPECT_FALSE(std::filesystem::exists(path()));
  };
  const FunctionSpec& predict = network.predict;
  refuse({}, "no functions");
  refuse({{.name = "", .spec = predict}}, "no name");
  refuse({{.name = "f", .spec = predict}, {.name = "f", .spec = predict}}, "two functions are called 'f'");
  refuse({{.name = "f", .spec = predict, .outputs = {"one"}}}, "2 outputs and 1 names");
  refuse({{.name = "f", .spec = predict, .outputs = {"one", "one"}}}, "are called 'one'");
  refuse({{.name = "f", .spec = {.inputs = {network.x}, .outputs = network.step.outputs}},
          {.name = "g", .spec = network.step}},
         "labels");
  FunctionSpec given = predict;
  given.givens = {{network.x, network.x * 2.0}};
  refuse({{.name = "f", .spec = given}}, "given");
  expect_error(ErrorCode::invalid_argument, {"weft.x"},
               [&] { save_model(path(), session, network.functions(), {.metadata = {{"weft.x", "1"}}}); });
}

/// The saved model with another text for one of its metadata.
ModelProto with_metadata(const std::filesystem::path& path, std::string_view key, const std::string& from,
                         const std::string& to) {
  ModelProto proto = read_model(path);
  std::string& text = std::ranges::find(proto.metadata_props, key, &StringStringEntry::key)->value;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << text;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return proto;
}

TEST_F(ModelFile, MetadataAreNotTrusted) {
  SavedNetwork network(Method::dropout);
  Session session(network.graph);
  save_model(path(), session, network.functions());
  const auto changed = folder_.path() / "changed.onnx";
  const auto refuse = [&](std::string_view key, const std::string& from, const std::string& to) {
    SCOPED_TRACE(to);
    write_model(changed, with_metadata(path(), key, from, to));
    EXPECT_THROW(load_model(changed), Error);
  };
  refuse(kFunctionsKey, "[", "{");
  refuse(kFunctionsKey, "\"train_step\"", "7");
  refuse(kFunctionsKey, "\"value\":\"scores\"", "\"value\":\"socres\"");
  refuse(kSessionKey, "\"seed\":1", "\"seed\":-1");
  const auto give_way = [&](const std::string& from, const std::string& to) {
    SCOPED_TRACE(to);
    write_model(changed, with_metadata(path(), kGraphKey, from, to));
    Model model = load_model(changed);
    EXPECT_FALSE(model.is_as_saved());
    EXPECT_EQ(model.values("train_step").spec.updates.size(), network.step.updates.size());
  };
  give_way("{\"version\"", "[\"version\"");
  give_way("\"matmul\"", "\"matmull\"");
  give_way("\"transpose_a\":false", "\"transpose_a\":0");
  give_way("\"of\":[0", "\"of\":[100000");
  give_way("\"of\":[0", "\"of\":[0,0");
  give_way("\"shape\":[\"batch\"", "\"shape\":[\"((((batch\"");
  give_way("\"stream\":", "\"stream\":9999999");
}

TEST_F(ModelFile, RandomChangesAreErrorsOrOtherModels) {
  constexpr int kChanges = 400;
  SCOPED_TRACE(testing_support::replay());
  SavedNetwork network(Method::dropout);
  Session session(network.graph);
  save_model(path(), session, network.functions());
  const ModelProto saved = read_model(path());
  const auto changed = folder_.path() / "changed.onnx";
  constexpr std::string_view kCharacters = "0123456789-[]{},:\"abatch*/ef";
  PhiloxSequence random(testing_support::test_seed(), 0);
  const auto below = [&](std::size_t most) {
    return std::min(static_cast<std::size_t>(random.uniform() * static_cast<float>(most)), most - 1);
  };
  int noticed = 0;
  for (int i = 0; i < kChanges; ++i) {
    ModelProto proto = saved;
    const std::array keys{kGraphKey, kGraphKey, kGraphKey, kFunctionsKey, kSessionKey};
    std::string& text =
        std::ranges::find(proto.metadata_props, keys.at(below(keys.size())), &StringStringEntry::key)->value;
    const std::size_t at = below(text.size());
    const char other = kCharacters[below(kCharacters.size())];
    SCOPED_TRACE(fmt::format("character {} of {}... becomes {}", at, text.substr(0, 20), other));
    text[at] = other;
    write_model(changed, proto);
    try {
      Model model = load_model(changed);
      noticed += model.is_as_saved() ? 0 : 1;
      for (const std::string& name : model.functions()) {
        const ModelFunction& function = model.function(name);
        std::vector<Tensor> fed = batch_of(0);
        fed.resize(function.inputs().size());
        function.by_position()(fed);
      }
    } catch (const Error&) {
      ++noticed;
    }
  }
  EXPECT_GT(noticed, kChanges / 4);
}

}  // namespace
}  // namespace weft::onnx
