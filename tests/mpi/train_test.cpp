// `weft train` on several ranks: the results of one process, reports of rank 0 alone, checkpoints that any
// number of ranks continues, and what happens when ranks are killed.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <regex>

#include "weft/frontends/data/idx.h"
#include "weft/frontends/data/synthetic_digits.h"
#include "weft/frontends/nn.h"
#include "weft/frontends/onnx/export.h"
#include "weft/ops/activation.h"
#include "weft/ops/source.h"
#include "weft/runtime/files/checkpoint.h"
#include "weft/tests/mpi/run_job.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::TemporaryFolder;

std::ptrdiff_t count(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  return std::distance(std::sregex_iterator(text.begin(), text.end(), expression), std::sregex_iterator());
}

/// The line of JSON in what a job said.
nlohmann::json json_in(const std::string& text) {
  const auto begin = text.find("{\"epochs\"");
  EXPECT_NE(begin, std::string::npos) << text;
  return nlohmann::json::parse(text.substr(begin, text.find('\n', begin) - begin));
}

/// A small data set in MNIST's four files.
class TrainJob : public testing::Test {
 public:
  void SetUp() override {
    write(data::synthetic_digits(301, 7, 0), "train");
    write(data::synthetic_digits(50, 7, 1), "t10k");
  }

  void write(const data::Dataset& digits, const std::string& part) const {
    const std::vector<std::int64_t> sizes{digits.images.sizes()[0], 28, 28};
    data::write_idx(digits.images.reshaped(sizes), file(part + "-images-idx3-ubyte.gz"));
    data::write_idx(digits.labels, file(part + "-labels-idx1-ubyte.gz"));
  }

  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

  std::vector<std::string> words(const std::vector<std::string>& flags) const {
    std::vector<std::string> all{"train",   "--data", folder_.path().string(), "--layers", "16",
                                 "--batch", "32",     "--optimizer",           "adam"};
    all.insert(all.end(), flags.begin(), flags.end());
    return all;
  }
  JobRun train(int ranks, const std::vector<std::string>& flags) const {
    return run_job(ranks, WEFT_PROGRAM, words(flags));
  }

 protected:
  TemporaryFolder folder_;
};

