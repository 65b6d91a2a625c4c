// From records of runs to findings, figures and report.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "weft/frontends/mnist/study/figures.h"
#include "weft/frontends/mnist/study/findings.h"
#include "weft/frontends/mnist/study/lines_of_code.h"
#include "weft/frontends/mnist/study/peers.h"
#include "weft/frontends/report/gnuplot.h"
#include "weft/frontends/report/html.h"
#include "weft/tests/frontends/temporary_folder.h"
#include "weft/tests/support/expect_error.h"

namespace weft::mnist {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::expect_error;
using testing_support::TemporaryFolder;

constexpr const char* kShallow = "784-100-10 tanh";
constexpr const char* kDeep = "784-4x100-10 tanh";

Dialect dialect(const std::string& name, const std::string& weights) {
  Dialect one;
  one.name = name;
  one.title = name;
  one.initializer.weights = weights;
  one.optimizer = {.name = "adam", .learning_rate = 0.001};
  return one;
}

/// Three seeds around a mean accuracy.
void add(std::vector<Record>& records, const std::string& series, const std::string& network, double accuracy,
         const std::string& variant = "") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Record record;
    record.key = {.kind = variant.empty() ? "dialect" : "swap",
                  .series = series,
                  .variant = variant,
                  .configuration = network,
                  .seed = seed,
                  .recipe = ""};
    record.measured.accuracy = accuracy + 0.0001 * static_cast<double>(seed);
    record.measured.losses = {0.5, 0.25};
    record.measured.accuracies = {0.5, accuracy};
    record.measured.at_start.assign(network == std::string(kDeep) ? 5 : 2,
                                    {.activation = 1.0, .gradient = 0.1});
    records.push_back(record);
  }
}

class StudyReport : public ::testing::Test {
 protected:
  StudyReport() {
    add(records_, "steady", kShallow, 0.97);
    add(records_, "steady", kDeep, 0.975);
    add(records_, "falling", kShallow, 0.93);
    add(records_, "falling", kDeep, 0.88);
  }
  Results results() const {
    return {records_,
            {{.kind = "dialect", .name = "steady", .title = "steady"},
             {.kind = "dialect", .name = "falling", .title = "falling", .style = 1}}};
  }
  std::string found() const {
    std::string text;
    for (const Finding& finding : findings_of(results(), dialects_)) {
      text += finding.heading + "\n";
      for (const std::string& sentence : finding.sentences) text += sentence + "\n";
    }
    return text;
  }

  std::vector<Dialect> dialects_{dialect("steady", "glorot_uniform"), dialect("falling", "ones")};
  std::vector<Record> records_;
};

TEST_F(StudyReport, FindsTheDialectThatFallsWithDepth) {
  const std::string text = found();
  EXPECT_THAT(text, HasSubstr("steady has the highest mean accuracy on 2 of 2 networks"));
  EXPECT_THAT(text, HasSubstr("falling with tanh: 93.02%"));
  EXPECT_THAT(text, HasSubstr("It falls by 5.00"));
  EXPECT_THAT(text, HasSubstr("Why falling falls with depth (tanh)"));
  EXPECT_THAT(text, Not(HasSubstr("Why steady")));
  EXPECT_THAT(text, HasSubstr("wrong gradients are not the cause"));
  EXPECT_THAT(
      conclusions(findings_of(results(), dialects_)),
      Contains(HasSubstr("What depth does: Accuracy falls with depth for falling with tanh (by 5.00")));
}

TEST_F(StudyReport, NamesTheMostAccurateRecipeLast) {
  dialects_ = {dialects_[1], dialects_[0]};
  add(records_, "falling", "784-100-10 relu", 0.99);
  add(records_, "steady", "784-100-10 relu", 0.98);
  EXPECT_THAT(conclusions(findings_of(results(), dialects_)),
              Contains(HasSubstr("accurate: steady has the highest mean accuracy on 2 of 3")));
  dialects_.resize(1);
  EXPECT_THAT(conclusions(findings_of(results(), dialects_)), Not(Contains(HasSubstr("highest mean"))));
}

TEST_F(StudyReport, LeavesAFallOpenThatSeedsCannotTell) {
  EXPECT_TRUE(is_fall({.mean = 0.05, .half = 0.01, .runs = 3}));
  EXPECT_FALSE(is_fall({.mean = 0.05, .half = 0.06, .runs = 3}));
  EXPECT_FALSE(is_fall({.mean = 0.001, .half = 0.0001, .runs = 3}));
  EXPECT_FALSE(is_fall({.mean = 0.004, .half = 0.0, .runs = 1}));
  records_.back().measured.accuracy = 0.99;
  EXPECT_THAT(found(), HasSubstr("these seeds cannot tell"));
}

