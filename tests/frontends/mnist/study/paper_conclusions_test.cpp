// The paper's conclusions, judged by made-up results.

#include "weft/frontends/mnist/study/paper_conclusions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "weft/frontends/mnist/study/paper.h"

namespace weft::mnist {
namespace {

using ::testing::HasSubstr;

/// Runs of made-up recipes and frameworks.
class PaperConclusions : public ::testing::Test {
 protected:
  void add_recipe(const std::string& name, const std::string& title) {
    Dialect one;
    one.name = name;
    one.title = title;
    dialects_.push_back(one);
    curves_.push_back({.kind = "dialect", .name = name, .title = title + "'s recipe on weft"});
  }

  /// Three seeds that hardly differ.
  void run(const std::string& series, const std::string& network, double seconds, double accuracy,
           const std::string& kind = "dialect", std::vector<double> by_epoch = {}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      Record record;
      record.key = {.kind = kind, .series = series, .configuration = network, .seed = seed, .recipe = ""};
      const double nudge = 1e-4 * static_cast<double>(seed);
      record.measured.train_seconds = seconds + nudge;
      record.measured.predict_seconds = seconds / 100.0 + nudge / 100.0;
      record.measured.accuracy = accuracy + nudge;
      record.measured.accuracies = by_epoch;
      records_.push_back(record);
    }
  }

  PaperConclusion judged(const std::string& number) const {
    const auto all = judge_paper(Results(records_, curves_), dialects_);
    const auto found = std::ranges::find(all, number, &PaperConclusion::number);
    if (found == all.end()) throw std::runtime_error("there is no conclusion " + number);
    return *found;
  }
  Verdict verdict(const std::string& number) const { return judged(number).verdict; }

