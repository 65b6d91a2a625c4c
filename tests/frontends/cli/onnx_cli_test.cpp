// `weft onnx` as its users meet it.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "weft/frontends/data/idx.h"
#include "weft/frontends/data/npy.h"
#include "weft/frontends/data/npz.h"
#include "weft/frontends/onnx/export.h"
#include "weft/frontends/onnx/import.h"
#include "weft/graph/philox.h"
#include "weft/tests/frontends/cli/run_program.h"
#include "weft/tests/onnx/wire_bytes.h"
#include "weft/tests/support/temporary_folder.h"
#include "weft/weft.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing_support::bytes_field;
using testing_support::number_field;
using testing_support::operator+;
using testing_support::TemporaryFolder;
using testing_support::text_field;
using testing_support::WireBytes;

/// y = op(x) for x f32[batch].
WireBytes model_bytes(std::string_view op) {
  const WireBytes node = text_field(1, "x") + text_field(2, "y") + text_field(4, op);
  const WireBytes type =
      bytes_field(1, number_field(1, 1) + bytes_field(2, bytes_field(1, text_field(2, "batch"))));
  const WireBytes graph = bytes_field(1, node) + text_field(2, "small") +
                          bytes_field(11, text_field(1, "x") + bytes_field(2, type)) +
                          bytes_field(12, text_field(1, "y"));
  return number_field(1, 8) + bytes_field(7, graph) + bytes_field(8, number_field(2, 17));
}

/// y = SequenceLength(x) for x sequence of f32.
WireBytes sequence_bytes() {
  const WireBytes node = text_field(1, "x") + text_field(2, "y") + text_field(4, "SequenceLength");
  const WireBytes type = bytes_field(4, bytes_field(1, bytes_field(1, number_field(1, 1))));
  const WireBytes graph = bytes_field(1, node) + text_field(2, "small") +
                          bytes_field(11, text_field(1, "x") + bytes_field(2, type)) +
                          bytes_field(12, text_field(1, "y"));
  return number_field(1, 8) + bytes_field(7, graph) + bytes_field(8, number_field(2, 17));
}

/// y = Reshape(x, shape) for x f32[?] and shape i64[?].
WireBytes reshape_bytes() {
  const auto input = [](std::string_view name, std::uint64_t type) {
    return bytes_field(
        11, text_field(1, name) +
                bytes_field(
                    2, bytes_field(1, number_field(1, type) + bytes_field(2, bytes_field(1, WireBytes())))));
  };
  const WireBytes node =
      text_field(1, "x") + text_field(1, "shape") + text_field(2, "y") + text_field(4, "Reshape");
  const WireBytes graph = bytes_field(1, node) + text_field(2, "small") + input("x", 1) + input("shape", 7) +
                          bytes_field(12, text_field(1, "y"));
  return number_field(1, 8) + bytes_field(7, graph) + bytes_field(8, number_field(2, 17));
}

class OnnxCli : public ::testing::Test {
 protected:
  std::string file(std::string_view op) const {
    testing_support::write_bytes(folder_ / "model.onnx", model_bytes(op));
    return path("model.onnx");
  }
  std::string reshape() const {
    testing_support::write_bytes(folder_ / "reshape.onnx", reshape_bytes());
    return path("reshape.onnx");
  }
  std::string path(std::string_view name) const { return (folder_ / name).string(); }
  std::string npy(std::string_view name, const Tensor& tensor) const {
    data::write_npy(tensor, folder_ / name);
    return path(name);
  }
  void write(std::string_view name, std::string_view text) const { std::ofstream(folder_ / name) << text; }
  TemporaryFolder folder_;
};

