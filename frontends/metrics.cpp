#include "weft/frontends/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "weft/frontends/metric_inputs.h"
#include "weft/graph/kernel_args.h"
#include "weft/graph/located.h"
#include "weft/graph/text.h"
#include "weft/ops/gather.h"

namespace weft {
namespace {

using namespace metrics;

/// The mean of f(prediction, target).
template <typename F>
double mean_over_pairs(const Tensor& predictions, const Tensor& targets, F f) {
  expect_floats("predictions", predictions);
  expect_floats("targets", targets);
  expect_as_many(predictions, targets);
  const Numbers p = numbers_of(predictions);
  const Numbers t = numbers_of(targets);
  return share(std::transform_reduce(p.begin(), p.end(), t.begin(), 0.0, std::plus<>{}, f),
               static_cast<double>(p.size()));
}

}  // namespace

double accuracy(const Tensor& predicted, const Tensor& labels, const Where& where) {
  return located("accuracy", where, [&] {
    expect_integers("predictions", predicted);
    expect_integers("labels", labels);
    expect_as_many(predicted, labels);
    const auto a = labels_of(predicted);
    const auto b = labels_of(labels);
    const auto right = std::inner_product(a.begin(), a.end(), b.begin(), std::int64_t{0}, std::plus<>{},
                                          [](std::int64_t x, std::int64_t y) { return x == y ? 1 : 0; });
    return share(static_cast<double>(right), static_cast<double>(a.size()));
  });
}

double top_k_accuracy(const Tensor& scores, const Tensor& labels, std::int64_t k, const Where& where) {
  return located("top_k_accuracy", where, [&] {
    expect_at_least_one("k", k);
    const std::size_t classes = classes_of(scores, labels);
    const Numbers all = numbers_of(scores);
    const auto truth = labels_of(labels);
    double right = 0.0;
    for (std::size_t row = 0; row < truth.size(); ++row) {
      const auto label = static_cast<std::size_t>(truth[row]);
      const double own = all[row * classes + label];
      std::int64_t ahead = 0;
      for (std::size_t c = 0; c < classes; ++c) {
        const double other = all[row * classes + c];
        const bool equal = other == own || (std::isnan(other) && std::isnan(own));
        ahead += is_above(other, own) || (equal && c < label) ? 1 : 0;
      }
      right += ahead < k ? 1.0 : 0.0;
    }
    return share(right, static_cast<double>(truth.size()));
  });
}

Tensor confusion_matrix(const Tensor& predicted, const Tensor& labels, std::int64_t classes,
                        const Where& where) {
  return located("confusion_matrix", where, [&] {
    expect_integers("predictions", predicted);
    expect_integers("labels", labels);
    expect_as_many(predicted, labels);
    expect_at_least_one("the number of classes", classes);
    check_indices(const_arg(predicted), classes, "prediction");
    check_indices(const_arg(labels), classes, "label");
    Tensor confusion = Tensor::zeros(DType::i64, {classes, classes});
    const auto counts = confusion.mutable_values<std::int64_t>();
    const auto guesses = labels_of(predicted);
    const auto truth = labels_of(labels);
    for (std::size_t i = 0; i < truth.size(); ++i) {
      ++counts[static_cast<std::size_t>(truth[i] * classes + guesses[i])];
    }
    return confusion;
  });
}

std::vector<ClassScores> class_scores(const Tensor& confusion, const Where& where) {
  return located("class_scores", where, [&] {
    const auto counts = confusion.values<std::int64_t>();
    if (confusion.rank() != 2 || confusion.sizes()[0] != confusion.sizes()[1]) {
      throw Error(ErrorCode::shape_mismatch, "a confusion matrix is square",
                  {.expected = "i64[classes, classes]", .actual = to_string(confusion.type())});
    }
    const auto classes = static_cast<std::size_t>(confusion.sizes()[0]);
    std::vector<ClassScores> scores;
    for (std::size_t c = 0; c < classes; ++c) {
      double of_class = 0.0;
      double predicted = 0.0;
      for (std::size_t other = 0; other < classes; ++other) {
        of_class += static_cast<double>(counts[c * classes + other]);
        predicted += static_cast<double>(counts[other * classes + c]);
      }
      const auto right = static_cast<double>(counts[c * classes + c]);
      scores.push_back({.precision = share(right, predicted),
                        .recall = share(right, of_class),
                        .f1 = share(2.0 * right, predicted + of_class)});
    }
    return scores;
  });
}

ClassScores macro_average(const std::vector<ClassScores>& scores) {
  ClassScores total;
  for (const ClassScores& score : scores) {
    total.precision += score.precision;
    total.recall += score.recall;
    total.f1 += score.f1;
  }
  const auto classes = static_cast<double>(scores.size());
  return {.precision = share(total.precision, classes),
          .recall = share(total.recall, classes),
          .f1 = share(total.f1, classes)};
}

double f_beta(const ClassScores& scores, double beta) {
  const double square = beta * beta;
  return share((1.0 + square) * scores.precision * scores.recall, square * scores.precision + scores.recall);
}

double g_measure(const ClassScores& scores) { return std::sqrt(scores.precision * scores.recall); }

double matthews_correlation(const Tensor& confusion, const Where& where) {
  return located("matthews_correlation", where, [&] {
    const auto counts = confusion.values<std::int64_t>();
    const std::size_t classes = class_scores(confusion, where).size();
    double right = 0.0;
    double all = 0.0;
    double products = 0.0;
    double truths = 0.0;
    double guesses = 0.0;
    for (std::size_t c = 0; c < classes; ++c) {
      double of_class = 0.0;
      double predicted = 0.0;
      for (std::size_t other = 0; other < classes; ++other) {
        of_class += static_cast<double>(counts[c * classes + other]);
        predicted += static_cast<double>(counts[other * classes + c]);
      }
      right += static_cast<double>(counts[c * classes + c]);
      all += of_class;
      products += of_class * predicted;
      truths += of_class * of_class;
      guesses += predicted * predicted;
    }
    return share(right * all - products, std::sqrt((all * all - guesses) * (all * all - truths)));
  });
}

double roc_auc(const Tensor& scores, const Tensor& labels, const Where& where) {
  return located("roc_auc", where, [&] {
    const Ranked all = ranked(scores, labels);
    double negatives = 0.0;  // with a higher score
    double pairs = 0.0;      // in which the positive sample has the higher score; ties count half
    for (std::size_t begin = 0; begin < all.scores.size();) {
      double tied_positives = 0.0;
      std::size_t end = begin;
      for (; end < all.scores.size() && all.scores[end] == all.scores[begin]; ++end) {
        tied_positives += static_cast<double>(all.labels[end]);
      }
      const double tied_negatives = static_cast<double>(end - begin) - tied_positives;
      pairs += tied_positives * (all.negatives - negatives - 0.5 * tied_negatives);
      negatives += tied_negatives;
      begin = end;
    }
    if (all.positives == 0.0 || all.negatives == 0.0) {
      throw Error(ErrorCode::invalid_argument, "the ROC curve needs samples of both labels",
                  {.op = "roc_auc",
                   .expected = "labels 0 and 1",
                   .actual = fmt::format("{} of label 0, {} of label 1", all.negatives, all.positives)});
    }
    return pairs / (all.positives * all.negatives);
  });
}

double expected_calibration_error(const Tensor& probabilities, const Tensor& labels, std::int64_t bins,
                                  const Where& where) {
  return located("expected_calibration_error", where, [&] {
    expect_at_least_one("the number of bins", bins);
    const std::size_t classes = classes_of(probabilities, labels);
    const Numbers all = numbers_of(probabilities);
    const auto truth = labels_of(labels);
    Numbers difference(static_cast<std::size_t>(bins),
                       0.0);  // of the sums of confidences and of right predictions
    for (std::size_t row = 0; row < truth.size(); ++row) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(row * classes);
      const auto best = std::max_element(begin, begin + static_cast<std::ptrdiff_t>(classes),
                                         [](double a, double b) { return is_above(b, a); });
      if (!(*best >= 0.0 && *best <= 1.0)) {
        throw Error(ErrorCode::numeric, "a confidence is a probability",
                    {.op = "expected_calibration_error",
                     .expected = "[0, 1]",
                     .actual = fmt::format("{} in row {}", printable(*best), row)});
      }
      // Bins are open below and closed above: 1 belongs to the last.
      const double bin = std::max(std::ceil(*best * static_cast<double>(bins)) - 1.0, 0.0);
      difference[static_cast<std::size_t>(bin)] += *best - (best - begin == truth[row] ? 1.0 : 0.0);
    }
    double total = 0.0;
    for (const double bin : difference) total += std::abs(bin);
    return share(total, static_cast<double>(truth.size()));
  });
}