  std::vector<Dialect> dialects_;
  std::vector<Curve> curves_;
  std::vector<Record> records_;
};

TEST(Votes, MakeAVerdict) {
  EXPECT_EQ(verdict_of({.yes = 4}), Verdict::confirmed);
  EXPECT_EQ(verdict_of({.yes = 3, .no = 0, .neither = 1}), Verdict::confirmed);
  EXPECT_EQ(verdict_of({.yes = 2, .no = 0, .neither = 2}), Verdict::not_confirmed);
  EXPECT_EQ(verdict_of({.yes = 9, .no = 1}), Verdict::not_confirmed);
  EXPECT_EQ(verdict_of({.yes = 1, .no = 2}), Verdict::contradicted);
  EXPECT_EQ(verdict_of({.yes = 1, .no = 1}), Verdict::not_confirmed);
  EXPECT_EQ(verdict_of({}), Verdict::not_confirmed);
}

TEST_F(PaperConclusions, AreAllThereAndNotConfirmedWithoutRuns) {
  const auto all = judge_paper(Results({}, {}), {});
  ASSERT_EQ(all.size(), 10U);
  for (const PaperConclusion& one : all) {
    EXPECT_EQ(one.verdict, Verdict::not_confirmed) << one.number;
    EXPECT_FALSE(one.figures.empty());
  }
  EXPECT_EQ(
      verdicts_sentence(all),
      "Of the paper's seven conclusions, judged in 10 parts: 0 confirmed, 10 not confirmed, 0 contradicted.");
}

TEST_F(PaperConclusions, FirstAsksWhetherDepthCostsTime) {
  add_recipe("caffe", "Caffe");
  run("caffe", "784-100-10 tanh", 1.0, 0.9);
  run("caffe", "784-4x100-10 tanh", 2.0, 0.9);
  EXPECT_EQ(verdict("1"), Verdict::confirmed);
  EXPECT_THAT(judged("1").figures, HasSubstr("1 of 1"));
  run("caffe", "784-100-10 relu", 1.0, 0.9);
  run("caffe", "784-4x100-10 relu", 1.0, 0.9);
  EXPECT_EQ(verdict("1"), Verdict::not_confirmed);
  records_.clear();
  run("caffe", "784-100-10 tanh", 2.0, 0.9);
  run("caffe", "784-4x100-10 tanh", 1.0, 0.9);
  EXPECT_EQ(verdict("1"), Verdict::contradicted);
}

TEST_F(PaperConclusions, SecondAsksForTheTimeToAnAccuracy) {
  add_recipe("caffe", "Caffe");
  run("caffe", "784-64-10 relu", 1.0, 0.9, "dialect", {0.8, 0.9});
  run("caffe", "784-1024-10 relu", 4.0, 0.95, "dialect", {0.95, 0.95});
  EXPECT_EQ(verdict("2"), Verdict::confirmed);  // 2 s in place of 1
  records_.resize(3);
  run("caffe", "784-1024-10 relu", 1.5, 0.95, "dialect", {0.95, 0.95});
  EXPECT_EQ(verdict("2"), Verdict::contradicted);  // 0.75 s
  records_.resize(3);
  run("caffe", "784-1024-10 relu", 0.1, 0.7, "dialect", {0.6, 0.7});
  EXPECT_EQ(verdict("2"), Verdict::confirmed);  // it never gets there
}

TEST_F(PaperConclusions, ThirdAsksForSpeedAndAccuracyApart) {
  add_recipe("caffe", "Caffe");
  run("caffe", "784-100-10 tanh", 2.0, 0.97);
  run("caffe", "784-100-10 relu", 1.0, 0.95);
  EXPECT_EQ(verdict("3, speed"), Verdict::confirmed);
  EXPECT_EQ(verdict("3, accuracy"), Verdict::contradicted);
  EXPECT_THAT(judged("3, accuracy").figures, HasSubstr("less in 1: by -2.00 to -2.00 points"));
}

TEST_F(PaperConclusions, FourthAsksWhichRecipesFallWithDepth) {
  add_recipe("torch", "Torch");
  add_recipe("tensorflow", "TensorFlow");
  run("torch", "784-100-10 tanh", 1.0, 0.95);
  run("torch", "784-4x100-10 tanh", 1.0, 0.93);
  EXPECT_EQ(verdict("4"), Verdict::confirmed);
  run("tensorflow", "784-100-10 tanh", 1.0, 0.95);
  run("tensorflow", "784-4x100-10 tanh", 1.0, 0.97);
  EXPECT_EQ(verdict("4"), Verdict::not_confirmed);
  records_.erase(records_.begin(), records_.begin() + 6);
  EXPECT_EQ(verdict("4"), Verdict::contradicted);
  EXPECT_THAT(judged("4").figures, HasSubstr("TensorFlow's recipe on weft: 95.02%"));
}

TEST_F(PaperConclusions, FifthHasThreeGroups) {
  for (const char* const name : {"caffe", "torch", "theano-keras"}) add_recipe(name, name);
  run("caffe", "784-64-10 relu", 1.0, 0.95);
  run("caffe", "784-1024-10 relu", 1.0, 0.97);
  run("torch", "784-64-10 relu", 1.0, 0.95);
  run("torch", "784-1024-10 relu", 1.0, 0.97);
  run("theano-keras", "784-64-10 relu", 1.0, 0.970);
  run("theano-keras", "784-1024-10 relu", 1.0, 0.975);
  EXPECT_EQ(verdict("5, falling"), Verdict::contradicted);
  EXPECT_EQ(verdict("5, rising"), Verdict::confirmed);
  EXPECT_EQ(verdict("5, steady"), Verdict::confirmed);
  records_.resize(records_.size() - 3);
  run("theano-keras", "784-1024-10 relu", 1.0, 0.99);
  EXPECT_EQ(verdict("5, steady"), Verdict::contradicted);
}

TEST_F(PaperConclusions, SixthIsAboutTheProgramAndNotItsRecipe) {
  add_recipe("deeplearning4j", "Deeplearning4J");
  run("deeplearning4j", "784-100-10 tanh", 100.0, 0.9);
  EXPECT_EQ(verdict("6"), Verdict::not_confirmed);
  EXPECT_THAT(judged("6").figures, HasSubstr("did not run here"));
  curves_.push_back({.kind = "peer", .name = "dl4j itself", .title = "Deeplearning4J itself"});
  curves_.push_back({.kind = "peer", .name = "pytorch itself", .title = "PyTorch itself"});
  run("dl4j itself", "784-100-10 tanh", 9.0, 0.9, "peer");
  run("pytorch itself", "784-100-10 tanh", 1.0, 0.9, "peer");
  EXPECT_EQ(verdict("6"), Verdict::confirmed);
  records_.resize(records_.size() - 3);
  run("pytorch itself", "784-100-10 tanh", 10.0, 0.9, "peer");
  EXPECT_EQ(verdict("6"), Verdict::contradicted);
}

TEST_F(PaperConclusions, SeventhComparesTheOrder) {
  double accuracy = 0.98;
  for (const char* const name : {"theano-keras", "tensorflow", "caffe", "torch", "deeplearning4j"}) {
    add_recipe(name, name);
    run(name, "784-100-10 relu", 1.0, accuracy -= 0.01);
  }
  EXPECT_EQ(verdict("7"), Verdict::confirmed);
  EXPECT_THAT(judged("7").figures, HasSubstr("10 of 10 pairs"));
  for (Record& record : records_) record.measured.accuracy = 1.9 - record.measured.accuracy;
  EXPECT_EQ(verdict("7"), Verdict::contradicted);
  for (Record& record : records_) record.measured.accuracy = record.key.series == "caffe" ? 0.99 : 0.98;
  EXPECT_EQ(verdict("7"), Verdict::not_confirmed);
}

TEST_F(PaperConclusions, StandBesideThePapersNumbers) {
  add_recipe("deeplearning4j", "Deeplearning4J");
  run("deeplearning4j", "784-100-10 tanh", 1.0, 0.95);
  run("deeplearning4j", "784-4x100-10 tanh", 2.0, 0.96);
  const auto rows = beside_paper(Results(records_, curves_), dialects_);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].figure, "4");
  EXPECT_THAT(rows[0].paper, HasSubstr("from about 140 s with 1 layer up to 210 s with 4"));
  ASSERT_EQ(rows[0].ours.size(), 1U);
  EXPECT_EQ(
      rows[0].ours[0],
      "Deeplearning4J's recipe on weft: 1.00 s (1.00 to 1.00) with 1 layer, 2.00 s (2.00 to 2.00) with 4 "
      "layers");
  EXPECT_THAT(rows[1].ours.at(0), HasSubstr("weft, whatever the recipe: 10.0 ms"));
}

}  // namespace
}  // namespace weft::mnist
