#include "weft/frontends/curves.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "weft/frontends/metric_inputs.h"
#include "weft/frontends/metrics.h"
#include "weft/graph/located.h"
#include "weft/graph/text.h"

namespace weft {

double ThresholdCounts::precision() const {
  const double found = true_positives + false_positives;
  return found == 0.0 ? 1.0 : true_positives / found;
}
double ThresholdCounts::recall() const {
  return metrics::share(true_positives, true_positives + false_negatives);
}
double ThresholdCounts::false_positive_rate() const {
  return metrics::share(false_positives, false_positives + true_negatives);
}
double ThresholdCounts::accuracy() const {
  const double all = true_positives + false_positives + false_negatives + true_negatives;
  return metrics::share(true_positives + true_negatives, all);
}

std::vector<ThresholdCounts> threshold_curve(const Tensor& scores, const Tensor& labels, const Where& where) {
  return located("threshold_curve", where, [&] {
    const metrics::Ranked all = metrics::ranked(scores, labels);
    ThresholdCounts at{.threshold = std::numeric_limits<double>::infinity(),
                       .false_negatives = all.positives,
                       .true_negatives = all.negatives};
    std::vector<ThresholdCounts> curve{at};
    for (std::size_t i = 0; i < all.scores.size(); ++i) {
      const bool positive = all.labels[i] == 1;
      (positive ? at.true_positives : at.false_positives) += 1.0;
      (positive ? at.false_negatives : at.true_negatives) -= 1.0;
      if (i + 1 < all.scores.size() && all.scores[i + 1] == all.scores[i]) continue;
      at.threshold = all.scores[i];
      curve.push_back(at);
    }
    return curve;
  });
}

ThresholdCounts counts_at(const Tensor& scores, const Tensor& labels, double threshold, const Where& where) {
  ThresholdCounts at;
  for (const ThresholdCounts& point : threshold_curve(scores, labels, where)) {
    if (point.threshold < threshold) break;
    at = point;
  }
  at.threshold = threshold;
  return at;
}

double average_precision(const Tensor& scores, const Tensor& labels, const Where& where) {
  double area = 0.0;
  double recall = 0.0;
  for (const ThresholdCounts& point : threshold_curve(scores, labels, where)) {
    area += (point.recall() - recall) * point.precision();
    recall = point.recall();
  }
  return area;
}

std::vector<double> roc_auc_of_classes(const Tensor& scores, const Tensor& labels, const Where& where) {
  return located("roc_auc_of_classes", where, [&] {
    const std::size_t classes = metrics::classes_of(scores, labels);
    const metrics::Numbers all = metrics::numbers_of(scores);
    const auto truth = metrics::labels_of(labels);
    std::vector<double> areas;
    for (std::size_t c = 0; c < classes; ++c) {
      const auto count = static_cast<std::int64_t>(truth.size());
      Tensor of_class = Tensor::uninitialized(f64, {count});
      Tensor is_class = Tensor::uninitialized(i32, {count});
      for (std::size_t i = 0; i < truth.size(); ++i) {
        of_class.mutable_values<double>()[i] = all[i * classes + c];
        is_class.mutable_values<std::int32_t>()[i] = truth[i] == static_cast<std::int64_t>(c) ? 1 : 0;
      }
      areas.push_back(roc_auc(of_class, is_class, where));
    }
    return areas;
  });
}

std::vector<CalibrationBin> reliability(const Tensor& probabilities, const Tensor& labels, std::int64_t bins,
                                        const Where& where) {
  return located("reliability", where, [&] {
    metrics::expect_at_least_one("the number of bins", bins);
    const metrics::Ranked all = metrics::ranked(probabilities, labels);
    std::vector<CalibrationBin> made(static_cast<std::size_t>(bins));
    const auto count = static_cast<double>(bins);
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i].low = static_cast<double>(i) / count;
      made[i].high = static_cast<double>(i + 1) / count;
    }
    for (std::size_t i = 0; i < all.scores.size(); ++i) {
      const double p = all.scores[i];
      if (!(p >= 0.0 && p <= 1.0)) {
        throw Error(ErrorCode::numeric, "a prediction is a probability",
                    {.expected = "[0, 1]", .actual = fmt::format("{}", printable(p))});
      }
      CalibrationBin& bin = made[static_cast<std::size_t>(std::max(std::ceil(p * count) - 1.0, 0.0))];
      ++bin.count;
      bin.mean_probability += p;
      bin.share_of_label_1 += static_cast<double>(all.labels[i]);
    }
    for (CalibrationBin& bin : made) {
      const auto samples = static_cast<double>(bin.count);
      bin.mean_probability = metrics::share(bin.mean_probability, samples);
      bin.share_of_label_1 = metrics::share(bin.share_of_label_1, samples);
    }
    return made;
  });
}

}  // namespace weft
