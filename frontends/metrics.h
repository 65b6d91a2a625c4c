#pragma once
// How good predictions are. Pure functions of tensors that a run has given. Labels are integers (i32, i64 or
// u8), scores and predictions floats (f32 or f64). Errors: shape_mismatch where the numbers of samples
// differ, dtype_mismatch, out_of_range for a label that is no class.

#include <cstdint>
#include <vector>

#include "weft/graph/tensor.h"

namespace weft {

// --- classes ---

/// The share of positions where two integer vectors of equal length agree, in [0, 1]; of none at all, 0.
double accuracy(const Tensor& predicted, const Tensor& labels);

/// The share of rows of scores [n, classes] whose label is among the k with the highest score; of equal
/// scores the earlier counts as higher, and a NaN as higher than any number, as for argmax: with k = 1 this
/// is the accuracy of argmax. k >= 1.
double top_k_accuracy(const Tensor& scores, const Tensor& labels, std::int64_t k);

/// How often each class (the row) was predicted as each class (the column): i64 [classes, classes].
Tensor confusion_matrix(const Tensor& predicted, const Tensor& labels, std::int64_t classes);

struct ClassScores {
  double precision = 0.0;  // the share of what was predicted as the class that is of it
  double recall = 0.0;     // the share of the class that was predicted as it
  double f1 = 0.0;         // their harmonic mean
};
/// For each class of a confusion matrix. A share of nothing is 0.
std::vector<ClassScores> class_scores(const Tensor& confusion);
/// The mean over the classes of each score (scikit-learn's average="macro").
ClassScores macro_average(const std::vector<ClassScores>& scores);

/// The area under the ROC curve of scores [n] and labels [n], 0 or 1: the probability that a positive sample
/// has a higher score than a negative one, where a tie counts half (Mann and Whitney 1947; Fawcett 2006).
/// Throws Error(invalid_argument) unless both labels occur, and Error(numeric) for scores that are NaN.
double roc_auc(const Tensor& scores, const Tensor& labels);

/// The mean difference between confidence and accuracy, over bins of equal width of the largest probability
/// of each row, weighted by their samples (Guo et al., ICML 2017). Probabilities [n, classes], bins >= 1.
double expected_calibration_error(const Tensor& probabilities, const Tensor& labels, std::int64_t bins = 15);

// --- numbers; of none at all, 0; added up in f64, within 1e-10 of themselves for 10^6 numbers ---

double mean_squared_error(const Tensor& predictions, const Tensor& targets);
double mean_absolute_error(const Tensor& predictions, const Tensor& targets);
/// 1 - sum (p - t)^2 / sum (t - mean(t))^2; for targets without variance 1 if all is right, else 0.
double r2_score(const Tensor& predictions, const Tensor& targets);

}  // namespace weft
