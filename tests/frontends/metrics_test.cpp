#include "weft/frontends/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

Tensor labels(const std::vector<std::int32_t>& values) {
  return Tensor::of(std::span<const std::int32_t>(values),
                    std::vector{static_cast<std::int64_t>(values.size())});
}

TEST(Accuracy, IsTheShareThatAgrees) {
  const Tensor labels = Tensor::of<std::uint8_t>({1, 2, 3, 4});
  EXPECT_EQ(accuracy(Tensor::of<std::int64_t>({1, 2, 3, 9}), labels), 0.75);
  EXPECT_EQ(accuracy(Tensor::of<std::int64_t>({257, 2, 3, 4}), labels), 0.75);
  EXPECT_EQ(accuracy(Tensor::zeros(i64, {0}), Tensor::zeros(u8, {0})), 0.0);
  expect_error(ErrorCode::shape_mismatch, {"3", "4"},
               [&] { accuracy(Tensor::of<std::int64_t>({1, 2, 3}), labels); });
}

TEST(TopK, LooksAtTheHighestScores) {
  const Tensor scores = Tensor::of({0.1F, 0.7F, 0.2F, 0.5F, 0.3F, 0.2F}, {2, 3});
  EXPECT_EQ(top_k_accuracy(scores, labels({2, 0}), 1), 0.5);
  EXPECT_EQ(top_k_accuracy(scores, labels({2, 0}), 2), 1.0);
  EXPECT_EQ(top_k_accuracy(scores, labels({0, 2}), 2), 0.0);
}

TEST(TopK, BreaksTiesAsArgmaxDoes) {
  const Tensor same = Tensor::of({0.5, 0.5, 0.5}, {1, 3});
  EXPECT_EQ(top_k_accuracy(same, labels({0}), 1), 1.0);
  EXPECT_EQ(top_k_accuracy(same, labels({1}), 1), 0.0);
  EXPECT_EQ(top_k_accuracy(same, labels({1}), 2), 1.0);
  // A NaN is the largest, as for argmax.
  const Tensor with_nan = Tensor::of({0.5, std::nan(""), std::nan("")}, {1, 3});
  EXPECT_EQ(top_k_accuracy(with_nan, labels({1}), 1), 1.0);
  EXPECT_EQ(top_k_accuracy(with_nan, labels({2}), 1), 0.0);
  EXPECT_EQ(top_k_accuracy(with_nan, labels({0}), 2), 0.0);
  EXPECT_EQ(top_k_accuracy(with_nan, labels({0}), 3), 1.0);
}

TEST(TopK, RejectsWhatDoesNotFit) {
  const Tensor scores = Tensor::of({0.1F, 0.9F}, {1, 2});
  expect_error(ErrorCode::out_of_range, {"2"}, [&] { top_k_accuracy(scores, labels({2}), 1); });
  expect_error(ErrorCode::shape_mismatch, {"[2, classes]"},
               [&] { top_k_accuracy(scores, labels({0, 1}), 1); });
  expect_error(ErrorCode::invalid_argument, {"k must"}, [&] { top_k_accuracy(scores, labels({0}), 0); });
}

TEST(ConfusionMatrix, HasARowForEachTrueClass) {
  const Tensor confusion = confusion_matrix(labels({0, 1, 1, 2, 0}), labels({0, 1, 2, 2, 1}), 3);
  const std::vector<std::int64_t> wanted{1, 0, 0, 1, 1, 0, 0, 1, 1};
  EXPECT_TRUE(identical(confusion,
                        Tensor::of(std::span<const std::int64_t>(wanted), std::vector<std::int64_t>{3, 3})));
  expect_error(ErrorCode::out_of_range, {"3"}, [] { confusion_matrix(labels({3}), labels({0}), 3); });
}

