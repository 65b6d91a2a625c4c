#pragma once
// What metrics read from tensors, with the checks of it. Internal to the metrics.

#include <cstdint>
#include <string_view>
#include <vector>

#include "weft/graph/tensor.h"

namespace weft::metrics {

using Numbers = std::vector<double>;

/// Throw Error(dtype_mismatch).
void expect_integers(std::string_view what, const Tensor& tensor);
void expect_floats(std::string_view what, const Tensor& tensor);
/// Throws Error(shape_mismatch).
void expect_as_many(const Tensor& predicted, const Tensor& labels);
/// Throws Error(invalid_argument).
void expect_at_least_one(std::string_view what, std::int64_t number);

std::vector<std::int64_t> labels_of(const Tensor& labels);
Numbers numbers_of(const Tensor& tensor);

/// The number of classes of scores [n, classes], with one label in range for each row.
std::size_t classes_of(const Tensor& scores, const Tensor& labels);

/// Scores [n] without NaN and labels 0 and 1, of which there are `positives`; sorted, the highest score
/// first.
struct Ranked {
  Numbers scores;
  std::vector<std::int64_t> labels;
  double positives = 0.0;
  double negatives = 0.0;
};
/// Throws Error(numeric) for a NaN, out_of_range for another label.
Ranked ranked(const Tensor& scores, const Tensor& labels);

/// Whether score a counts as higher than b. A NaN counts as higher than any number, as in max and argmax.
bool is_above(double a, double b);

/// part / whole, or 0 if the whole is 0.
double share(double part, double whole);

}  // namespace weft::metrics
