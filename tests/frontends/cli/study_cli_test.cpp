// `weft study` as its users meet it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "weft/frontends/data/idx.h"
#include "weft/frontends/data/synthetic_digits.h"
#include "weft/frontends/report/process.h"
#include "weft/tests/frontends/cli/run_program.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using testing_support::TemporaryFolder;

/// A study of three dialects and two networks on a few synthetic digits in MNIST's files.
class StudyProgram : public ::testing::Test {
 protected:
  StudyProgram() {
    write(data::synthetic_digits(300, 7, 0), "train");
    write(data::synthetic_digits(50, 7, 1), "t10k");
  }

  void write(const data::Dataset& digits, const std::string& part) const {
    const std::vector<std::int64_t> sizes{digits.images.sizes()[0], 28, 28};
    data::write_idx(digits.images.reshaped(sizes), file(part + "-images-idx3-ubyte.gz"));
    data::write_idx(digits.labels, file(part + "-labels-idx1-ubyte.gz"));
  }

  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string out(const std::string& name) const { return file("out/" + name); }

  std::string text_of(const std::string& path) const {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  std::ptrdiff_t lines_of(const std::string& path) const { return std::ranges::count(text_of(path), '\n'); }

  ProgramRun begin(std::vector<std::string> more = {}, int interrupt_after_lines = 0) const {
    std::vector<std::string> args{"study",
                                  "--data",
                                  folder_.path().string(),
                                  "--out",
                                  file("out"),
                                  "--epochs",
                                  "2",
                                  "--repeats",
                                  "2",
                                  "--dialects",
                                  "caffe,weft,tensorflow",
                                  "--configurations",
                                  "784-100-10 tanh,784-4x100-10 tanh",
                                  "--threads",
                                  "2",
                                  "--no-swaps"};
    args.insert(args.end(), more.begin(), more.end());
    return run_program(args, interrupt_after_lines);
  }
  ProgramRun resume(std::vector<std::string> more = {}) const {
    std::vector<std::string> args{"study", "--data",    folder_.path().string(),
                                  "--out", file("out"), "--resume"};
    args.insert(args.end(), more.begin(), more.end());
    return run_program(args);
  }

  TemporaryFolder folder_;
};

TEST_F(StudyProgram, LeavesItsResultsInAFolder) {
  const ProgramRun run = begin();
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("[12/12] "));
  EXPECT_EQ(lines_of(out("runs.csv")), 1 + 12);
  EXPECT_EQ(lines_of(out("summary.csv")), 1 + 6);
  const auto json = nlohmann::json::parse(text_of(out("study.json")));
  EXPECT_TRUE(json.at("complete"));
  EXPECT_EQ(json.at("settings").at("epochs"), 2);
  EXPECT_EQ(json.at("settings").at("data_hash").get<std::string>().size(), 16U);
  EXPECT_FALSE(json.at("machine").at("cpu").get<std::string>().empty());
  EXPECT_FALSE(json.at("machine").at("libraries").at("oneDNN").get<std::string>().empty());
  ASSERT_EQ(json.at("results").size(), 6U);
  EXPECT_EQ(json.at("results")[0].at("seeds"), (std::vector<int>{1, 2}));
  EXPECT_EQ(json.at("results")[0].at("plan_hash").get<std::string>().size(), 16U);
}

TEST_F(StudyProgram, ReportsOnOnePageThatNeedsNothingElse) {
  ASSERT_EQ(begin().exit_code, 0);
  const std::string page = text_of(out("report.html"));
  EXPECT_THAT(page, HasSubstr("What was found"));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("are synthetic")));
  EXPECT_THAT(page, HasSubstr("784-4x100-10 tanh"));
  EXPECT_THAT(page, HasSubstr("How to reproduce"));
  for (const char* const outside : {"src=\"http", "href=\"http", "<script", "src=\"figures"}) {
    EXPECT_THAT(page, ::testing::Not(HasSubstr(outside)));
  }
}

TEST_F(StudyProgram, ReportOpensInABrowserWithoutAnError) {
  const auto browser = report::run_process({"chromium", "--version"});
  if (!browser) GTEST_SKIP() << "chromium is not installed";
  ASSERT_EQ(begin().exit_code, 0);
  const auto shown =
      report::run_process({"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                           "--no-first-run", "--disable-background-networking", "--disable-component-update",
                           "--disable-sync", "--enable-logging=stderr", "--user-data-dir=" + file("profile"),
                           "--dump-dom", "file://" + out("report.html")},
                          {.errors = report::ErrorStream::keep_with_output});
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->exit_code, 0);
  EXPECT_THAT(shown->out, HasSubstr("How to reproduce</h2>"));
  EXPECT_THAT(shown->out, ::testing::Not(HasSubstr("CONSOLE")));
}

