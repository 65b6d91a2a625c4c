#include "weft/frontends/curves.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "weft/frontends/metrics.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

const Tensor kCurveScores = Tensor::of({0.9F, 0.8F, 0.8F, 0.3F, 0.1F});
const Tensor kCurveLabels = Tensor::of<std::int32_t>({1, 0, 1, 1, 0});

TEST(ThresholdCurve, HasAPointForEachScore) {
  const auto curve = threshold_curve(kCurveScores, kCurveLabels);
  ASSERT_EQ(curve.size(), 5U);  // infinity, 0.9, 0.8 (twice), 0.3, 0.1
  EXPECT_EQ(curve[0].threshold, std::numeric_limits<double>::infinity());
  EXPECT_EQ(curve[0].precision(), 1.0);
  EXPECT_EQ(curve[0].recall(), 0.0);
  EXPECT_EQ(curve[2].true_positives, 2.0);
  EXPECT_EQ(curve[2].false_positives, 1.0);
  EXPECT_EQ(curve[2].recall(), 2.0 / 3.0);
  EXPECT_EQ(curve[2].false_positive_rate(), 0.5);
  EXPECT_EQ(curve[4].recall(), 1.0);
  EXPECT_EQ(curve[4].false_positive_rate(), 1.0);
  double area = 0.0;  // by trapezoids it is that of roc_auc
  for (std::size_t i = 1; i < curve.size(); ++i) {
    area += (curve[i].false_positive_rate() - curve[i - 1].false_positive_rate()) *
            (curve[i].recall() + curve[i - 1].recall()) / 2.0;
  }
  EXPECT_NEAR(area, roc_auc(kCurveScores, kCurveLabels), 1e-12);
}

TEST(ThresholdCurve, CountsAtOneThreshold) {
  const ThresholdCounts half = counts_at(kCurveScores, kCurveLabels);
  EXPECT_EQ(half.threshold, 0.5);
  EXPECT_EQ(half.true_positives, 2.0);
  EXPECT_EQ(half.false_positives, 1.0);
  EXPECT_EQ(half.false_negatives, 1.0);
  EXPECT_EQ(half.true_negatives, 1.0);
  EXPECT_EQ(half.accuracy(), 0.6);
  EXPECT_EQ(counts_at(kCurveScores, kCurveLabels, 0.95).true_positives, 0.0);
  EXPECT_EQ(counts_at(kCurveScores, kCurveLabels, static_cast<double>(0.1F)).false_positives, 2.0);
  expect_error(ErrorCode::out_of_range, {"threshold_curve", "2", "curves_test.cpp"},
               [&] { counts_at(kCurveScores, Tensor::of<std::int32_t>({1, 0, 1, 1, 2})); });
  expect_error(ErrorCode::numeric, {"NaN", "curves_test.cpp"},
               [&] { counts_at(Tensor::of({std::nan("")}), Tensor::of<std::int32_t>({1})); });
}