TEST_F(StudyReport, SwapsOneIngredientOfTheDialectThatFalls) {
  const auto effects = depth_effects(results(), dialects_);
  const auto runs = plan_swaps(effects, results(), dialects_, {.repeats = 1});
  std::vector<std::string> variants;
  for (const PlannedRun& run : runs) {
    EXPECT_EQ(run.key.series, "falling");
    variants.push_back(run.key.variant);
  }
  // The optimizers are alike, so there is nothing to swap.
  EXPECT_THAT(variants,
              ::testing::ElementsAre("the initializer of steady", "the initializer of steady",
                                     "10 times the rate", "10 times the rate", "a tenth of the rate",
                                     "a tenth of the rate", "standardized input", "standardized input"));
  EXPECT_EQ(runs[0].dialect.initializer.weights, "glorot_uniform");
  EXPECT_EQ(runs[0].dialect.optimizer, dialects_[1].optimizer);
  EXPECT_DOUBLE_EQ(runs[2].dialect.optimizer.rate(), 0.01);
}

TEST_F(StudyReport, SaysWhichIngredientRestoresIt) {
  add(records_, "falling", kShallow, 0.97, "the initializer of steady");
  add(records_, "falling", kDeep, 0.972, "the initializer of steady");
  add(records_, "falling", kShallow, 0.95, "10 times the rate");
  add(records_, "falling", kDeep, 0.90, "10 times the rate");
  add(records_, "falling", kShallow, 0.93, "standardized input");
  add(records_, "falling", kDeep, 0.88, "standardized input");
  const std::string text = found();
  EXPECT_THAT(text, HasSubstr("With the initializer of steady: 97.22%"));
  EXPECT_THAT(text, HasSubstr("What restores it is the initializer of steady."));
  EXPECT_THAT(text, HasSubstr("it still falls with depth, by 5.00"));
  EXPECT_THAT(text, HasSubstr("the gradient at the first hidden layer is 1 times that at the last"));
  EXPECT_THAT(text, HasSubstr("With standardized input: 88.02% \u00b1 0.02, a change of 0.00"));
}

TEST_F(StudyReport, DrawsOnlyWhatWasRun) {
  std::vector<std::string> names;
  for (const Figure& figure : paper_figures(results())) names.push_back(figure.name);
  EXPECT_THAT(names, ::testing::ElementsAre("figure-04", "figure-05", "figure-06"));
  EXPECT_THAT(paper_figures(results())[2].script, HasSubstr("93.02"));
  EXPECT_EQ(learning_curves(results()).size(), 2U);
  EXPECT_EQ(norm_figures(results(), depth_effects(results(), dialects_)).size(), 2U);
}

TEST_F(StudyReport, KeepsAFiguresScriptAndDrawsItWhereGnuplotIs) {
  const TemporaryFolder folder;
  const Figure figure = paper_figures(results())[0];
  const bool drawn = draw(folder.path(), figure.name, figure.script);
  EXPECT_TRUE(std::filesystem::exists(folder / "figure-04.gp"));
  EXPECT_EQ(std::filesystem::exists(folder / "figure-04.svg"), drawn);
  EXPECT_EQ(std::filesystem::exists(folder / "figure-04.png"), drawn);
  if (!drawn) GTEST_SKIP() << "gnuplot is not installed";
  expect_error(ErrorCode::internal, {"bad.gp"}, [&] { draw(folder.path(), "bad", "plot nonsense("); });
}

TEST(LineChart, HasRoomInItsLegendForEveryLine) {
  LineChart chart;
  chart.lines.resize(9, {.title = "short", .points = {{.x = 1.0, .y = 1.0}}});
  EXPECT_THAT(script_of(chart), HasSubstr("vertical maxrows 5 "));
  const double height = aspect_of(chart);
  chart.lines[0].title = "a title that leaves no room for a second column";
  EXPECT_THAT(script_of(chart), HasSubstr("vertical maxrows 9 "));
  EXPECT_GT(aspect_of(chart), height);
}

TEST(LineChart, NamesWholeNumbersWhereItHasFewPoints) {
  LineChart chart;
  chart.lines.resize(1);
  chart.lines[0].points.resize(3);
  EXPECT_THAT(script_of(chart), HasSubstr("set xtics 1\n"));
  chart.lines[0].points.resize(100);
  EXPECT_THAT(script_of(chart), Not(HasSubstr("set xtics 1\n")));
}

TEST(Html, EscapesAndPacks) {
  EXPECT_EQ(escaped("a<b & \"c\""), "a&lt;b &amp; &quot;c&quot;");
  EXPECT_EQ(data_address("text/plain", "foob"), "data:text/plain;base64,Zm9vYg==");
  EXPECT_EQ(data_address("text/plain", "fooba"), "data:text/plain;base64,Zm9vYmE=");
  EXPECT_EQ(data_address("text/plain", "foobar"), "data:text/plain;base64,Zm9vYmFy");
}