TEST_F(TrainJob, GivesTheResultsOfOneProcess) {
  const auto alone = json_in(train(1, {"--epochs", "3", "--json"}).text);
  for (const int ranks : {2, 3, 4}) {
    const JobRun run = train(ranks, {"--epochs", "3", "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.text;
    const auto together = json_in(run.text);
    EXPECT_EQ(together["ranks"], ranks);
    EXPECT_EQ(count(run.text, "test_accuracy"), 1) << "rank 0 alone reports";
    for (std::size_t epoch = 0; epoch < 3; ++epoch) {
      EXPECT_NEAR(together["train_loss"][epoch].get<double>(), alone["train_loss"][epoch].get<double>(),
                  1e-4);
    }
    EXPECT_NEAR(together["test_accuracy"].get<double>(), alone["test_accuracy"].get<double>(), 0.021);
  }
}

TEST_F(TrainJob, ReportsOnceAndForAllRanks) {
  const JobRun run = train(3, {"--epochs", "2", "--save", file("model.safetensors")});
  ASSERT_EQ(run.exit_code, 0) << run.text;
  EXPECT_EQ(count(run.text, "epoch +[12]/2  loss"), 2) << run.text;
  EXPECT_THAT(run.text, HasSubstr("3 ranks of 1 thread"));
  EXPECT_EQ(count(run.text, "[0-9]+ images/s by 3 ranks together"), 1) << run.text;
  EXPECT_EQ(count(run.text, "saved to"), 1) << run.text;
}

TEST_F(TrainJob, ContinuesOnAnotherNumberOfRanks) {
  const std::string model = file("model.safetensors");
  const auto whole = json_in(train(2, {"--epochs", "4", "--json"}).text);
  ASSERT_EQ(train(3, {"--epochs", "2", "--save", model}).exit_code, 0);
  ASSERT_EQ(train(1, {"--epochs", "3", "--resume", model, "--save", model}).exit_code, 0);
  const JobRun last = train(2, {"--epochs", "4", "--resume", model, "--json"});
  ASSERT_EQ(last.exit_code, 0) << last.text;
  EXPECT_NEAR(json_in(last.text)["train_loss"][0].get<double>(), whole["train_loss"][3].get<double>(), 1e-4);
}

TEST_F(TrainJob, WritesLinesWhereNobodyWatches) {
  const JobRun run = train(2, {"--epochs", "1"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(count(run.text, "\r|\033"), 0) << run.text;
}

TEST_F(TrainJob, ContinuesFromAFileThatRankZeroAloneSees) {
  const std::string model = file("model.safetensors");
  ASSERT_EQ(train(2, {"--epochs", "1", "--save", model}).exit_code, 0);
  const std::string script = fmt::format(
      "test \"${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}\" = 0 && file={} || file=/no/such/file; "
      "exec {} train --data {} --epochs 2 --resume $file --json",
      model, WEFT_PROGRAM, folder_.path().string());
  const JobRun run = run_job(3, "/bin/sh", {"-c", script});
  ASSERT_EQ(run.exit_code, 0) << run.text;
  EXPECT_EQ(json_in(run.text)["epochs"], 2);
}

TEST_F(TrainJob, TrainsOnnxModels) {
  const std::string model = file("model.onnx");
  Graph graph;
  const Value x = input(graph, "x", f32, {1, 784});
  const nn::Sequential network{nn::dense(graph, "hidden", 16), relu, nn::dense(graph, "last", 10)};
  onnx::save(model, {.inputs = {x}, .outputs = {network(x)}});
  const auto tuned = [&](int ranks) {
    const JobRun run = run_job(ranks, WEFT_PROGRAM,
                               {"onnx", "train", model, "--x", file("train-images-idx3-ubyte.gz"), "--y",
                                file("train-labels-idx1-ubyte.gz"), "--scale", "0.0039", "--epochs", "2",
                                "--save", file(fmt::format("tuned{}.onnx", ranks))});
    EXPECT_EQ(run.exit_code, 0) << run.text;
    EXPECT_EQ(count(run.text, "after: loss"), 1) << run.text;
    std::smatch found;
    EXPECT_TRUE(std::regex_search(run.text, found, std::regex("after: loss ([0-9.]+)"))) << run.text;
    EXPECT_TRUE(std::filesystem::exists(file(fmt::format("tuned{}.onnx", ranks))));
    return std::stod(found[1]);
  };
  const double alone = tuned(1);
  EXPECT_NEAR(tuned(2), alone, 2e-4);
  EXPECT_NEAR(tuned(3), alone, 2e-4);
}

TEST_F(TrainJob, RefusesCommandsOfOneProcess) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"study", "--out", file("study")}, {"onnx", "show", file("model.onnx")}}) {
    const JobRun run = run_job(2, WEFT_PROGRAM, words);
    EXPECT_NE(run.exit_code, 0);
    EXPECT_EQ(count(run.text, "weft: rank 0 of 2: (study|show) runs as one process"), 1) << run.text;
    EXPECT_EQ(count(run.text, "weft: "), 1) << run.text;
  }
  EXPECT_FALSE(std::filesystem::exists(file("study")));
}

TEST_F(TrainJob, SaysOnceWhatIsWrongWithFlags) {
  const JobRun run = train(3, {"--epohcs", "2"});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_EQ(count(run.text, "weft: unknown option '--epohcs'"), 1) << run.text;
}

TEST_F(TrainJob, EndsWithOneMessage) {
  const JobRun missing = run_job(3, WEFT_PROGRAM, {"train", "--data", "/no/such/folder"});
  EXPECT_NE(missing.exit_code, 0);
  EXPECT_EQ(count(missing.text, "weft: rank 0 of 3: .*/no/such/folder"), 1) << missing.text;
  EXPECT_EQ(count(missing.text, "weft: "), 1) << missing.text;
  EXPECT_THAT(missing.orphans, IsEmpty());
}

