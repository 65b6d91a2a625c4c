// Medians, targets, and who sits out, on contestants that only say numbers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/bench/comparison.h"

namespace weft::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

/// Counts its epochs: the n-th takes the n-th of `epochs` and the last ones the last.
class Scripted final : public Contestant {
 public:
  Scripted(std::string name, int threads, std::vector<double> epochs)
      : name_(std::move(name)), threads_(threads), epochs_(std::move(epochs)) {}

  const std::string& name() const override { return name_; }
  const std::string& setting() const override { return name_; }
  int threads() const override { return threads_; }
  void network(const mnist::Configuration&) override {}
  Epoch train_epoch() override {
    const std::size_t epoch = std::min(next_++, epochs_.size() - 1);
    return {.seconds = epochs_[epoch], .loss = 1.0};
  }
  double predict_seconds() override { return 1.0; }
  double latency_us() override { return 1.0; }

 private:
  std::string name_;
  int threads_;
  std::vector<double> epochs_;
  std::size_t next_ = 0;
};

Comparison compare_scripted(const std::string& network,
                            const std::vector<std::unique_ptr<Contestant>>& contestants) {
  return compare(mnist::configuration_named(network), contestants, 3, std::chrono::milliseconds(0));
}

template <typename... Each>
std::vector<std::unique_ptr<Contestant>> all_of(const Each&... each) {
  std::vector<std::unique_ptr<Contestant>> all;
  (all.push_back(std::make_unique<Scripted>(each)), ...);
  return all;
}

const Target* find(const std::vector<Target>& targets, const std::string& what) {
  const auto found = std::ranges::find(targets, what, &Target::what);
  return found == targets.end() ? nullptr : &*found;
}

TEST(Comparison, TakesMediansOfEverySecondEpochWithoutTheFirstRound) {
  const Comparison one =
      compare_scripted("784-64-10 relu", all_of(Scripted("weft", 1, {9.0, 8.0, 3.0, 7.0, 1.0, 7.0, 2.0})));
  EXPECT_THAT(one.contestants[0].train.rounds, ElementsAre(3.0, 1.0, 2.0));
  EXPECT_EQ(one.contestants[0].train.median(), 2.0);
}

TEST(Comparison, LeavesOutAPeersSettingsThatCannotBeItsBest) {
  const Comparison two =
      compare_scripted("784-64-10 relu", all_of(Scripted("P", 0, {1.0}), Scripted("P", 0, {1.4}),
                                                Scripted("P", 0, {1.6}), Scripted("Q", 0, {5.0})));
  EXPECT_THAT(two.contestants[1].train.rounds, SizeIs(3));
  EXPECT_THAT(two.contestants[2].train.rounds, ElementsAre(1.6));
  EXPECT_THAT(two.contestants[2].predict.rounds, SizeIs(15));
  EXPECT_THAT(two.contestants[3].train.rounds, SizeIs(3));
  EXPECT_EQ(best_of(two, "P", &Measured::train), two.contestants.data());
  EXPECT_EQ(best_of(two, "R", &Measured::train), nullptr);
}

TEST(Comparison, TakesRatiosWithinRounds) {
  // The machine is slow in the second round, and slower for one of them in the third.
  EXPECT_EQ(ratio({.rounds = {1.0, 4.0, 6.0}}, {.rounds = {2.0, 8.0, 2.0}}), 0.5);
  EXPECT_EQ(ratio({.rounds = {1.0, 4.0, 6.0}}, {.rounds = {2.0}}), 2.0);
  // Only the second epoch of a turn counts.
  const auto targets = targets_of(
      compare_scripted("784-64-10 relu", all_of(Scripted("weft", 1, {9.0, 9.0, 2.0, 9.0, 8.0, 9.0, 2.0}),
                                                Scripted("weft", 2, {9.0, 9.0, 1.0, 9.0, 4.0, 9.0, 6.0}))));
  EXPECT_EQ(find(targets, "training: weft with 2 threads / with 1")->value, 0.5);
}

