#include "weft/frontends/metric_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "weft/graph/kernel_args.h"
#include "weft/ops/gather.h"

namespace weft::metrics {

void expect_integers(std::string_view what, const Tensor& tensor) {
  if (is_index(tensor.dtype())) return;
  throw Error(ErrorCode::dtype_mismatch, fmt::format("the {} must be the numbers of classes", what),
              {.expected = std::string(kIndexDTypes), .actual = to_string(tensor.type())});
}

void expect_floats(std::string_view what, const Tensor& tensor) {
  if (is_float(tensor.dtype())) return;
  throw Error(ErrorCode::dtype_mismatch, fmt::format("the {} must be floats", what),
              {.expected = "f32 or f64", .actual = to_string(tensor.type())});
}

void expect_as_many(const Tensor& predicted, const Tensor& labels) {
  if (predicted.elements() == labels.elements()) return;
  throw Error(ErrorCode::shape_mismatch, "there must be one label for each prediction",
              {.expected = to_string(predicted.type()), .actual = to_string(labels.type())});
}

void expect_at_least_one(std::string_view what, std::int64_t number) {
  if (number >= 1) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("{} must be at least 1", what),
              {.actual = std::to_string(number)});
}

std::vector<std::int64_t> labels_of(const Tensor& labels) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(labels.elements()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = index_at(const_arg(labels), static_cast<std::int64_t>(i));
  }
  return all;
}

Numbers numbers_of(const Tensor& tensor) {
  if (tensor.dtype() == DType::f32) {
    const auto values = tensor.values<float>();
    return {values.begin(), values.end()};
  }
  const auto values = tensor.values<double>();
  return {values.begin(), values.end()};
}

std::size_t classes_of(const Tensor& scores, const Tensor& labels) {
  expect_floats("scores", scores);
  expect_integers("labels", labels);
  if (scores.rank() != 2 || scores.sizes()[0] != labels.elements()) {
    throw Error(ErrorCode::shape_mismatch, "there must be one label for each row of scores",
                {.expected = fmt::format("scores [{}, classes]", labels.elements()),
                 .actual = to_string(scores.type())});
  }
  check_indices(const_arg(labels), scores.sizes()[1], "label");
  return static_cast<std::size_t>(scores.sizes()[1]);
}

Ranked ranked(const Tensor& scores, const Tensor& labels) {
  expect_floats("scores", scores);
  expect_integers("labels", labels);
  expect_as_many(scores, labels);
  check_indices(const_arg(labels), 2, "label");
  const Numbers all = numbers_of(scores);
  const auto truth = labels_of(labels);
  if (std::ranges::any_of(all, [](double score) { return std::isnan(score); }))
    throw Error(ErrorCode::numeric, "a score that is a NaN has no rank");
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(
      order, [&](std::size_t a, std::size_t b) { return std::pair(all[b], a) < std::pair(all[a], b); });
  Ranked result;
  for (const std::size_t i : order) {
    result.scores.push_back(all[i]);
    result.labels.push_back(truth[i]);
    (truth[i] == 1 ? result.positives : result.negatives) += 1.0;
  }
  return result;
}

bool is_above(double a, double b) { return a > b || (std::isnan(a) && !std::isnan(b)); }

double share(double part, double whole) { return whole == 0.0 ? 0.0 : part / whole; }

}  // namespace weft::metrics
