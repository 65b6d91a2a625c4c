// Weights that go from one graph's file to another graph.

#include "weft/runtime/files/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/files/checkpoint.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::expect_error;
using testing_support::same_bits;
using testing_support::TemporaryFolder;

TEST(Pattern, StarStandsForAnyText) {
  for (const char* name : {"", "a", "a/b/c"}) EXPECT_TRUE(fits_pattern("*", name)) << name;
  EXPECT_TRUE(fits_pattern("encoder/*", "encoder/dense1/weight"));
  EXPECT_TRUE(fits_pattern("encoder/*", "encoder/"));
  EXPECT_FALSE(fits_pattern("encoder/*", "encoder"));
  EXPECT_FALSE(fits_pattern("encoder/*", "my/encoder/x"));
  EXPECT_TRUE(fits_pattern("*/weight", "a/b/weight"));
  EXPECT_TRUE(fits_pattern("*a*b*", "xxaxxbxab"));
  EXPECT_FALSE(fits_pattern("*a*b", "xxaxxbx"));
  EXPECT_TRUE(fits_pattern("a*a*a", "aaa"));
  EXPECT_FALSE(fits_pattern("a*a*a", "aa"));
}

TEST(Pattern, QuestionMarkStandsForOneCharacter) {
  EXPECT_TRUE(fits_pattern("dense?/bias", "dense1/bias"));
  EXPECT_FALSE(fits_pattern("dense?/bias", "dense/bias"));
  EXPECT_FALSE(fits_pattern("dense?/bias", "dense12/bias"));
  EXPECT_FALSE(fits_pattern("a?", "a"));
  EXPECT_TRUE(fits_pattern("", ""));
  EXPECT_FALSE(fits_pattern("", "a"));
}

TEST(Pattern, OfManyStarsTakesNoTimeToSpeakOf) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "a*";
  EXPECT_FALSE(fits_pattern(pattern + "b", std::string(2000, 'a')));
}

TEST(Rename, ReplacesAPrefix) {
  EXPECT_EQ(replace_prefix("model/", "")("model/a/b"), "a/b");
  EXPECT_EQ(replace_prefix("model/", "")("other/a"), "other/a");
  EXPECT_EQ(replace_prefix("a", "b/")("ac"), "b/c");
  EXPECT_EQ(replace_prefix("", "net/")("w"), "net/w");
}

/// A body and a head; with momentum, a step number and a running mean where it trains.
struct Model {
  explicit Model(bool trains, DType dtype = f32) {
    x = input(graph, "x", dtype, {"batch", 3});
    body = parameter(graph, "body/weight", random_normal(graph, dtype, {3, 2}));
    head = parameter(graph, "head/weight", random_normal(graph, dtype, {2, 1}));
    y = matmul(matmul(x, body), head);
    if (!trains) return;
    const Value loss = mean(square(y));
    const Value momentum =
        parameter(graph, "body/weight/momentum", Tensor::zeros(dtype, std::vector<std::int64_t>{3, 2}));
    const Value steps = parameter(graph, "steps", Tensor::scalar(0.0F));
    const Value running = parameter(graph, "running_mean", Tensor::scalar(0.0F));
    const Value moved = 0.9 * momentum + gradient(loss, body);
    spec = {.inputs = {x},
            .outputs = {loss},
            .updates = {assign(momentum, moved), assign(body, body - moved / (10.0 + steps)),
                        assign(steps, steps + 1.0), assign(running, 0.9 * running + 0.1 * mean(y))}};
  }
  Graph graph;
  Value x;
  Value body;
  Value head;
  Value y;
  FunctionSpec spec;
};

TEST(Weights, AreAllParametersButWhatOnlyUpdatesOfOthersRead) {
  const Model training(true);
  EXPECT_THAT(weights_of(training.graph), ElementsAre("body/weight", "head/weight", "running_mean"));
  const Model serving(false);
  EXPECT_THAT(weights_of(serving.graph), ElementsAre("body/weight", "head/weight"));
}

