#pragma once
// How good predictions are. Pure functions of tensors that a run returned. Labels are integers (i32, i64 or
// u8), scores and predictions floats (f32 or f64). Errors: shape_mismatch where the numbers of samples
// differ, dtype_mismatch, out_of_range for a label that is not a class; they name the line of the call.

#include <cstdint>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/graph/where.h"

namespace weft {

// --- classes ---

/// The share of positions where two integer vectors of equal length agree, in [0, 1]; 0 for empty vectors.
double accuracy(const Tensor& predicted, const Tensor& labels, const Where& where = Where::current());

/// The share of rows of scores [n, classes] whose label is among the k with the highest score; of equal
/// scores the first counts as higher, and a NaN as higher than any number, as in argmax, so that k = 1 gives
/// the accuracy of argmax. k >= 1.
double top_k_accuracy(const Tensor& scores, const Tensor& labels, std::int64_t k,
                      const Where& where = Where::current());

/// How often each class (the row) was predicted as each class (the column): i64 [classes, classes].
Tensor confusion_matrix(const Tensor& predicted, const Tensor& labels, std::int64_t classes,
                        const Where& where = Where::current());

struct ClassScores {
  double precision = 0.0;  // the share of right ones among the predictions of this class
  double recall = 0.0;     // the share of this class's samples that were predicted right
  double f1 = 0.0;         // their harmonic mean
};
/// The scores of each class of a confusion matrix. A share of nothing is 0.
std::vector<ClassScores> class_scores(const Tensor& confusion, const Where& where = Where::current());
/// The mean over the classes of each score (scikit-learn's average="macro").
ClassScores macro_average(const std::vector<ClassScores>& scores);

/// (1 + b^2) P R / (b^2 P + R): recall counts b times as much as precision; 1 gives F1.
double f_beta(const ClassScores& scores, double beta);
/// sqrt(P R), the geometric mean of both.
double g_measure(const ClassScores& scores);
/// How predictions and labels of a confusion matrix correlate, in [-1, 1]; 0 where either has one class alone
/// (Matthews 1975, for two classes; Gorodkin 2004, for several).
double matthews_correlation(const Tensor& confusion, const Where& where = Where::current());

/// The area under the ROC curve of scores [n] and labels [n], 0 or 1: the probability that a positive sample
/// has a higher score than a negative one, where a tie counts half (Mann and Whitney 1947; Fawcett 2006).
/// Throws Error(invalid_argument) unless both labels occur, and Error(numeric) for scores that are NaN.
double roc_auc(const Tensor& scores, const Tensor& labels, const Where& where = Where::current());

/// The mean difference between confidence and accuracy over bins of equal width of each row's largest
/// probability, weighted by the number of their samples (Guo et al., ICML 2017). Probabilities [n, classes],
/// bins >= 1.
double expected_calibration_error(const Tensor& probabilities, const Tensor& labels, std::int64_t bins = 15,
                                  const Where& where = Where::current());

// --- numbers; of none at all, 0; added up in f64, within 1e-10 of themselves for 10^6 numbers ---

double mean_squared_error(const Tensor& predictions, const Tensor& targets,
                          const Where& where = Where::current());
double mean_absolute_error(const Tensor& predictions, const Tensor& targets,
                           const Where& where = Where::current());
/// The root of the mean squared error.
double root_mean_squared_error(const Tensor& predictions, const Tensor& targets,
                               const Where& where = Where::current());
/// How predictions and targets correlate, in [-1, 1]; 0 where either does not vary.
double pearson_correlation(const Tensor& predictions, const Tensor& targets,
                           const Where& where = Where::current());
/// sum (p - t)^2 / sum (t - mean(t))^2, 1 - r2_score().
double relative_squared_error(const Tensor& predictions, const Tensor& targets,
                              const Where& where = Where::current());
/// 1 - sum (p - t)^2 / sum (t - mean(t))^2; for targets without variance it is 1 if all predictions are
/// right, otherwise 0.
double r2_score(const Tensor& predictions, const Tensor& targets, const Where& where = Where::current());

}  // namespace weft