TEST(Comparison, JudgesDenseWeftAgainstTheLoopByHandForEachNumberOfThreads) {
  const auto targets = targets_of(compare_scripted(
      "784-1024-10 relu",
      all_of(Scripted("weft dense", 1, {1.04}), Scripted("weft", 1, {0.7}), Scripted("by hand", 1, {1.0}),
             Scripted("weft dense", 2, {0.66}), Scripted("weft", 2, {0.4}), Scripted("by hand", 2, {0.6}))));
  const Target* one = find(targets, "training, weft dense: weft dense / by hand");
  ASSERT_NE(one, nullptr);
  EXPECT_TRUE(one->met());
  EXPECT_NEAR(one->value, 1.04, 1e-9);
  EXPECT_TRUE(std::ranges::any_of(targets, [](const Target& t) { return !t.met() && t.value > 1.09; }));
  const Target* threads = find(targets, "training: weft dense with 1 thread / with 2");
  ASSERT_NE(threads, nullptr);
  EXPECT_TRUE(threads->met());
}

TEST(Comparison, JudgesPyTorchsBestAgainstTheBestOfEitherWeft) {
  const auto contestants = [] {
    return all_of(Scripted("weft dense", 1, {2.0}), Scripted("weft dense", 2, {1.0}),
                  Scripted("weft", 1, {0.7}), Scripted("PyTorch", 0, {2.8}), Scripted("PyTorch", 0, {2.2}));
  };
  const std::string dense = "training: PyTorch's best / weft dense's best";
  const std::string engine = "training: PyTorch's best / weft's best";
  const auto narrow = targets_of(compare_scripted("784-256-10 relu", contestants()));
  ASSERT_NE(find(narrow, dense), nullptr);
  EXPECT_NEAR(find(narrow, dense)->value, 2.2, 1e-9);
  EXPECT_FALSE(find(narrow, dense)->met());
  ASSERT_NE(find(narrow, engine), nullptr);
  EXPECT_NEAR(find(narrow, engine)->value, 2.2 / 0.7, 1e-9);
  EXPECT_FALSE(find(narrow, engine)->met());
  const auto wide = targets_of(compare_scripted("784-512-10 relu", contestants()));
  EXPECT_TRUE(find(wide, dense)->met());
  EXPECT_TRUE(find(wide, engine)->met());
}

TEST(Comparison, JudgesThatAddedThreadsDoNoHarm) {
  const auto targets = targets_of(compare_scripted(
      "784-256-10 relu", all_of(Scripted("weft", 1, {1.0}), Scripted("weft", 2, {1.1}),
                                Scripted("weft dense", 1, {2.0}), Scripted("weft dense", 2, {1.2}))));
  const Target* harmed = find(targets, "training: weft with 2 threads / with 1");
  ASSERT_NE(harmed, nullptr);
  EXPECT_DOUBLE_EQ(harmed->value, 1.1);
  EXPECT_FALSE(harmed->met());
  EXPECT_TRUE(find(targets, "training: weft dense with 2 threads / with 1")->met());
  EXPECT_TRUE(find(targets, "prediction: weft with 2 threads / with 1")->met());
  EXPECT_EQ(find(targets, "latency: weft with 2 threads / with 1"), nullptr);
}

TEST(Comparison, JudgesWhatSkippingZerosGains) {
  const std::string what = "training: weft's best / weft dense's best";
  const auto contestants = [] {
    return all_of(Scripted("weft dense", 2, {1.0}), Scripted("weft", 1, {0.7}));
  };
  const auto narrow = targets_of(compare_scripted("784-100-10 relu", contestants()));
  ASSERT_NE(find(narrow, what), nullptr);
  EXPECT_NEAR(find(narrow, what)->value, 0.7, 1e-9);
  EXPECT_FALSE(find(narrow, what)->met());
  EXPECT_TRUE(find(targets_of(compare_scripted("784-1024-10 relu", contestants())), what)->met());
  EXPECT_EQ(find(targets_of(compare_scripted("784-256-10 relu", contestants())), what), nullptr);
}

TEST(Comparison, JudgesNothingOfWhoIsAbsent) {
  EXPECT_THAT(targets_of(compare_scripted("784-4x100-10 tanh", all_of(Scripted("weft", 1, {1.0})))),
              SizeIs(0));
}

}  // namespace
}  // namespace weft::bench
