// From records of runs to findings, figures and report.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "weft/frontends/mnist/study/figures.h"
#include "weft/frontends/mnist/study/findings.h"
#include "weft/frontends/mnist/study/lines_of_code.h"
#include "weft/frontends/mnist/study/peers.h"
#include "weft/frontends/mnist/study/wording.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

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
  EXPECT_THAT(text, HasSubstr("steady's recipe on weft has the highest mean accuracy on 2 of 2 networks"));
  EXPECT_THAT(text, HasSubstr("falling's recipe on weft with tanh: 93.02%"));
  EXPECT_THAT(text, HasSubstr("It falls by 5.00"));
  EXPECT_THAT(text, HasSubstr("Why falling's recipe on weft falls with depth (tanh)"));
  EXPECT_THAT(text, Not(HasSubstr("Why steady")));
  EXPECT_THAT(text, HasSubstr("wrong gradients are not the cause"));
  EXPECT_THAT(
      conclusions(findings_of(results(), dialects_)),
      Contains(HasSubstr(
          "What depth does: Accuracy falls with depth for falling's recipe on weft with tanh, by 5.00")));
}

TEST_F(StudyReport, NamesTheMostAccurateRecipeLast) {
  dialects_ = {dialects_[1], dialects_[0]};
  add(records_, "falling", "784-100-10 relu", 0.99);
  add(records_, "steady", "784-100-10 relu", 0.98);
  EXPECT_THAT(
      conclusions(findings_of(results(), dialects_)),
      Contains(HasSubstr("accurate: steady's recipe on weft has the highest mean accuracy on 2 of 3")));
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
  EXPECT_THAT(variants, ::testing::ElementsAre(
                            "the initializer of steady's recipe", "the initializer of steady's recipe",
                            "10 times the rate", "10 times the rate", "a tenth of the rate",
                            "a tenth of the rate", "standardized input", "standardized input"));
  EXPECT_EQ(runs[0].dialect.initializer.weights, "glorot_uniform");
  EXPECT_EQ(runs[0].dialect.optimizer, dialects_[1].optimizer);
  EXPECT_DOUBLE_EQ(runs[2].dialect.optimizer.rate(), 0.01);
}

TEST_F(StudyReport, SaysWhichIngredientRestoresIt) {
  add(records_, "falling", kShallow, 0.97, "the initializer of steady's recipe");
  add(records_, "falling", kDeep, 0.972, "the initializer of steady's recipe");
  add(records_, "falling", kShallow, 0.95, "10 times the rate");
  add(records_, "falling", kDeep, 0.90, "10 times the rate");
  add(records_, "falling", kShallow, 0.93, "standardized input");
  add(records_, "falling", kDeep, 0.88, "standardized input");
  const std::string text = found();
  EXPECT_THAT(text, HasSubstr("With the initializer of steady's recipe: 97.22%"));
  EXPECT_THAT(text, HasSubstr("What restores it is the initializer of steady's recipe."));
  EXPECT_THAT(text, HasSubstr("it still falls with depth, by 5.00"));
  EXPECT_THAT(text, HasSubstr("the gradient at the first hidden layer is 1 times that at the last"));
  EXPECT_THAT(text, HasSubstr("With standardized input: 88.02% (88.00 to 88.04), a change of 0.00 points"));
}

TEST_F(StudyReport, DrawsOnlyWhatWasRun) {
  std::vector<std::string> names;
  const auto figures = paper_figures(results(), "");
  for (const Figure& figure : figures) names.push_back(figure.name);
  EXPECT_THAT(names, ::testing::ElementsAre("figure-04", "figure-04-frameworks", "figure-05", "figure-06"));
  EXPECT_THAT(figures[3].script.data, HasSubstr("93.02"));
  EXPECT_EQ(learning_curves(results()).size(), 2U);
  EXPECT_EQ(norm_figures(results(), depth_effects(results(), dialects_)).size(), 2U);
}

TEST_F(StudyReport, KeepsTimesOfRecipesApartFromTimesOfFrameworks) {
  Record peer;
  peer.key = {.kind = "peer", .series = "p itself", .configuration = kShallow, .seed = 1, .recipe = ""};
  peer.measured.train_seconds = 77.0;
  peer.measured.predict_seconds = 55.0;
  records_.push_back(peer);
  const Results all(records_, {{.kind = "dialect", .name = "steady", .title = "S on weft"},
                               {.kind = "peer", .name = "p itself", .title = "P itself", .style = 1}});
  const auto figures = paper_figures(all, "");
  ASSERT_EQ(figures.size(), 4U);
  EXPECT_THAT(figures[0].script.commands, Not(HasSubstr("P itself")));
  EXPECT_THAT(figures[0].script.data, Not(HasSubstr("77")));
  EXPECT_THAT(figures[1].script.commands, HasSubstr("P itself"));
  EXPECT_THAT(figures[1].script.commands, Not(HasSubstr("S on weft")));
  EXPECT_THAT(figures[2].script.commands, HasSubstr("'weft, whatever the recipe'"));
  EXPECT_THAT(figures[2].script.commands, Not(HasSubstr("S on weft")));
  EXPECT_THAT(figures[2].script.data, HasSubstr("55"));
}