TEST_F(StudyProgram, CallsACurveWhatItIs) {
  ASSERT_EQ(begin().exit_code, 0);
  const std::string page = text_of(out("report.html"));
  EXPECT_THAT(page, HasSubstr("<th>Caffe&#39;s recipe on weft</th>"));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("<th>Caffe</th>")));
  EXPECT_THAT(page, HasSubstr("<th>weft, whatever the recipe</th>"));
  EXPECT_THAT(page, HasSubstr("No framework ran itself: the study was made without --peers."));
  EXPECT_THAT(text_of(out("summary.csv")), HasSubstr("\nweft,dialect,caffe,,784-100-10 tanh,2,"));
  const auto json = nlohmann::json::parse(text_of(out("study.json")));
  EXPECT_EQ(json.at("results")[0].at("engine"), "weft");
  EXPECT_EQ(json.at("conclusions_of_the_paper").size(), 10U);
}

TEST_F(StudyProgram, SaysWhereItLookedForFrameworks) {
  const ProgramRun run = begin({"--peers", "--peer-folder", file("nowhere")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("No framework ran itself: there are no programs that run them in " +
                                 file("nowhere")));
  EXPECT_THAT(text_of(out("report.html")), HasSubstr("there are no programs that run them in"));
}

// What stands in a title is shown and never run, and a terminal sees no control characters.
TEST_F(StudyProgram, TakesATitleForText) {
  const std::string title = "x\\nsystem('touch pwned')\\n# `touch pwned` <script>\\u001b]0;</script>";
  const std::string name = "a 'b' $(touch pwned); \x1b[31m";
  std::ofstream(file(name + ".toml")) << "title = \"" + title +
                                             "\"\n[initializer]\nweights = \"glorot_uniform\"\n"
                                             "[training]\nbatch = 64\n"
                                             "[optimizer]\nmethod = \"sgd\"\nrate = 0.1\n";
  const ProgramRun run = run_program(
      {"study", "--data", folder_.path().string(), "--out", file("out"), "--epochs", "1", "--repeats", "1",
       "--configurations", "784-100-10 tanh,784-4x100-10 tanh", "--dialects", file(name + ".toml")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ((run.out + run.err).find_first_of("\x1b\a"), std::string::npos) << run.out;
  EXPECT_THAT(text_of(out("report.html")), ::testing::Not(HasSubstr("<script")));
  EXPECT_THAT(text_of(out("report.html")), HasSubstr("&#39;touch pwned&#39;"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    EXPECT_NE(entry.path().filename(), "pwned");
    if (entry.path().extension() == ".svg") {
      EXPECT_THAT(text_of(entry.path().string()), ::testing::Not(HasSubstr("<script>"))) << entry.path();
    }
  }
}

TEST_F(StudyProgram, KeepsWhatIsDoneOnCtrlCAndGoesOn) {
  const ProgramRun interrupted = begin({}, 4);
  EXPECT_EQ(interrupted.exit_code, 130) << interrupted.out;
  EXPECT_THAT(interrupted.err, HasSubstr("--resume"));
  const auto done = lines_of(out("runs.jsonl"));
  EXPECT_GE(done, 2);
  EXPECT_LT(done, 12);
  EXPECT_EQ(lines_of(out("runs.csv")), 1 + done);
  EXPECT_FALSE(nlohmann::json::parse(text_of(out("study.json"))).at("complete"));

  const ProgramRun resumed = resume();
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(lines_of(out("runs.jsonl")), 12);
  EXPECT_TRUE(nlohmann::json::parse(text_of(out("study.json"))).at("complete"));
}

TEST_F(StudyProgram, CanBeGivenMoreSeeds) {
  begin();
  EXPECT_EQ(resume({"--repeats", "3"}).exit_code, 0);
  EXPECT_EQ(lines_of(out("runs.jsonl")), 18);
}

TEST_F(StudyProgram, DoesNotMixStudies) {
  begin();
  const ProgramRun again = begin();
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("--resume"));
  EXPECT_EQ(resume({"--epochs", "3"}).exit_code, 2);
  write(data::synthetic_digits(300, 8, 0), "train");
  const ProgramRun other = resume();
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, HasSubstr("not the data"));
}

TEST_F(StudyProgram, SaysWhereADialectIsWrong) {
  std::ofstream(file("mine.toml")) << "[initializer]\nweights = \"zeros\"\n[training]\nbatch = -1\n";
  const ProgramRun run = run_program({"study", "--out", file("out"), "--dialects", file("mine.toml")});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("mine.toml:4: 'batch'"));
  EXPECT_FALSE(std::filesystem::exists(file("out")));
}

TEST_F(StudyProgram, NamesTheDialectsThatThereAre) {
  const ProgramRun run = run_program({"study", "--out", file("out"), "--dialects", "keras"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("caffe, deeplearning4j, tensorflow, theano-keras, torch, weft"));
  EXPECT_THAT(run.err, HasSubstr("unknown recipe 'keras'"));
}

}  // namespace
}  // namespace weft