TEST_F(TrainJob, RefusesRanksThatTrainSomethingElse) {
  // Each rank is started with a seed of its own, of which rank 2 has another one.
  const std::string script = fmt::format(
      "test \"${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}\" = 2 && seed=5 || seed=1; exec {} train --data {} "
      "--layers "
      "16 --seed $seed",
      WEFT_PROGRAM, folder_.path().string());
  const JobRun run = run_job(3, "/bin/sh", {"-c", script});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_EQ(count(run.text, "weft: rank [0-2] of 3: .*rank 2 differs from the other ranks in its seed"), 1)
      << run.text;
  EXPECT_EQ(count(run.text, "weft: "), 1) << run.text;
}

TEST_F(TrainJob, RefusesRanksWithOtherFlags) {
  for (const char* const flags : {"--epochs 3", "--save $0.safetensors", "--patience 2 --validation 0.1"}) {
    const std::string script = fmt::format(
        "test \"${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}\" = 1 && flags='{}'; "
        "exec {} train --data {} --layers 16 $flags",
        flags, WEFT_PROGRAM, folder_.path().string());
    const JobRun run = run_job(2, "/bin/sh", {"-c", script, file("model")});
    EXPECT_NE(run.exit_code, 0);
    EXPECT_EQ(count(run.text, "weft: rank 0 of 2: rank 1 differs from the other ranks in its flags"), 1)
        << run.text;
    EXPECT_EQ(count(run.text, "weft: "), 1) << run.text;
  }
}

constexpr int kFewKills = 4;
/// How many jobs a test kills: WEFT_TEST_KILLS, or a few.
int kills() {
  const char* const wanted = std::getenv("WEFT_TEST_KILLS");
  return wanted == nullptr ? kFewKills : std::atoi(wanted);
}

TEST_F(TrainJob, LeavesACheckpointThatLoadsWhereARankIsKilled) {
  std::random_device device;
  const auto seed = device();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::string model = file("model.safetensors");
  ASSERT_EQ(train(2, {"--epochs", "1", "--save", model}).exit_code, 0);
  for (int kill = 0; kill < kills(); ++kill) {
    const int victim = std::uniform_int_distribution(0, 2)(random);
    // From the first process on: while ranks join, build, train and save.
    const double moment = std::uniform_real_distribution(0.0, 1.5)(random);
    std::optional<std::chrono::steady_clock::time_point> begin;
    bool killed = false;
    const JobRun run =
        run_job(3, WEFT_PROGRAM, words({"--epochs", "100000", "--resume", model, "--save", model}),
                [&](const std::vector<int>& processes) {
                  if (processes.size() < 3 || killed) return;
                  const auto now = std::chrono::steady_clock::now();
                  if (!begin) begin = now;
                  if (std::chrono::duration<double>(now - *begin).count() < moment) return;
                  killed = true;
                  ::kill(processes[static_cast<std::size_t>(victim)], SIGKILL);
                });
    EXPECT_TRUE(killed);
    EXPECT_NE(run.exit_code, 0);
    EXPECT_LT(run.seconds, 30.0 + moment);
    EXPECT_THAT(run.orphans, IsEmpty());
    // In 1 of 100 jobs on a busy machine the launcher of Open MPI 4.1 lost the message that names the rank.
    const std::regex named("(rank|RANK) [0-2] .*|SIGNAL: 9|1 process returned\\s+a non-zero exit code");
    EXPECT_TRUE(std::regex_search(run.text, named)) << run.text;
    EXPECT_NO_THROW(read_checkpoint(model));
    if (run.launcher_hung) fmt::print("the launcher hung, {:.2f} s after its ranks had begun\n", moment);
    if (kills() > kFewKills)
      fmt::print("{} of {}: rank {} after {:.2f} s\n", kill + 1, kills(), victim, moment);
  }
}

}  // namespace
}  // namespace weft