TEST_F(StudyReport, MarksThePapersNumbersAsThePapers) {
  const auto figures = paper_figures(results(), "2 epochs of all images");
  EXPECT_THAT(figures[1].script.commands, HasSubstr("'Paper: Deeplearning4J, 140-210 s'"));
  EXPECT_THAT(figures[1].script.data, HasSubstr("4 210 210 210"));
  EXPECT_THAT(figures[1].caption, HasSubstr("what the paper's text says"));
  EXPECT_THAT(figures[3].script.commands, HasSubstr("'Paper: Caffe 94% to Theano 98%'"));
  EXPECT_THAT(figures[3].caption, HasSubstr("Our runs are shortened: 2 epochs of all images."));
  const Figure bars = code_figures({})[0];
  for (const char* const count : {" 62 ", " 165 ", " 110 ", " 80 ", " 130 "}) {
    EXPECT_THAT(bars.script.data, HasSubstr(count));
  }
}

TEST_F(StudyReport, KeepsAFiguresScriptAndDrawsItWhereGnuplotIs) {
  const TemporaryFolder folder;
  const Figure figure = paper_figures(results(), "")[0];
  const bool drawn = report::draw(folder.path(), figure.name, figure.script);
  EXPECT_TRUE(std::filesystem::exists(folder / "figure-04.gp"));
  EXPECT_TRUE(std::filesystem::exists(folder / "figure-04.dat"));
  EXPECT_EQ(std::filesystem::exists(folder / "figure-04.svg"), drawn);
  EXPECT_EQ(std::filesystem::exists(folder / "figure-04.png"), drawn);
  if (!drawn) GTEST_SKIP() << "gnuplot is not installed";
  expect_error(ErrorCode::internal, {"bad.gp", "nonsense"},
               [&] { report::draw(folder.path(), "bad", {.commands = "plot nonsense(", .data = ""}); });
}

TEST(Wording, CallsARecipeOnWeftWhatItIs) {
  EXPECT_EQ(recipe_on_weft(dialect("Caffe", "ones")), "Caffe's recipe on weft");
  EXPECT_EQ(recipe_on_weft(dialect("weft", "ones")), "weft's own recipe");
  EXPECT_EQ(recipe_on_weft(dialect("a\nb", "ones")), "a\\nb's recipe on weft");
  EXPECT_EQ(framework_itself("PyTorch"), "PyTorch itself");
}

TEST(Wording, GivesNoAccuracyAboveAHundred) {
  EXPECT_EQ(percent_text({.mean = 0.99, .half = 0.05, .runs = 2}), "99.00% (94.00 to 100.00)");
  EXPECT_EQ(percent_text({.mean = 0.99, .half = 0.0, .runs = 1}), "99.00%");
  EXPECT_EQ(points_text({.mean = 0.5, .half = 0.7, .runs = 2}), "50.00 points (-20.00 to 100.00)");
  EXPECT_EQ(time_text({.median = 1.5, .low = 1.25, .high = 2.0, .runs = 3}), "1.50 s (1.25 to 2.00)");
  EXPECT_EQ(time_text({.median = 0.05, .low = 0.04, .high = 0.06, .runs = 3}), "50.0 ms (40.0 to 60.0)");
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
  // Weft does their job too, under a name of its own.
  const auto runs = plan_peers(peers, networks, {.repeats = 2});
  ASSERT_EQ(runs.size(), 4U);
  EXPECT_EQ(runs[0].key.series, "weft itself");
  EXPECT_EQ(runs[0].key.kind, "weft");
  EXPECT_EQ(runs[1].key.series, "a_there itself");
  EXPECT_TRUE(find_peers(folder_ / "nowhere").empty());
  EXPECT_TRUE(plan_peers({peers[1]}, networks, {.repeats = 2}).empty());
}

TEST_F(Peers, AreSaidToHaveRunOrWhyNot) {
  const std::vector<Peer> peers{
      {.program = "a", .name = "a", .title = "There", .version = "1.2", .absent = ""},
      {.program = "b", .name = "b", .title = "Gone", .version = "", .absent = "no gone"}};
  EXPECT_THAT(framework_notes(peers, true, {}),
              ::testing::ElementsAre("There 1.2 ran itself.", "Gone did not run: no gone."));
  EXPECT_THAT(framework_notes({}, true, {"/a", "/b"}), ::testing::ElementsAre(HasSubstr("in /a or /b.")));
  EXPECT_THAT(framework_notes({}, false, {"/a"}), ::testing::ElementsAre(HasSubstr("without --peers")));
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
  ASSERT_EQ(runs.size(), 4U);
  const Measured measured = run_peer(peer, runs[2], settings, folder_.path());
  EXPECT_EQ(measured.train_seconds, 1.5);
  EXPECT_EQ(measured.predict_seconds, 0.25);
  EXPECT_EQ(measured.accuracy, 0.75);
  EXPECT_EQ(measured.losses.size(), 2U);
  expect_error(ErrorCode::bad_file, {"peer", "train_seconds"},
               [&] { run_peer(peer, runs[3], settings, folder_.path()); });
}

}  // namespace
}  // namespace weft::mnist