TEST_F(OnnxCli, ShowsAModel) {
  const ProgramRun run = run_program({"onnx", "show", file("Tanh")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("inputs      x  f32[batch]"));
  EXPECT_THAT(run.out, HasSubstr("    1  Tanh\n"));
  EXPECT_THAT(run_program({"onnx", "show", file("Wobble")}).out, HasSubstr("Wobble  (not known here)"));
}

TEST_F(OnnxCli, ChecksAModel) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--dim", "batch=7"},
        std::vector<std::string>{"--input", npy("x.npy", Tensor::of({1.0F, 2.0F}))}}) {
    std::vector<std::string> args{"onnx", "check", file("Tanh")};
    args.insert(args.end(), flags.begin(), flags.end());
    const ProgramRun run = run_program(args);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("1 outputs; compiled and by the reference kernels"));
    EXPECT_THAT(run.out, testing::ContainsRegex("central differences in f64 differ by [0-9.]+e-[01][0-9]"));
  }
}

TEST_F(OnnxCli, SaysWhatIsWrong) {
  EXPECT_EQ(run_program({"onnx"}).exit_code, 2);
  const ProgramRun unknown = run_program({"onnx", "run", "model.onnx", "--inputs", "x.npy"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("unknown option '--inputs' (see weft onnx run --help)"));
  const ProgramRun refused = run_program({"onnx", "check", file("Wobble")});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("Wobble 'y': no such operator is known here"));
  EXPECT_THAT(run_program({"onnx", "check", file("Tanh"), "--dim", "batch"}).err,
              HasSubstr("--dim takes NAME=SIZE"));
}

// --- run ---

TEST_F(OnnxCli, RunsAModelOnArrays) {
  const std::string x = npy("lr=0.1.npy", Tensor::of({0.5, -1.0}));  // f64, as NumPy's arrays are
  const ProgramRun run = run_program({"onnx", "run", file("Tanh"), "--input", x, "--output", path("out")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out,
              HasSubstr(fmt::format("y  f32[2] {{0.46211717, -0.7615942}}  -> {}", path("out/y.npy"))));
  const Tensor y = data::read_npy(folder_ / "out/y.npy");
  ASSERT_EQ(y.type(), (TensorType{f32, {2}}));
  EXPECT_NEAR(y.values<float>()[1], std::tanh(-1.0), 1e-6);
}

TEST_F(OnnxCli, TakesAndMakesArchives) {
  Tensor many = Tensor::zeros(f32, {100});
  many.mutable_values<float>()[3] = std::nanf("");
  data::write_npz({{"other", Tensor::scalar(1.0F)}, {"x", many}}, folder_ / "in.npz");
  for (const std::string& input : {path("in.npz"), "x=" + path("in.npz") + ":x"}) {
    const ProgramRun run =
        run_program({"onnx", "run", file("Cos"), "--input", input, "--output", path("out.npz")});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("y  f32[100]  mean 1, from 1 to 1, 1 NaN"));
    EXPECT_EQ(data::read_npz(folder_ / "out.npz").at("y").values<float>()[0], 1.0F);
  }
}

TEST_F(OnnxCli, FixesInputsThatTheImportNeeds) {
  const std::string x = "x=" + npy("x.npy", Tensor::of({1.0F, 2.0F, 3.0F, 4.0F}));
  const std::string shape = "shape=" + npy("shape.npy", Tensor::of<std::int64_t>({2, 2}));
  const ProgramRun run = run_program({"onnx", "run", "--input", x, "--input", shape, reshape()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("'shape' is a constant"), HasSubstr("y  f32[2, 2] {1, 2, 3, 4}")));
}

TEST_F(OnnxCli, ListsAllInputsWhereSomeAreMissing) {
  const ProgramRun run = run_program({"onnx", "run", reshape()});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("no --input for x, shape; the model's inputs are x f32[?], shape i64[?]"));
}