TEST(AveragePrecision, IsTheAreaOfSteps) {
  // Recall grows by a third at 0.9 (precision 1), at 0.8 (2/3) and at 0.3 (3/4).
  EXPECT_NEAR(average_precision(kCurveScores, kCurveLabels), (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0, 1e-12);
  EXPECT_EQ(average_precision(Tensor::of({0.5F}), Tensor::of<std::int32_t>({0})), 0.0);
}

TEST(RocAucOfClasses, SetsEachAgainstTheOthers) {
  const Tensor scores = Tensor::of({0.8, 0.1, 0.1, 0.2, 0.3, 0.5, 0.3, 0.4, 0.3, 0.1, 0.2, 0.7}, {4, 3});
  const Tensor labels = Tensor::of<std::int64_t>({0, 1, 1, 2});
  const auto areas = roc_auc_of_classes(scores, labels);
  ASSERT_EQ(areas.size(), 3U);
  EXPECT_EQ(areas[0], 1.0);
  EXPECT_EQ(areas[1], 1.0);
  EXPECT_EQ(areas[2], 1.0);
  const auto worse = roc_auc_of_classes(scores, Tensor::of<std::int64_t>({1, 0, 1, 2}));
  EXPECT_EQ(worse[1], 0.5);
  expect_error(ErrorCode::invalid_argument, {"both labels"},
               [&] { roc_auc_of_classes(scores, Tensor::of<std::int64_t>({0, 1, 1, 1})); });
}

TEST(Reliability, ComparesProbabilitiesWithShares) {
  const Tensor p = Tensor::of({0.0, 0.2, 0.25, 0.6, 1.0, 0.9});
  const Tensor labels = Tensor::of<std::int32_t>({0, 1, 0, 1, 1, 0});
  const auto bins = reliability(p, labels, 4);
  ASSERT_EQ(bins.size(), 4U);
  EXPECT_EQ(bins[0].count, 3);
  EXPECT_NEAR(bins[0].mean_probability, 0.15, 1e-12);
  EXPECT_NEAR(bins[0].share_of_label_1, 1.0 / 3.0, 1e-12);
  EXPECT_EQ(bins[1].count, 0);
  EXPECT_EQ(bins[1].mean_probability, 0.0);
  EXPECT_EQ(bins[3].count, 2);
  EXPECT_EQ(bins[3].high, 1.0);
  EXPECT_EQ(bins[3].share_of_label_1, 0.5);
  expect_error(ErrorCode::numeric, {"probability", "1.5"},
               [] { reliability(Tensor::of({1.5}), Tensor::of<std::int32_t>({1})); });
  expect_error(ErrorCode::invalid_argument, {"bins"}, [&] { reliability(p, labels, 0); });
}

TEST(ClassScores, HaveOtherMeans) {
  const ClassScores scores{.precision = 0.5, .recall = 0.8, .f1 = 0.0};
  EXPECT_NEAR(f_beta(scores, 1.0), 2 * 0.4 / 1.3, 1e-12);
  EXPECT_NEAR(f_beta(scores, 2.0), 5 * 0.4 / (4 * 0.5 + 0.8), 1e-12);
  EXPECT_EQ(f_beta({}, 1.0), 0.0);
  EXPECT_NEAR(g_measure(scores), std::sqrt(0.4), 1e-12);
}

TEST(MatthewsCorrelation, IsThatOfTwoClassesAndOfSeveral) {
  const auto of = [](const std::vector<std::int64_t>& counts, std::int64_t classes) {
    return matthews_correlation(Tensor::of(std::span(counts), std::vector{classes, classes}));
  };
  // tn 6, fp 1, fn 2, tp 3
  EXPECT_NEAR(of({6, 1, 2, 3}, 2), (3.0 * 6 - 1 * 2) / std::sqrt(4.0 * 5 * 7 * 8), 1e-12);
  EXPECT_EQ(of({5, 0, 0, 5}, 2), 1.0);
  EXPECT_EQ(of({0, 5, 5, 0}, 2), -1.0);
  EXPECT_EQ(of({5, 0, 5, 0}, 2), 0.0);
  EXPECT_NEAR(of({2, 1, 0, 0, 3, 0, 1, 0, 3}, 3),
              (8.0 * 10 - (3 * 3 + 3 * 4 + 4 * 3)) / std::sqrt(100.0 - (9 + 16 + 9)) /
                  std::sqrt(100.0 - (9 + 9 + 16)),
              1e-12);
}

TEST(Regression, HasItsRootAndItsCorrelation) {
  const Tensor p = Tensor::of({1.0, 2.0, 4.0});
  const Tensor t = Tensor::of({1.0, 3.0, 5.0});
  EXPECT_NEAR(root_mean_squared_error(p, t), std::sqrt(2.0 / 3.0), 1e-12);
  EXPECT_NEAR(relative_squared_error(p, t), 2.0 / 8.0, 1e-12);
  EXPECT_NEAR(pearson_correlation(p, t), 6.0 / std::sqrt(14.0 / 3.0 * 8.0), 1e-12);
  EXPECT_EQ(pearson_correlation(p, Tensor::of({2.0, 2.0, 2.0})), 0.0);
  expect_error(ErrorCode::shape_mismatch, {"pearson_correlation", "curves_test.cpp"},
               [&] { pearson_correlation(p, Tensor::of({1.0})); });
}

}  // namespace
}  // namespace weft