/// A trained session and its file of weights.
class SavedWeights : public testing::Test {
 protected:
  SavedWeights() {
    step_({testing_support::TensorSource("weights").uniform({5, 3}, -1.0, 1.0, f32)});
    session_.save_weights(file_, {}, {{"classes", "cat,dog"}});
  }
  /// The session that reads stays as it was.
  void expect_refused(Session& session, ErrorCode code, std::initializer_list<std::string_view> parts,
                      const LoadOptions& options, const std::filesystem::path& file) {
    const Tensor body = session.value("body/weight");
    const Tensor head = session.value("head/weight");
    expect_error(code, parts, [&] { session.load_weights(file, options); });
    EXPECT_TRUE(same_bits(session.value("body/weight"), body));
    EXPECT_TRUE(same_bits(session.value("head/weight"), head));
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "weights.safetensors";
  Model model_{true};
  Session session_{model_.graph, {.seed = 7}};
  Function step_ = session_.compile(model_.spec);
};

TEST_F(SavedWeights, HoldNoSlotsAndNoRandomPosition) {
  const Checkpoint checkpoint = read_checkpoint(file_);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : checkpoint.tensors) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("body/weight", "head/weight", "running_mean"));
  EXPECT_EQ(checkpoint.metadata, (Metadata{{"classes", "cat,dog"}}));
  session_.save_weights(file_, {.include = {"*"}, .exclude = {"head/*", "running*"}});
  EXPECT_EQ(read_checkpoint(file_).tensors.size(), 1U);
}

TEST_F(SavedWeights, ServeAnotherGraph) {
  Model serving(false);
  Session server(serving.graph, {.seed = 1});
  const LoadReport report = server.load_weights(file_);
  EXPECT_THAT(report.taken, ElementsAre("body/weight", "head/weight"));
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.left, ElementsAre("running_mean"));
  EXPECT_EQ(report.metadata.at("classes"), "cat,dog");
  EXPECT_EQ(to_string(report), "2 parameters taken; left: running_mean");
  for (const char* name : {"body/weight", "head/weight"})
    EXPECT_TRUE(same_bits(server.value(name), session_.value(name))) << name;
  EXPECT_EQ(server.seed(), 1U);
}

TEST_F(SavedWeights, AreReadByTheStrictLoadToo) {
  Model serving(false);
  Session server(serving.graph, {.seed = 5});
  EXPECT_EQ(server.load(file_), (Metadata{{"classes", "cat,dog"}}));
  EXPECT_TRUE(same_bits(server.value("body/weight"), session_.value("body/weight")));
  EXPECT_EQ(server.seed(), 5U) << "the file has no random position";
  Session resumed(model_.graph);
  expect_error(ErrorCode::bad_file, {"missing", "'body/weight/momentum'", "'steps'"},
               [&] { resumed.load(file_); });
}

TEST_F(SavedWeights, AreTakenByNameAndTheRestStartsAsEver) {
  Model serving(false);
  Session fresh(serving.graph, {.seed = 3});
  Session server(serving.graph, {.seed = 3});
  const LoadReport report = server.load_weights(file_, {.parameters = {.include = {"body/*"}}});
  EXPECT_THAT(report.taken, ElementsAre("body/weight"));
  EXPECT_THAT(report.left, ElementsAre("head/weight", "running_mean"));
  EXPECT_TRUE(same_bits(server.value("body/weight"), session_.value("body/weight")));
  EXPECT_TRUE(same_bits(server.value("head/weight"), fresh.value("head/weight")));
  EXPECT_THAT(Session(serving.graph).load_weights(file_, {.parameters = {.exclude = {"head/*"}}}).taken,
              ElementsAre("body/weight"));
}

TEST_F(SavedWeights, ReachPlansThatAreMadeAlready) {
  Model serving(false);
  Session server(serving.graph);
  Function predict = server.compile({.inputs = {serving.x}, .outputs = {serving.y}, .updates = {}});
  Function expected = session_.compile({.inputs = {model_.x}, .outputs = {model_.y}, .updates = {}});
  const Tensor fed = Tensor::of({1.0F, 2.0F, 3.0F}, {1, 3});
  predict({fed});
  server.load_weights(file_);
  EXPECT_TRUE(same_bits(Tensor(predict({fed})[0]), Tensor(expected({fed})[0])));
}