double mean_squared_error(const Tensor& predictions, const Tensor& targets, const Where& where) {
  return located("mean_squared_error", where, [&] {
    return mean_over_pairs(predictions, targets, [](double x, double y) { return (x - y) * (x - y); });
  });
}

double mean_absolute_error(const Tensor& predictions, const Tensor& targets, const Where& where) {
  return located("mean_absolute_error", where, [&] {
    return mean_over_pairs(predictions, targets, [](double x, double y) { return std::abs(x - y); });
  });
}

double root_mean_squared_error(const Tensor& predictions, const Tensor& targets, const Where& where) {
  return std::sqrt(mean_squared_error(predictions, targets, where));
}

double relative_squared_error(const Tensor& predictions, const Tensor& targets, const Where& where) {
  return 1.0 - r2_score(predictions, targets, where);
}

double pearson_correlation(const Tensor& predictions, const Tensor& targets, const Where& where) {
  return located("pearson_correlation", where, [&] {
    const double p = mean_over_pairs(predictions, targets, [](double x, double) { return x; });
    const double t = mean_over_pairs(predictions, targets, [](double, double y) { return y; });
    const auto moment = [&](auto f) { return mean_over_pairs(predictions, targets, f); };
    const double both = moment([&](double x, double y) { return (x - p) * (y - t); });
    const double of_p = moment([&](double x, double) { return (x - p) * (x - p); });
    const double of_t = moment([&](double, double y) { return (y - t) * (y - t); });
    return share(both, std::sqrt(of_p) * std::sqrt(of_t));
  });
}

double r2_score(const Tensor& predictions, const Tensor& targets, const Where& where) {
  return located("r2_score", where, [&] {
    const double error = mean_squared_error(predictions, targets, where);
    const Numbers t = numbers_of(targets);
    const auto count = static_cast<double>(t.size());
    const double mean = share(std::accumulate(t.begin(), t.end(), 0.0), count);
    double variance = 0.0;
    for (const double target : t) variance += (target - mean) * (target - mean) / count;
    // The mean of equal numbers may be a rounding away from them.
    const bool varies = !t.empty() && std::ranges::min(t) != std::ranges::max(t);
    if (!varies) return error == 0.0 && !t.empty() ? 1.0 : 0.0;
    return 1.0 - error / variance;
  });
}

}  // namespace weft