TEST(LinesOfCode, CountsLinesThatHoldCode) {
  const char* const cpp =
      "// a comment\n#include <x>\n\n  /* several\n lines */ int a = 1;\nint b = 2;  // why\n"
      "auto s = \"// no comment\";\n/* one */\nread();  // data loading\n";
  EXPECT_EQ(lines_of_code(cpp, Language::cpp), 4U);
  const char* const python =
      "#!/usr/bin/python3\n\"\"\"One line.\"\"\"\nimport x\n\ndef f():\n    \"\"\"More\n    lines.\n    "
      "\"\"\"\n"
      "    return '# no comment'  # why\ny = load()  # data loading\n";
  EXPECT_EQ(lines_of_code(python, Language::python), 3U);
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// What the paper counts in its table 1; its shortest program has 62.
TEST(LinesOfCode, OfThePapersNetworkAreFew) {
  const auto sizes = code_sizes(WEFT_SOURCES);
  ASSERT_FALSE(sizes.empty());
  EXPECT_EQ(sizes.front().file, "frontends/examples/mnist_mlp.cpp");
  EXPECT_GT(sizes.front().lines, 10U);
  EXPECT_LE(sizes.front().lines, 25U);
}

TEST(LinesOfCode, OfAnOpWithItsGradientAreFew) {
  for (const char* name : {"custom_op", "custom_reduction", "custom_outputs", "custom_state"}) {
    const std::string text =
        text_of(std::filesystem::path(WEFT_SOURCES) / "frontends/examples" / (std::string(name) + ".cpp"));
    const std::size_t begin = text.find("\nstruct ");
    ASSERT_NE(begin, std::string::npos) << name;
    const std::size_t end = text.find("\n};", begin);
    const std::size_t lines = lines_of_code(text.substr(begin, end + 3 - begin), Language::cpp);
    EXPECT_GT(lines, 5U) << name;
    EXPECT_LE(lines, 25U) << name;
  }
}

/// Programs that speak as an adapter does.
class Peers : public ::testing::Test {
 protected:
  void program(const std::string& name, const std::string& script) const {
    const auto path = folder_ / name;
    std::ofstream(path) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  TemporaryFolder folder_;
};

TEST_F(Peers, AreThoseThatAnswerAndNameWhatIsAbsent) {
  program("a_there", R"(echo '{"framework": "There", "version": "1.2"}')");
  program("b_absent", R"(echo '{"framework": "Gone", "absent": "gone is not installed"}')");
  program("c_broken", "exit 3");
  std::ofstream(folder_ / "notes.txt") << "no program";
  const auto peers = find_peers(folder_.path());
  ASSERT_EQ(peers.size(), 3U);
  EXPECT_EQ(peers[0].title, "There");
  EXPECT_EQ(peers[0].version, "1.2");
  EXPECT_EQ(peers[1].absent, "gone is not installed");
  EXPECT_THAT(peers[2].absent, HasSubstr("exit code 0, got 3"));
  const std::vector<const Configuration*> networks{&configuration_named(kDeep)};
  EXPECT_EQ(plan_peers(peers, networks, {.repeats = 2}).size(), 2U);
  EXPECT_TRUE(find_peers(folder_ / "nowhere").empty());
}

TEST_F(Peers, AreMeasuredByTheirLineOfJson) {
  program("peer", R"(case "$*" in
*--describe*) echo '{"framework": "P", "version": "1"}' ;;
*"--layers 100,100,100,100 --activation tanh --epochs 2 --batch 64"*"--seed 7"*) echo noise
  echo '{"train_seconds": 1.5, "predict_seconds": 0.25, "test_accuracy": 0.75, "train_loss": [2, null]}' ;;
*) echo '{}' ;;
esac)");
  const Peer peer = find_peers(folder_.path()).at(0);
  const std::vector<const Configuration*> networks{&configuration_named(kDeep),
                                                   &configuration_named(kShallow)};
  const StudySettings settings{.epochs = 2, .repeats = 1, .seed = 7};
  const auto runs = plan_peers({peer}, networks, settings);
  const Measured measured = run_peer(peer, runs[0], settings, folder_.path());
  EXPECT_EQ(measured.train_seconds, 1.5);
  EXPECT_EQ(measured.predict_seconds, 0.25);
  EXPECT_EQ(measured.accuracy, 0.75);
  EXPECT_EQ(measured.losses.size(), 2U);
  expect_error(ErrorCode::bad_file, {"peer", "train_seconds"},
               [&] { run_peer(peer, runs[1], settings, folder_.path()); });
}

}  // namespace
}  // namespace weft::mnist
