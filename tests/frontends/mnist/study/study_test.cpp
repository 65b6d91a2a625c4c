#include "weft/frontends/mnist/study/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "weft/frontends/data/synthetic_digits.h"
#include "weft/frontends/mnist/study/fingerprint.h"
#include "weft/frontends/mnist/study/results.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::mnist {
namespace {

using testing_support::expect_error;
using testing_support::TemporaryFolder;

/// A study of two networks that takes no time.
class Study : public ::testing::Test {
 protected:
  Study() {
    fast_.name = "fast";
    fast_.optimizer = {.name = "adam", .learning_rate = 0.01};
    slow_.name = "slow";
    slow_.optimizer = {.name = "sgd", .learning_rate = 1e-4};
  }

  bool run(std::vector<Record>& records, const std::atomic<bool>* stop = nullptr,
           std::function<void(const StudyProgress&)> progress = nullptr) const {
    return do_runs(plan_runs({fast_, slow_}, {&small_, &deep_}, settings_),
                   {.settings = settings_,
                    .data = data_,
                    .records_file = folder_ / "runs.jsonl",
                    .stop = stop,
                    .progress = std::move(progress)},
                   records);
  }

  TemporaryFolder folder_;
  Dialect fast_;
  Dialect slow_;
  Configuration small_{.name = "small", .series = Series::depth, .layers = {8}, .activation = "tanh"};
  Configuration deep_{.name = "deep", .series = Series::depth, .layers = {8, 8}, .activation = "relu"};
  StudySettings settings_{.epochs = 2, .repeats = 2};
  StudyData data_ = study_data({.train = data::synthetic_digits(300, 1, 0),
                                .test = data::synthetic_digits(100, 1, 1),
                                .synthetic = true,
                                .source = "synthetic"},
                               200);
};

/// What two runs of one key have in common: all but the times.
std::vector<double> numbers_of(const Record& record) {
  std::vector<double> numbers = record.measured.losses;
  numbers.insert(numbers.end(), record.measured.accuracies.begin(), record.measured.accuracies.end());
  numbers.push_back(record.measured.at_end.front().gradient);
  return numbers;
}

TEST_F(Study, RunsEveryDialectOnEveryNetworkFromEverySeed) {
  std::vector<Record> records;
  EXPECT_TRUE(run(records));
  ASSERT_EQ(records.size(), 8U);
  EXPECT_EQ(records[0].key.seed, 1U);
  EXPECT_EQ(records[7].key.seed, 2U);
  EXPECT_EQ(records[7].key.series, "slow");
  EXPECT_EQ(records[7].key.configuration, "deep");
  EXPECT_NE(numbers_of(records[0]), numbers_of(records[4]));  // another seed
  const Results results(records, {{.kind = "dialect", .name = "fast", .title = "F"},
                                  {.kind = "dialect", .name = "slow", .title = "S"},
                                  {.kind = "peer", .name = "absent", .title = "A"}});
  EXPECT_EQ(results.series().size(), 2U);
  const Estimate fast = results.accuracy_of("fast", "small");
  EXPECT_EQ(fast.runs, 2U);
  EXPECT_GT(fast.mean, results.accuracy_of("slow", "small").mean);
  EXPECT_THAT(summary_csv(results), ::testing::HasSubstr("\nweft,dialect,slow,,deep,2,"));
}

TEST_F(Study, KeepsWhatIsDoneAndGoesOnToTheSameNumbers) {
  std::vector<Record> whole;
  run(whole);
  std::filesystem::remove(folder_ / "runs.jsonl");

  std::atomic<bool> stop{false};
  std::vector<Record> records;
  const auto stop_in_fourth = [&](const StudyProgress& at) { stop = at.done == 3 && at.epoch == 1; };
  EXPECT_FALSE(run(records, &stop, stop_in_fourth));
  records = read_records(folder_ / "runs.jsonl");
  ASSERT_EQ(records.size(), 3U);
  EXPECT_TRUE(run(records));
  ASSERT_EQ(records.size(), whole.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(records[i].key, whole[i].key);
    EXPECT_EQ(numbers_of(records[i]), numbers_of(whole[i])) << i;
  }
  const auto file = read_records(folder_ / "runs.jsonl");
  EXPECT_EQ(numbers_of(file.back()), numbers_of(records.back()));
}

TEST_F(Study, RepeatsTheRunsOfADialectThatWasChanged) {
  std::vector<Record> records;
  run(records);
  slow_.optimizer.learning_rate = 0.5;
  run(records);
  EXPECT_EQ(records.size(), 12U);
}

TEST_F(Study, TellsOfATrainingThatDiverges) {
  slow_.optimizer.learning_rate = 3e38;
  slow_.initializer = {.weights = "normal", .biases = "zeros", .deviation = 1e5};
  std::vector<Record> records;
  EXPECT_TRUE(run(records));
  EXPECT_THAT(records[2].measured.diverged, ::testing::HasSubstr("epoch"));
  EXPECT_EQ(read_records(folder_ / "runs.jsonl").size(), 8U);
}

TEST_F(Study, SaysHowMuchIsLeft) {
  std::vector<double> left;
  std::vector<Record> records;
  run(records, nullptr, [&](const StudyProgress& at) {
    EXPECT_EQ(at.runs, 8U);
    if (at.record != nullptr) left.push_back(at.seconds_left);
  });
  ASSERT_EQ(left.size(), 8U);
  EXPECT_GT(left.front(), 0.0);
  EXPECT_NEAR(left.back(), 0.0, 1e-9);
}

TEST_F(Study, DoesNotTrustItsFile) {
  std::vector<Record> records;
  settings_.repeats = 1;
  run(records);
  std::ofstream(folder_ / "runs.jsonl", std::ios::app) << "{\"kind\": 7}\n";
  expect_error(ErrorCode::bad_file, {"runs.jsonl:5"}, [&] { read_records(folder_ / "runs.jsonl"); });
  EXPECT_TRUE(read_records(folder_ / "nowhere.jsonl").empty());
}

TEST(StudySettings, KeepEveryFieldThroughTheirFile) {
  const StudySettings usual;
  StudySettings all = usual;
  const auto change = [](auto& member) {
    using Member = std::remove_reference_t<decltype(member)>;
    if constexpr (std::is_same_v<Member, bool>) {
      member = !member;
    } else if constexpr (std::is_arithmetic_v<Member>) {
      member += 3;
    } else if constexpr (std::is_same_v<Member, std::string>) {
      member += "\"a\n";
    } else {
      member.emplace_back("b");
    }
  };
  for_each_field(
      [&](std::string_view name, const auto& before, auto& member) {
        change(member);
        EXPECT_NE(before, member) << name;
      },
      usual, all);
  const TemporaryFolder folder;
  std::ofstream(folder / "settings.json") << settings_text(all);
  EXPECT_EQ(read_settings(folder / "settings.json"), all);
}

TEST(StudyData, MeasuresMeanAndDeviationOfItsTrainingPixels) {
  const data::Dataset digits{.images = Tensor::of<std::uint8_t>({0, 10, 20, 30, 99, 99}, {3, 2}),
                             .labels = Tensor::of<std::uint8_t>({0, 1, 2})};
  const StudyData data = study_data({.train = digits, .test = digits, .synthetic = true, .source = ""}, 2);
  EXPECT_EQ(data.train.images.sizes()[0], 2);
  EXPECT_DOUBLE_EQ(data.standard.mean, 15.0);
  EXPECT_NEAR(data.standard.deviation, 11.18034, 1e-5);
  EXPECT_EQ(pixel_scale({.standardize = true}, data).mean, 15.0);
  EXPECT_EQ(pixel_scale({.standardize = false, .divide_by = 256}, data).deviation, 256.0);
}

TEST(Fingerprint, IsFnv1a) {
  EXPECT_EQ(Fingerprint().text(), "cbf29ce484222325");
  EXPECT_EQ(Fingerprint().add("foobar").text(), "85944171f73967e8");
  EXPECT_EQ(Fingerprint().add("foo").add("bar").text(), "85944171f73967e8");
}

TEST(Statistics, GivesStudentsInterval) {
  EXPECT_NEAR(student_quantile(4), 2.776, 1e-3);
  const double values[] = {1.0, 2.0, 3.0};
  const Estimate all = estimate(values);
  EXPECT_DOUBLE_EQ(all.mean, 2.0);
  EXPECT_NEAR(all.half, 4.3027 / std::sqrt(3.0), 1e-3);
  EXPECT_EQ(estimate(std::span(values, 1)).half, 0.0);
  EXPECT_EQ(estimate({}).runs, 0U);
}

TEST(Statistics, GivesMedianAndRange) {
  const double values[] = {3.0, 1.0, 2.0, std::nan("")};
  const Spread odd = spread_of(values);
  EXPECT_EQ(odd.median, 2.0);
  EXPECT_EQ(odd.low, 1.0);
  EXPECT_EQ(odd.high, 3.0);
  EXPECT_EQ(odd.runs, 3U);
  EXPECT_EQ(spread_of(std::span(values, 2)).median, 2.0);
  EXPECT_EQ(spread_of({}).runs, 0U);
}

TEST(Statistics, KeepsIntervalsToWhatIsPossible) {
  const Interval share = interval_within({.mean = 0.99, .half = 0.05, .runs = 2}, 0.0, 1.0);
  EXPECT_DOUBLE_EQ(share.low, 0.94);
  EXPECT_DOUBLE_EQ(share.high, 1.0);
}

TEST(Statistics, ComparesMeansAsWelchDoes) {
  const double a[] = {27.5, 21.0, 19.0, 23.6, 17.0, 17.9};
  const double b[] = {27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0};
  const Estimate between = difference(a, b);
  EXPECT_NEAR(between.mean, 21.0 - 23.5, 1e-9);
  // Student's quantile for 7.05 degrees of freedom times the root of 2.6207 + 0.5368.
  EXPECT_NEAR(between.half, 2.361 * 1.7769, 0.01);
  EXPECT_EQ(difference(a, {}).runs, 0U);
}

}  // namespace
}  // namespace weft::mnist
