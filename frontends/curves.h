#pragma once
// How the quality of predictions depends on a threshold, or on their confidence: curves to draw, and the
// areas below them. Pure functions of tensors; scores are f32 or f64 [n], labels integers [n], 0 or 1. Errors
// are those of metrics.h, and numeric for a score that is NaN.

#include <cstdint>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/graph/where.h"

namespace weft {

/// What comes out if a score of at least `threshold` counts as label 1.
struct ThresholdCounts {
  double threshold = 0.0;
  double true_positives = 0.0;
  double false_positives = 0.0;
  double false_negatives = 0.0;
  double true_negatives = 0.0;

  double precision() const;            // of nothing, 1
  double recall() const;               // the true positive rate; of nothing, 0
  double false_positive_rate() const;  // of nothing, 0
  double accuracy() const;
};
/// At one threshold (Deeplearning4j's EvaluationBinary).
ThresholdCounts counts_at(const Tensor& scores, const Tensor& labels, double threshold = 0.5,
                          const Where& where = Where::current());
/// At infinity and then at each different score, the highest first: the points of the ROC curve
/// (false_positive_rate, recall) and of the precision-recall curve (recall, precision).
std::vector<ThresholdCounts> threshold_curve(const Tensor& scores, const Tensor& labels,
                                             const Where& where = Where::current());

/// The sum of precision times the growth of recall along the curve: the area below the precision-recall
/// curve, without straight lines between its points (scikit-learn's average_precision_score). 0 without
/// label 1.
double average_precision(const Tensor& scores, const Tensor& labels, const Where& where = Where::current());

/// For scores [n, classes] and labels of classes the area under the ROC curve of each class against all
/// others ( Deeplearning4j's ROCMultiClass). Error(invalid_argument) unless each class occurs and none is
/// alone.
std::vector<double> roc_auc_of_classes(const Tensor& scores, const Tensor& labels,
                                       const Where& where = Where::current());

/// The predictions whose probability lies in (low, high], 0 in the first.
struct CalibrationBin {
  double low = 0.0;
  double high = 0.0;
  std::int64_t count = 0;
  double mean_probability = 0.0;  // 0 without predictions
  double share_of_label_1 = 0.0;
};
/// A reliability diagram of probabilities [n] in bins of equal width. Error(numeric) for a probability
/// outside [0, 1], invalid_argument for less than one bin.
std::vector<CalibrationBin> reliability(const Tensor& probabilities, const Tensor& labels,
                                        std::int64_t bins = 10, const Where& where = Where::current());

}  // namespace weft