TEST_F(OnnxCli, SaysWhichInputsDoNotFit) {
  const auto err = [&](const std::string& model, const std::string& input) {
    const ProgramRun run = run_program({"onnx", "run", model, "--input", input});
    EXPECT_EQ(run.exit_code, 1);
    return run.err;
  };
  const std::string square = npy("square.npy", Tensor::of({1.0F, 2.0F, 3.0F, 4.0F}, {2, 2}));
  EXPECT_THAT(err(file("Tanh"), square),
              AllOf(HasSubstr("the input 'x' has another shape than the model states"),
                    HasSubstr("expected f32[batch], got f32[2, 2]")));
  EXPECT_THAT(err(file("Tanh"), "z=" + square), HasSubstr("the model has no input 'z'"));
  EXPECT_THAT(err(reshape(), square),
              HasSubstr("--input takes NAME=FILE, because the model has several inputs"));
  EXPECT_THAT(err(reshape(), "shape=" + npy("half.npy", Tensor::of({0.5}))),
              HasSubstr("the input 'shape' holds a number that i64 cannot hold"));
  EXPECT_THAT(err(file("Tanh"), path("nothing.npy")), HasSubstr("nothing.npy"));
  testing_support::write_bytes(folder_ / "list.onnx", sequence_bytes());
  EXPECT_THAT(err(path("list.onnx"), square), AllOf(HasSubstr("the input 'x' is no tensor"),
                                                    HasSubstr("expected sequence of f32 of any shape")));
}

// --- profile ---

TEST_F(OnnxCli, ProfilesAModel) {
  const ProgramRun run = run_program({"onnx", "profile", file("Tanh"), "--dim", "batch=1000", "--steps", "5",
                                      "--trace", path("trace.json")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("x f32[1000], random, 1 thread"), HasSubstr("tanh"), HasSubstr("call")));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "trace.json"));
}

// --- train ---

/// A network of two layers on rows of two numbers.
void save_classifier(const std::filesystem::path& path) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2});
  const nn::Sequential network{nn::dense(graph, "first", 16), relu, nn::dense(graph, "second", 2)};
  onnx::save(path, {.inputs = {x}, .outputs = {network(x)}}, {.output_names = {"scores"}});
}

/// A tensor of two floats as an initializer.
WireBytes pair(std::string_view name, float number) {
  WireBytes raw(2 * sizeof(float));
  std::memcpy(raw.data(), &number, sizeof(float));
  std::memcpy(raw.data() + sizeof(float), &number, sizeof(float));
  return bytes_field(5, number_field(1, 2) + number_field(2, 1) + text_field(8, name) + bytes_field(9, raw));
}

/// y = BatchNormalization(x) for x f32[batch, 2].
WireBytes batch_norm_bytes() {
  WireBytes node;
  for (const char* name : {"x", "scale", "shift", "mean", "variance"}) node = node + text_field(1, name);
  node = node + text_field(2, "y") + text_field(4, "BatchNormalization");
  const WireBytes shape = bytes_field(1, text_field(2, "batch")) + bytes_field(1, number_field(1, 2));
  const WireBytes type = bytes_field(1, number_field(1, 1) + bytes_field(2, shape));
  const WireBytes graph = bytes_field(1, node) + text_field(2, "norm") + pair("scale", 1.0F) +
                          pair("shift", 0.0F) + pair("mean", 0.0F) + pair("variance", 1.0F) +
                          bytes_field(11, text_field(1, "x") + bytes_field(2, type)) +
                          bytes_field(12, text_field(1, "y"));
  return number_field(1, 8) + bytes_field(7, graph) + bytes_field(8, number_field(2, 17));
}

/// Points, and whether they lie above a line.
std::string table_of_points(int count) {
  PhiloxSequence random(3, 0);
  std::string text = "a,b,above\n";
  for (int i = 0; i < count; ++i) {
    const float a = 2.0F * random.uniform() - 1.0F;
    const float b = 2.0F * random.uniform() - 1.0F;
    text += fmt::format("{},{},{}\n", a, b, a + b > 0.0F ? 1 : 0);
  }
  return text;
}

std::map<std::string, Tensor> parameters_of(const std::filesystem::path& path) {
  Graph graph;
  const onnx::Imported imported = onnx::load(graph, path);
  Session session(graph);
  std::map<std::string, Tensor> values;
  for (const Value& parameter : imported.parameters) values[parameter.name()] = session.value(parameter);
  return values;
}