TEST_F(SavedWeights, AreMappedFromOtherNames) {
  Checkpoint foreign;
  foreign.tensors.emplace("model.body/weight", session_.value("body/weight"));
  foreign.tensors.emplace("model.extra", Tensor::scalar(1.0F));
  write_checkpoint(folder_ / "foreign", foreign);
  Model serving(false);
  Session server(serving.graph);
  const LoadReport report =
      server.load_weights(folder_ / "foreign", {.rename = replace_prefix("model.", "")});
  EXPECT_THAT(report.taken, ElementsAre("body/weight"));
  EXPECT_THAT(report.missing, ElementsAre("head/weight"));
  EXPECT_THAT(report.left, ElementsAre("model.extra"));
  EXPECT_THAT(to_string(report), HasSubstr("1 parameter taken; missing: head/weight; left: model.extra"));
  expect_refused(server, ErrorCode::invalid_argument, {"'same'", "'model.body/weight'", "'model.extra'"},
                 {.rename = [](std::string_view) { return std::string("same"); }}, folder_ / "foreign");
}

TEST_F(SavedWeights, OfAnotherShapeOrDTypeAreRefusedByName) {
  Checkpoint other;
  other.tensors.emplace("body/weight", Tensor::zeros(f32, {3, 2}));
  other.tensors.emplace("head/weight", Tensor::zeros(f32, {1, 2}));
  write_checkpoint(folder_ / "other", other);
  Model serving(false);
  Session server(serving.graph);
  expect_refused(server, ErrorCode::bad_file, {"'head/weight'", "shape", "f32[2, 1]", "f32[1, 2]"}, {},
                 folder_ / "other");
  other.tensors["head/weight"] = Tensor::of({0.5, 0.25}, {2, 1});
  write_checkpoint(folder_ / "other", other);
  expect_refused(server, ErrorCode::bad_file, {"'head/weight'", "dtype", "f32[2, 1]", "f64[2, 1]"}, {},
                 folder_ / "other");
  server.load_weights(folder_ / "other", {.convert = true});
  EXPECT_TRUE(identical(server.value("head/weight"), Tensor::of({0.5F, 0.25F}, {2, 1})));
  other.tensors["head/weight"] = Tensor::of({0.5, 1e300}, {2, 1});
  write_checkpoint(folder_ / "other", other);
  expect_refused(server, ErrorCode::bad_file, {"\"head/weight\"", "f32 cannot hold", "1e+300", "element 1"},
                 {.convert = true}, folder_ / "other");
}

TEST_F(SavedWeights, AreWidenedWhereTheGraphComputesInF64) {
  Model serving(false, f64);
  Session server(serving.graph);
  server.load_weights(file_, {.convert = true});
  EXPECT_EQ(server.value("body/weight").values<double>()[1],
            static_cast<double>(session_.value("body/weight").values<float>()[1]));
}

TEST_F(SavedWeights, ThatNobodyHasAreAnError) {
  Model serving(false);
  Session server(serving.graph);
  Checkpoint other;
  other.tensors.emplace("conv.weight", Tensor::zeros(f32, {3, 2}));
  write_checkpoint(folder_ / "other", other);
  expect_refused(server, ErrorCode::bad_file, {"none", "body/weight, head/weight", "conv.weight"}, {},
                 folder_ / "other");
  expect_refused(server, ErrorCode::invalid_argument, {"'bdy/*'", "body/weight"},
                 {.parameters = {.include = {"bdy/*"}}}, file_);
  expect_error(ErrorCode::invalid_argument, {"'x'"}, [&] { server.save_weights(file_, {.include = {"x"}}); });
  EXPECT_EQ(read_checkpoint(file_).tensors.size(), 3U) << "the file is as it was";
}

}  // namespace
}  // namespace weft