TEST(ClassScores, ArePrecisionRecallAndTheirHarmonicMean) {
  // Class 0: 2 of 3 found, 1 false alarm; class 1: 3 of 4 found, 1 false alarm; class 2 never predicted.
  const std::vector<std::int64_t> counts{2, 1, 0, 1, 3, 0, 0, 0, 0};
  const auto scores =
      class_scores(Tensor::of(std::span<const std::int64_t>(counts), std::vector<std::int64_t>{3, 3}));
  EXPECT_DOUBLE_EQ(scores[0].precision, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(scores[0].recall, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(scores[1].precision, 0.75);
  EXPECT_DOUBLE_EQ(scores[1].f1, 0.75);
  EXPECT_EQ(scores[2].precision, 0.0);
  EXPECT_EQ(scores[2].f1, 0.0);
  EXPECT_DOUBLE_EQ(macro_average(scores).f1, (2.0 / 3.0 + 0.75) / 3.0);
  const std::vector<std::int64_t> lopsided{1, 3, 0, 6};
  const auto two =
      class_scores(Tensor::of(std::span<const std::int64_t>(lopsided), std::vector<std::int64_t>{2, 2}));
  EXPECT_DOUBLE_EQ(two[0].precision, 1.0);
  EXPECT_DOUBLE_EQ(two[0].recall, 0.25);
  EXPECT_DOUBLE_EQ(two[0].f1, 2.0 * 1.0 * 0.25 / 1.25);
}

TEST(RocAuc, IsTheShareOfPairsInOrder) {
  const std::vector<float> scores{0.1F, 0.4F, 0.35F, 0.8F, 0.4F, 0.4F, 0.9F};
  const std::vector<std::int32_t> truth{0, 0, 1, 1, 1, 0, 0};
  double pairs = 0.0;
  double right = 0.0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    for (std::size_t j = 0; j < scores.size(); ++j) {
      if (truth[i] != 1 || truth[j] != 0) continue;
      pairs += 1.0;
      right += scores[i] > scores[j] ? 1.0 : scores[i] == scores[j] ? 0.5 : 0.0;
    }
  }
  const Tensor all = Tensor::of(std::span<const float>(scores), std::vector<std::int64_t>{7});
  EXPECT_DOUBLE_EQ(roc_auc(all, labels(truth)), right / pairs);
  EXPECT_EQ(roc_auc(Tensor::of({0.5, 0.5, 0.5}), labels({0, 1, 1})), 0.5);
  EXPECT_EQ(roc_auc(Tensor::of({0.2, 0.7}), labels({0, 1})), 1.0);
  expect_error(ErrorCode::invalid_argument, {"both labels"}, [] { roc_auc(Tensor::of({0.5}), labels({1})); });
  expect_error(ErrorCode::numeric, {"NaN has no rank"},
               [] { roc_auc(Tensor::of({std::nan(""), 0.0}), labels({1, 0})); });
}

TEST(CalibrationError, ComparesConfidenceWithAccuracy) {
  // Two bins: (0, 0.5] holds 0.5, wrong; (0.5, 1] holds 0.75 right, 0.75 wrong and 1.0 right.
  const Tensor p = Tensor::of({0.5, 0.5, 0.75, 0.25, 0.25, 0.75, 0.0, 1.0}, {4, 2});
  const Tensor truth = labels({1, 0, 0, 1});
  EXPECT_DOUBLE_EQ(expected_calibration_error(p, truth, 2), (0.5 + std::abs(2.5 - 2.0)) / 4.0);
  EXPECT_DOUBLE_EQ(expected_calibration_error(Tensor::of({0.0, 1.0}, {1, 2}), labels({1})), 0.0);
  expect_error(ErrorCode::numeric, {"1.5 in row 0"},
               [] { expected_calibration_error(Tensor::of({1.5, 0.0}, {1, 2}), labels({0})); });
}

TEST(RegressionErrors, FollowTheirFormulas) {
  const Tensor p = Tensor::of({1.0, 2.0, 4.0});
  const Tensor t = Tensor::of({1.5, 2.0, 2.0});
  EXPECT_DOUBLE_EQ(mean_squared_error(p, t), (0.25 + 4.0) / 3.0);
  EXPECT_DOUBLE_EQ(mean_absolute_error(p, t), 2.5 / 3.0);
  const double mean = 5.5 / 3.0;
  const double spread = (1.5 - mean) * (1.5 - mean) + 2.0 * (2.0 - mean) * (2.0 - mean);
  EXPECT_DOUBLE_EQ(r2_score(p, t), 1.0 - 4.25 / spread);
  EXPECT_EQ(r2_score(t, t), 1.0);
  EXPECT_EQ(r2_score(Tensor::of({1.0, 3.0}), Tensor::of({2.0, 2.0})), 0.0);
  const auto ten = [](double x) { return Tensor::of(std::vector<double>(10, x), std::vector{10}); };
  EXPECT_EQ(r2_score(ten(0.2), ten(0.1)), 0.0);  // whose mean is rounded
  EXPECT_EQ(mean_squared_error(Tensor::zeros(f32, {0}), Tensor::zeros(f32, {0})), 0.0);
  expect_error(ErrorCode::dtype_mismatch, {}, [&] { mean_squared_error(labels({1}), labels({1})); });
}

TEST(Metrics, RejectOtherDtypesAndNameTheCall) {
  const Tensor scores = Tensor::of({0.1F, 0.9F}, {1, 2});
  const Tensor classes = labels({0});
  const Tensor numbers = Tensor::of({0.5F});
  const auto refused = [](const std::string& who, const std::string& what, const std::string& actual,
                          const auto& action) {
    expect_error(ErrorCode::dtype_mismatch, {"metrics_test.cpp:", who + ": the " + what, "got " + actual},
                 action);
  };
  refused("accuracy", "predictions must be the numbers of classes", "f32[1, 2]",
          [&] { accuracy(scores, classes); });
  refused("accuracy", "labels", "f32[1]", [&] { accuracy(classes, numbers); });
  refused("top_k_accuracy", "scores must be floats", "i32[1]", [&] { top_k_accuracy(classes, classes, 1); });
  refused("top_k_accuracy", "labels", "f32[1]", [&] { top_k_accuracy(scores, numbers, 1); });
  refused("confusion_matrix", "predictions", "f32[1]", [&] { confusion_matrix(numbers, classes, 2); });
  refused("roc_auc", "labels", "f32[1]", [&] { roc_auc(numbers, numbers); });
  refused("expected_calibration_error", "labels", "f32[1]",
          [&] { expected_calibration_error(scores, numbers); });
  refused("mean_squared_error", "targets", "i32[1]", [&] { mean_squared_error(numbers, classes); });
  refused("mean_absolute_error", "predictions", "i32[1]", [&] { mean_absolute_error(classes, numbers); });
  refused("mean_squared_error", "targets", "i32[1]", [&] { r2_score(numbers, classes); });
}

}  // namespace
}  // namespace weft
