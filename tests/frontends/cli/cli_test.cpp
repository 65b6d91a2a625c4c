// The program as its users meet it: flags, exit codes, messages, JSON, and training that goes on to the bit.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "weft/frontends/data/idx.h"
#include "weft/frontends/data/synthetic_digits.h"
#include "weft/frontends/mnist/optimizer_config.h"
#include "weft/runtime/compile/pass_list.h"
#include "weft/tests/frontends/cli/run_program.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using testing_support::TemporaryFolder;

Tensor as_pictures(const Tensor& images) {
  return images.reshaped(std::vector<std::int64_t>{images.sizes()[0], 28, 28});
}

/// A small data set of synthetic digits in MNIST's four files.
class Cli : public ::testing::Test {
 public:
  static constexpr std::int64_t kTrain = 300;
  static constexpr std::int64_t kTest = 50;

  void SetUp() override {
    write(data::synthetic_digits(kTrain, 7, 0), "train");
    write(data::synthetic_digits(kTest, 7, 1), "t10k");
  }

  void write(const data::Dataset& digits, const std::string& part) const {
    data::write_idx(as_pictures(digits.images), file(part + "-images-idx3-ubyte.gz"));
    data::write_idx(digits.labels, file(part + "-labels-idx1-ubyte.gz"));
  }

  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

  /// `weft train` on the small data set.
  ProgramRun train(std::vector<std::string> flags, int interrupt_after_lines = 0, int signal = SIGINT) const {
    std::vector<std::string> args{"train",   "--data", folder_.path().string(), "--layers", "16",
                                  "--batch", "32"};
    args.insert(args.end(), flags.begin(), flags.end());
    return run_program(args, interrupt_after_lines, signal);
  }