TEST_F(OnnxCli, TrainsAModelOnATable) {
  save_classifier(folder_ / "net.onnx");
  write("points.csv", table_of_points(300));
  const ProgramRun run = run_program({"onnx",
                                      "train",
                                      path("net.onnx"),
                                      "--data",
                                      path("points.csv"),
                                      "--loss",
                                      "cross_entropy",
                                      "--optimizer",
                                      "adam",
                                      "--lr",
                                      "0.03",
                                      "--epochs",
                                      "20",
                                      "--batch",
                                      "32",
                                      "--validation",
                                      "0.2",
                                      "--freeze",
                                      "first/bias",
                                      "--save",
                                      path("trained.onnx")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("3 of 4 parameters to train, on 240 samples, 60 held out"),
                             HasSubstr("epoch 20/20"), HasSubstr("after: loss 0.0"),
                             HasSubstr("saved to " + path("trained.onnx"))));
  const auto before = parameters_of(folder_ / "net.onnx");
  const auto after = parameters_of(folder_ / "trained.onnx");
  ASSERT_EQ(after.size(), 4U);
  EXPECT_TRUE(identical(after.at("first/bias"), before.at("first/bias")));
  EXPECT_FALSE(identical(after.at("first/weight"), before.at("first/weight")));
  data::write_npy(Tensor::of({0.9F, 0.9F, -0.9F, -0.9F}, {2, 2}), folder_ / "x.npy");
  const ProgramRun used =
      run_program({"onnx", "run", path("trained.onnx"), "--input", path("x.npy"), "--output", path("out")});
  EXPECT_EQ(used.exit_code, 0) << used.err;
  const Tensor scores = data::read_npy(folder_ / "out/scores.npy");
  EXPECT_LT(scores.values<float>()[0], scores.values<float>()[1]);
  EXPECT_GT(scores.values<float>()[2], scores.values<float>()[3]);
}

TEST_F(OnnxCli, KeepsTheRunningMeansOfATrainingUnlessTheyAreFrozen) {
  testing_support::write_bytes(folder_ / "norm.onnx", batch_norm_bytes());
  Tensor x = Tensor::uninitialized(f32, {64, 2});
  PhiloxSequence random(3, 0);
  for (float& number : x.mutable_values<float>()) number = 5.0F + random.uniform();
  npy("x.npy", x);
  const auto means_after = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> args{"onnx",        "train",       path("norm.onnx"),
                                  "--x",         path("x.npy"), "--y",
                                  path("x.npy"), "--loss",      "mse",
                                  "--epochs",    "20",          "--batch",
                                  "16",          "--save",      path("trained.onnx")};
    args.insert(args.end(), flags.begin(), flags.end());
    const ProgramRun run = run_program(args);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const Tensor mean = parameters_of(folder_ / "trained.onnx").at("mean");
    return std::vector<float>(mean.values<float>().begin(), mean.values<float>().end());
  };
  EXPECT_THAT(means_after({}), testing::Each(testing::FloatNear(5.5F, 0.2F)));
  EXPECT_THAT(means_after({"--freeze", "mean", "--freeze", "variance"}), testing::Each(0.0F));
}

TEST_F(OnnxCli, SavesATrainingThatIsInterrupted) {
  save_classifier(folder_ / "net.onnx");
  write("points.csv", table_of_points(300));
  constexpr int kLines = 4;
  const ProgramRun run = run_program({"onnx", "train", path("net.onnx"), "--data", path("points.csv"),
                                      "--epochs", "1000000", "--save", path("trained.onnx")},
                                     kLines);
  EXPECT_EQ(run.exit_code, 130);
  EXPECT_THAT(run.err, HasSubstr("weft: interrupted in epoch"));
  EXPECT_THAT(run.out, HasSubstr("saved to"));
  EXPECT_EQ(parameters_of(folder_ / "trained.onnx").size(), 4U);
}

TEST_F(OnnxCli, TrainsOnArraysWithOtherLosses) {
  save_classifier(folder_ / "net.onnx");
  Tensor x = Tensor::uninitialized(f64, {64, 2});
  PhiloxSequence random(3, 0);
  for (double& number : x.mutable_values<double>()) number = random.uniform();
  data::write_npz({{"x", x}, {"y", x}}, folder_ / "same.npz");
  npy("x.npy", x);
  for (const std::vector<std::string>& data :
       {std::vector<std::string>{"--data", path("same.npz")},
        std::vector<std::string>{"--x", path("x.npy"), "--y", path("x.npy")}}) {
    for (const char* loss : {"mse", "mae", "huber", "bce"}) {
      std::vector<std::string> args{"onnx", "train", path("net.onnx"), "--loss", loss, "--epochs", "3"};
      args.insert(args.end(), data.begin(), data.end());
      const ProgramRun run = run_program(args);
      EXPECT_EQ(run.exit_code, 0) << run.err;
      EXPECT_THAT(run.out, HasSubstr("epoch  3/3  loss 0."));
    }
  }
}

TEST_F(OnnxCli, TrainsOnPicturesOfIdx) {
  Graph graph;
  const Value x = input(graph, "pixels", f32, {1, 4});  // a model of single pictures
  const nn::Sequential network{nn::dense(graph, "only", 3)};
  onnx::save(folder_ / "net.onnx", {.inputs = {x}, .outputs = {network(x)}});
  Tensor pictures = Tensor::zeros(u8, {30, 2, 2});
  Tensor labels = Tensor::zeros(u8, {30});
  for (std::int64_t i = 0; i < 30; ++i) {
    labels.mutable_values<std::uint8_t>()[i] = static_cast<std::uint8_t>(i % 3);
    pictures.mutable_values<std::uint8_t>()[4 * i + i % 3] = 255;
  }
  data::write_idx(pictures, folder_ / "pictures");
  data::write_idx(labels, folder_ / "labels.gz");
  const ProgramRun run =
      run_program({"onnx", "train", path("net.onnx"), "--x", path("pictures"), "--y", path("labels.gz"),
                   "--scale", "0.0039215686", "--lr", "0.1", "--epochs", "30", "--batch", "10"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("100.00% right; trained in"));
}

TEST_F(OnnxCli, SaysWhyItCannotTrain) {
  save_classifier(folder_ / "net.onnx");
  write("points.csv", table_of_points(10));
  write("narrow.csv", "1,2\n3,4\n");
  const auto err = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"onnx", "train", path("net.onnx")});
    const ProgramRun run = run_program(flags);
    EXPECT_NE(run.exit_code, 0);
    return run.err;
  };
  EXPECT_THAT(err({}), HasSubstr("there is nothing to train on; expected --data FILE.npz"));
  EXPECT_THAT(err({"--x", "z=" + path("points.csv"), "--y", path("points.csv:above")}),
              HasSubstr("no --x for x; the model's inputs are x f32[batch, 2]"));
  EXPECT_THAT(err({"--data", path("points.csv"), "--y", "y.npy"}), HasSubstr("do not go with it"));
  EXPECT_THAT(err({"--data", path("points.csv"), "--freeze", "third/*"}),
              AllOf(HasSubstr("--freeze 'third/*' fits no parameter"), HasSubstr("first/weight")));
  EXPECT_THAT(err({"--data", path("points.csv"), "--validation", "0.01"}),
              HasSubstr("leaves no samples to validate"));
  EXPECT_THAT(err({"--data", path("points.csv"), "--freeze", "*"}), HasSubstr("there is nothing to train"));
  EXPECT_THAT(err({"--data", path("narrow.csv")}), HasSubstr("the input 'x' does not fit the samples"));
  EXPECT_THAT(err({"--data", path("points.csv"), "--loss", "mse"}),
              HasSubstr("the targets do not fit the output"));
  EXPECT_THAT(err({"--data", path("points.csv"), "--output", "score"}), HasSubstr("did you mean 'scores'"));
  EXPECT_THAT(err({"--data", path("points.csv"), "--target", "abov"}), HasSubstr("did you mean 'above'"));
  EXPECT_THAT(err({"--data", path("points.csv"), "--loss", "crossentropy"}),
              HasSubstr("did you mean 'cross_entropy'"));
}

}  // namespace
}  // namespace weft