  std::string bytes_of(const std::string& name) const {
    std::ifstream stream(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 protected:
  TemporaryFolder folder_;
};

void expect_one_line(const ProgramRun& run, int exit_code, const std::string& part) {
  EXPECT_EQ(run.exit_code, exit_code) << run.err;
  EXPECT_THAT(run.err, HasSubstr(part));
  EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
}

TEST_F(Cli, RejectsWrongUsageWithCodeTwo) {
  expect_one_line(run_program({"foo"}), 2, "unknown command 'foo' (see weft --help)");
  expect_one_line(run_program({}), 2, "no command was given");
  expect_one_line(train({"--colour", "red"}), 2, "unknown option '--colour' (see weft train --help)");
  expect_one_line(train({"--layers", "0"}), 2, "--layers: '0' is not a whole number from 1 to 1000000");
  expect_one_line(train({"--lr", "1e39"}), 2, "--lr: '1e39' is not a number in (0, 3.402823e+38]");
  expect_one_line(train({"--layers", "ten"}), 2, "--layers");
  expect_one_line(train({"--activation", "step"}), 2,
                  "--activation: unknown activation 'step'; there are relu");
  expect_one_line(train({"--optimizer", "magic"}), 2,
                  "--optimizer: unknown optimizer 'magic'; there are sgd");
  expect_one_line(train({"--init", "magic"}), 2, "--init");
  expect_one_line(train({"--precision", "f16"}), 2, "--precision: unknown precision 'f16'");
  expect_one_line(train({"--sparse", "yes"}), 2, "--sparse: unknown mode 'yes'");
  expect_one_line(train({"--lr", "-1"}), 2, "--lr: '-1' is not a number in (0, ");
  expect_one_line(train({"--lr", "nan"}), 2, "--lr: 'nan' is not a number in (0, ");
  expect_one_line(train({"--seed", "-1"}), 2, "--seed");
  expect_one_line(train({"--epochs", "0"}), 2, "--epochs");
  expect_one_line(train({"--threads", "0"}), 2, "--threads");
  expect_one_line(run_program({"predict"}), 2, "required");
}

TEST_F(Cli, RefusesFlagsThatDoNotGoTogether) {
  expect_one_line(train({"--momentum", "0.5"}), 2,
                  "--momentum belongs to the optimizer momentum, nesterov; the");
  expect_one_line(train({"--optimizer", "adam", "--beta1", "1"}), 2,
                  "'beta1' is out of range; expected a number");
  expect_one_line(train({"--optimizer", "adam", "--power", "2"}), 2,
                  "--power belongs to the schedule inverse, polynomial; the schedule");
  expect_one_line(train({"--schedule", "inverse"}), 2, "--schedule inverse needs --gamma");
  expect_one_line(train({"--deviation", "0.1"}), 2, "--deviation: the initializer glorot_uniform has none");
  expect_one_line(train({"--patience", "2"}), 2, "--patience needs --validation");
  expect_one_line(train({"--recipe", "magic"}), 1, "unknown recipe 'magic'; there are caffe");
  expect_one_line(train({"--validation", "0.001"}), 1, "leaves no images to validate with");
}

TEST_F(Cli, ExplainsItselfOnRequest) {
  const ProgramRun help = run_program({"train", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* flag : {"--data", "--layers", "--activation", "--epochs", "--batch", "--optimizer", "--lr",
                           "--init", "--seed", "--threads", "--save", "--resume", "--json", "--recipe",
                           "--validation", "--patience", "--dropout", "--label-smoothing", "--precision"}) {
    EXPECT_THAT(help.out, HasSubstr(flag));
  }
  for (const mnist::OptimizerChoice& optimizer : mnist::named_optimizers()) {
    EXPECT_THAT(help.out, HasSubstr(fmt::format("  {:<10} {}", optimizer.name, optimizer.rate)));
    for (const auto& key : optimizer.keys) {
      std::string flag(key.name);
      std::ranges::replace(flag, '_', '-');
      EXPECT_THAT(help.out, HasSubstr("--" + flag));
    }
  }
  for (const mnist::ScheduleChoice& schedule : mnist::named_schedules()) {
    EXPECT_THAT(help.out, HasSubstr(fmt::format("  {:<12} {}", schedule.name, schedule.help)));
  }
  EXPECT_THAT(run_program({"--version"}).out, HasSubstr("weft"));
}

TEST_F(Cli, NamesTheDataFileThatIsWrong) {
  expect_one_line(run_program({"train", "--data", file("nowhere")}), 1, "nowhere");
  std::filesystem::resize_file(file("train-images-idx3-ubyte.gz"), 2000);
  expect_one_line(train({}), 1, "train-images-idx3-ubyte.gz");
}

TEST_F(Cli, RejectsAnIdxFileThatLiesAboutItsSize) {
  std::filesystem::remove(file("train-labels-idx1-ubyte.gz"));
  std::ofstream(file("train-labels-idx1-ubyte"), std::ios::binary)
      << std::string("\0\0\x08\x01\x7f\xff\xff\xff", 8) << "12";
  expect_one_line(train({}), 1, "train-labels-idx1-ubyte");
}

TEST_F(Cli, RejectsLabelsOutOfRange) {
  data::Dataset digits = data::synthetic_digits(kTrain, 7, 0);
  digits.labels.mutable_values<std::uint8_t>()[17] = 10;
  write(digits, "train");
  expect_one_line(train({}), 1, "17");
}

TEST_F(Cli, RejectsLabelsThatTheModelDoesNotHave) {
  ASSERT_EQ(train({"--epochs", "1", "--save", file("model")}).exit_code, 0);
  data::Dataset digits = data::synthetic_digits(kTest, 7, kTrain);
  digits.labels.mutable_values<std::uint8_t>()[5] = 10;
  write(digits, "t10k");
  const ProgramRun run =
      run_program({"predict", "--model", file("model"), "--images", file("t10k-images-idx3-ubyte.gz"),
                   "--labels", file("t10k-labels-idx1-ubyte.gz")});
  expect_one_line(run, 1, "label 5 is not a class of the model; expected 0 to 9, got 10");
  EXPECT_EQ(run.out, "");
}

TEST_F(Cli, SavesAnOnnxModelThatPredictsTheSame) {
  write(data::synthetic_digits(kTest, 7, kTrain), "t10k");
  const std::string images = file("t10k-images-idx3-ubyte.gz");
  ASSERT_EQ(train({"--epochs", "1", "--save", file("model")}).exit_code, 0);
  const ProgramRun saved = train({"--epochs", "1", "--save", file("model.onnx")});
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  const ProgramRun shown = run_program({"onnx", "show", file("model.onnx")});
  EXPECT_THAT(shown.out, HasSubstr("images  u8[batch, 784]"));
  EXPECT_THAT(shown.out, HasSubstr("predict(images) -> classes, logits\n"));
  EXPECT_THAT(shown.out, HasSubstr("train_step(images, labels) -> loss; "));
  const ProgramRun expected = run_program({"predict", "--model", file("model"), "--images", images});
  const ProgramRun made = run_program({"predict", "--model", file("model.onnx"), "--images", images});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_FALSE(made.out.empty());
  EXPECT_EQ(made.out, expected.out);
}

TEST_F(Cli, FindsAnUnwritableTargetBeforeTraining) {
  const ProgramRun run = train({"--epochs", "1", "--save", file("no/such/folder/model")});
  expect_one_line(run, 1, "no/such/folder/model");
  EXPECT_EQ(run.out, "");
}

TEST_F(Cli, PrintsOneLineOfJson) {
  const ProgramRun run = train({"--epochs", "2", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  ASSERT_EQ(std::ranges::count(run.out, '\n'), 1);
  const auto line = nlohmann::json::parse(run.out);
  for (const char* key : {"train_seconds", "predict_seconds", "test_accuracy", "peak_rss_mb"}) {
    EXPECT_GE(line.at(key).get<double>(), 0.0) << key;
  }
  EXPECT_EQ(line.at("epochs"), 2);
  EXPECT_EQ(line.at("seconds_per_epoch").size(), 2U);
  EXPECT_EQ(line.at("train_loss").size(), 2U);
  EXPECT_LT(line.at("train_loss")[1], line.at("train_loss")[0]);
  EXPECT_EQ(line.at("threads"), 1);
  EXPECT_EQ(line.at("batch"), 32);
  EXPECT_EQ(line.at("layers"), std::vector<int>{16});
  EXPECT_EQ(line.at("activation"), "relu");
}

TEST_F(Cli, TrainsWithRoundedProductsAsWithoutThem) {
  const auto last_loss = [&](const std::string& precision) {
    const ProgramRun run = train({"--epochs", "3", "--sparse", "off", "--precision", precision, "--json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return nlohmann::json::parse(run.out).at("train_loss")[2].get<double>();
  };
  const double plain = last_loss("f32");
  const double rounded = last_loss("bf16");
  EXPECT_NE(rounded, plain);
  EXPECT_NEAR(rounded, plain, 0.01 * plain);
}

TEST_F(Cli, RepeatsItselfToTheBit) {
  for (const char* optimizer : {"sgd", "momentum", "adam"}) {
    ASSERT_EQ(train({"--epochs", "2", "--optimizer", optimizer, "--save", file("a")}).exit_code, 0);
    ASSERT_EQ(train({"--epochs", "2", "--optimizer", optimizer, "--save", file("b")}).exit_code, 0);
    EXPECT_EQ(bytes_of("a"), bytes_of("b")) << optimizer;
    ASSERT_EQ(
        train({"--epochs", "2", "--optimizer", optimizer, "--seed", "2", "--save", file("b")}).exit_code, 0);
    EXPECT_NE(bytes_of("a"), bytes_of("b")) << optimizer;
  }
}

/// Trains twice to the same file: at once, and in two parts with a file of this name between them.
void expect_same_bits_in_parts(const Cli& cli, const std::vector<std::string>& flags,
                               const std::string& between = "part") {
  SCOPED_TRACE(fmt::format("{}", fmt::join(flags, " ")));
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), flags.begin(), flags.end());
    return more;
  };
  const ProgramRun whole = cli.train(with({"--epochs", "4", "--save", cli.file("whole")}));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  ASSERT_EQ(cli.train(with({"--epochs", "2", "--save", cli.file(between)})).exit_code, 0);
  const ProgramRun rest =
      cli.train({"--epochs", "4", "--resume", cli.file(between), "--save", cli.file("part")});
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(cli.bytes_of("whole"), cli.bytes_of("part"));
}

TEST_F(Cli, ResumesToTheBit) {
  for (const mnist::OptimizerChoice& optimizer : mnist::named_optimizers()) {
    expect_same_bits_in_parts(*this, {"--optimizer", std::string(optimizer.name)});
  }
  expect_same_bits_in_parts(*this, {"--schedule", "inverse", "--gamma", "0.1", "--dropout", "0.3"});
  expect_same_bits_in_parts(*this,
                            {"--optimizer", "adamw", "--weight-decay", "0.1", "--label-smoothing", "0.1"});
  expect_same_bits_in_parts(*this, {"--recipe", "torch"});
}

TEST_F(Cli, ResumesAnOnnxModelToTheBit) {
  for (const char* optimizer : {"sgd", "momentum", "adam"})
    expect_same_bits_in_parts(*this, {"--optimizer", optimizer, "--dropout", "0.3"}, "part.onnx");
}

TEST_F(Cli, RefusesToResumeAModelThatLacksWhatATrainingNeeds) {
  ASSERT_EQ(train({"--epochs", "1", "--validation", "0.3", "--save", file("part.onnx")}).exit_code, 0);
  expect_one_line(train({"--epochs", "2", "--resume", file("part.onnx")}), 1, "expected a checkpoint");
  // ONNX has no operator for the cosine of this schedule.
  const ProgramRun saved = train({"--epochs", "1", "--schedule", "cosine", "--save", file("part.onnx")});
  EXPECT_THAT(saved.err, HasSubstr("no function train_step: "));
  expect_one_line(train({"--resume", file("part.onnx")}), 1, "expected a model with the function train_step");
}

TEST_F(Cli, ResumesToTheBitWithTheBestWeightsKept) {
  // Such a rate makes accuracies go up and down, so that some best epoch is not the last.
  expect_same_bits_in_parts(*this, {"--validation", "0.3", "--lr", "1", "--seed", "3"});
  expect_same_bits_in_parts(
      *this, {"--validation", "0.3", "--dropout", "0.3", "--optimizer", "adam", "--lr", "0.05"});
}

TEST_F(Cli, DoesNotMakeATrainingLongerWhoseRatesWerePlannedToItsEnd) {
  ASSERT_EQ(train({"--epochs", "2", "--recipe", "weft", "--save", file("part")}).exit_code, 0);
  expect_one_line(train({"--epochs", "4", "--resume", file("part")}), 2, "planned for 2 epochs, not 4");
}

TEST_F(Cli, KeepsTheWeightsOfTheBestEpochAndStopsEarly) {
  const ProgramRun run = train({"--epochs", "60", "--validation", "0.2", "--patience", "3", "--lr", "0.5",
                                "--save", file("model"), "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto line = nlohmann::json::parse(run.out);
  const auto accuracies = line.at("validation_accuracy").get<std::vector<double>>();
  const auto best = std::ranges::max_element(accuracies);
  EXPECT_EQ(line.at("best_epoch"), best - accuracies.begin() + 1);
  EXPECT_LT(accuracies.size(), 60U);
  EXPECT_EQ(line.at("epochs"), accuracies.size());
  EXPECT_EQ(accuracies.end() - best, 4);  // it, and three that were no better
  EXPECT_THAT(run.err, HasSubstr("240 training, 60 validation and 50 test images"));
  // The file holds what was tested.
  const ProgramRun predicted =
      run_program({"predict", "--model", file("model"), "--images", file("t10k-images-idx3-ubyte.gz"),
                   "--labels", file("t10k-labels-idx1-ubyte.gz"), "--json"});
  EXPECT_EQ(nlohmann::json::parse(predicted.out).at("accuracy"), line.at("test_accuracy"));
}

TEST_F(Cli, TrainsByARecipeWhichOtherFlagsChange) {
  const ProgramRun recipe = train({"--epochs", "2", "--recipe", "weft", "--save", file("model"), "--json"});
  ASSERT_EQ(recipe.exit_code, 0) << recipe.err;
  const auto line = nlohmann::json::parse(recipe.out);
  EXPECT_EQ(line.at("optimizer"), "adamw");
  EXPECT_EQ(line.at("lr"), 0.003);
  EXPECT_EQ(line.at("schedule"), "cosine");
  const auto changed = nlohmann::json::parse(
      train({"--epochs", "2", "--recipe", "weft", "--lr", "0.001", "--seed", "3", "--json"}).out);
  EXPECT_EQ(changed.at("optimizer"), "adamw");
  EXPECT_EQ(changed.at("lr"), 0.001);
  EXPECT_EQ(changed.at("batch"), 32);  // as every training here
  EXPECT_EQ(changed.at("seed"), 3);
  for (const std::vector<std::string>& command : {std::vector<std::string>{"inspect", "--stage", "memory"},
                                                  {"profile", "--steps", "3"},
                                                  {"check", "--batch", "8"}}) {
    std::vector<std::string> flags = command;
    flags.insert(flags.end(), {"--model", file("model")});
    if (command[0] != "check") flags.insert(flags.end(), {"--data", folder_.path().string()});
    if (command[0] == "profile") flags.insert(flags.end(), {"--batch", "32"});
    const ProgramRun run = run_program(flags);
    EXPECT_EQ(run.exit_code, 0) << command[0] << ": " << run.err;
  }
}

TEST_F(Cli, PredictsWithPixelsScaledAsInTraining) {
  const ProgramRun trained = train({"--epochs", "3", "--recipe", "torch", "--save", file("model"), "--json"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const ProgramRun predicted =
      run_program({"predict", "--model", file("model"), "--images", file("t10k-images-idx3-ubyte.gz"),
                   "--labels", file("t10k-labels-idx1-ubyte.gz"), "--json"});
  EXPECT_EQ(nlohmann::json::parse(predicted.out).at("accuracy"),
            nlohmann::json::parse(trained.out).at("test_accuracy"));
}

TEST_F(Cli, SavesOnInterruptAndResumesToTheBit) {
  // Far too many epochs to finish before the signal; the checkpoint tells where it stopped.
  const ProgramRun stopped = train({"--epochs", "100000", "--save", file("part")}, 4);
  ASSERT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("--resume " + file("part")));
  const std::string header = bytes_of("part").substr(8, 4000);
  const auto at = header.find("\\\"epoch\\\":");
  ASSERT_NE(at, std::string::npos);
  const int epochs = std::stoi(header.substr(at + 10)) + 1;
  ASSERT_EQ(
      train({"--epochs", std::to_string(epochs), "--resume", file("part"), "--save", file("part")}).exit_code,
      0);
  ASSERT_EQ(train({"--epochs", std::to_string(epochs), "--save", file("whole")}).exit_code, 0);
  EXPECT_EQ(bytes_of("whole"), bytes_of("part"));
}

TEST_F(Cli, KeepsWhatItHasWhenItIsToldToEnd) {
  const ProgramRun stopped = train({"--epochs", "100000", "--save", file("part")}, 5, SIGTERM);
  EXPECT_EQ(stopped.exit_code, 130);
  EXPECT_THAT(stopped.err, HasSubstr("--resume " + file("part")));
  EXPECT_TRUE(std::filesystem::exists(file("part")));
}

TEST_F(Cli, RefusesToResumeWhatDoesNotFit) {
  ASSERT_EQ(train({"--epochs", "1", "--save", file("model")}).exit_code, 0);
  expect_one_line(
      run_program({"train", "--data", folder_.path().string(), "--layers", "17", "--resume", file("model")}),
      2, "--layers");
  expect_one_line(train({"--resume", file("nothing")}), 1, "nothing");
  std::filesystem::resize_file(file("model"), 500);
  expect_one_line(train({"--resume", file("model")}), 1, "model");
}

TEST_F(Cli, StopsWhenTheLossIsNoNumber) {
  const ProgramRun run = train({"--epochs", "3", "--lr", "1e30", "--save", file("model")});
  expect_one_line(run, 1, "learning rate");
  EXPECT_FALSE(std::filesystem::exists(file("model")));
}

TEST_F(Cli, PredictsWhatItLearned) {
  ASSERT_EQ(train({"--epochs", "3", "--save", file("model")}).exit_code, 0);
  const std::string images = file("t10k-images-idx3-ubyte.gz");
  const ProgramRun lines = run_program({"predict", "--model", file("model"), "--images", images});
  ASSERT_EQ(lines.exit_code, 0) << lines.err;
  EXPECT_EQ(std::ranges::count(lines.out, '\n'), kTest);
  const ProgramRun json = run_program({"predict", "--model", file("model"), "--images", images, "--labels",
                                       file("t10k-labels-idx1-ubyte.gz"), "--json"});
  const auto line = nlohmann::json::parse(json.out);
  EXPECT_EQ(line.at("predictions").size(), static_cast<std::size_t>(kTest));
  EXPECT_GT(line.at("accuracy").get<double>(), 0.3);  // a tenth by chance
  expect_one_line(run_program({"predict", "--model", images, "--images", images}), 1, "t10k-images");
  expect_one_line(
      run_program({"predict", "--model", file("model"), "--images", file("t10k-labels-idx1-ubyte.gz")}), 1,
      "pixels");
}

TEST_F(Cli, InspectsGraphPlanAndMemory) {
  const ProgramRun run = run_program({"inspect", "--layers", "100", "--dot", file("step.dot")});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* part : {"== data", "== graph", "== schedule", "== memory", "softmax_cross_entropy",
                           "rows_gradient", "arena"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
  EXPECT_THAT(bytes_of("step.dot"), HasSubstr("digraph"));
}

TEST_F(Cli, InspectsEveryStageThatItsPassesName) {
  const std::vector<std::string> flags{"inspect", "--data", folder_.path().string(), "--layers", "10"};
  const auto shown = [&](const std::string& stage) {
    std::vector<std::string> all = flags;
    all.insert(all.end(), {"--stage", stage});
    return run_program(all);
  };
  for (const PassEntry& pass : pass_list())
    EXPECT_THAT(shown(std::string(pass.stage)).out, HasSubstr(fmt::format("== {}\n", pass.stage)));
  expect_one_line(shown("hoist"), 2,
                  "--stage: 'hoist' is a pass of the stage 'lower', which --stage lower shows");
  expect_one_line(shown("schedul"), 2, "unknown stage 'schedul' (did you mean 'schedule'?); there are plan");
  std::vector<std::string> without = flags;
  without.insert(without.end(), {"--without", "hoits"});
  expect_one_line(run_program(without), 1, "did you mean 'hoist'?");
}

TEST_F(Cli, ProfilesStepsAndTracesThem) {
  const ProgramRun run =
      run_program({"profile", "--data", folder_.path().string(), "--layers", "16", "--steps", "7",
                   "--threads", "2", "--trace", file("trace.json"), "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("overhead"));
  const auto line = nlohmann::json::parse(run.out);
  EXPECT_EQ(line.at("runs"), 7);
  EXPECT_GT(line.at("call_seconds").get<double>(), 0.0);
  EXPECT_GT(line.at("steps").size(), 5U);
  EXPECT_FALSE(nlohmann::json::parse(bytes_of("trace.json")).at("traceEvents").empty());
  expect_one_line(run_program({"profile", "--data", folder_.path().string(), "--batch", "301"}), 1,
                  "at most 300");
}

TEST_F(Cli, ChecksOpsAndPrintsACertificate) {
  const ProgramRun table = run_program({"check", "--op", "matmul,tanh", "--samples", "3"});
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("oneDNN"));
  EXPECT_THAT(table.out, HasSubstr("2 ops: 2 gradients verified; 0 failed"));
  const ProgramRun json = run_program({"check", "--op", "tanh", "--samples", "3", "--json"});
  const auto line = nlohmann::json::parse(json.out);
  EXPECT_EQ(line.at("failed"), 0);
  EXPECT_EQ(line.at("ops")[0].at("op"), "tanh");
  EXPECT_EQ(line.at("ops")[0].at("gradient"), "verified");
  EXPECT_EQ(line.at("ops")[0].at("dtypes"), (std::vector<std::string>{"f32", "f64"}));
  EXPECT_FALSE(line.at("build").at("cpu_features").empty());
  EXPECT_EQ(line.at("build").at("libraries").at("oneDNN").get<std::string>().substr(0, 1), "2");
  expect_one_line(run_program({"check", "--op", "tangent"}), 2, "--op: unknown op 'tangent'");
  expect_one_line(run_program({"check", "--op", "matmull"}), 2,
                  "--op: unknown op 'matmull' (did you mean 'matmul'?); there are ");
  expect_one_line(run_program({"check", "--op", "einsum"}), 2, "such as einsum, is checked by its ops");
}

TEST_F(Cli, CertifiesTheTrainingFunctionOfANetwork) {
  const std::vector<std::string> flags{"check", "--layers",    "9,7", "--activation",
                                       "tanh",  "--optimizer", "adam"};
  const ProgramRun table = run_program(flags);
  ASSERT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("784-9-7-10 tanh, adam"));
  EXPECT_THAT(table.out, HasSubstr("\n4 training functions; 0 failed"));
  std::vector<std::string> json_flags = flags;
  json_flags.emplace_back("--json");
  const auto line = nlohmann::json::parse(run_program(json_flags).out);
  EXPECT_EQ(line.at("models").size(), 4U);
  EXPECT_EQ(line.at("models")[0].at("dtype"), "f32");
  EXPECT_GT(line.at("models")[0].at("derivatives"), 20);
}

}  // namespace
}  // namespace weft
