#include "weft/frontends/proof/model_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "weft/frontends/proof/blame.h"
#include "weft/frontends/proof/kernel_check.h"
#include "weft/frontends/proof/model_engine.h"
#include "weft/frontends/proof/model_reference.h"
#include "weft/frontends/proof/sample_source.h"

namespace weft::proof {
namespace {

using Numbers = std::vector<double>;

Numbers numbers_of(const Tensor& tensor) {
  const Tensor precise = in_precision({&tensor, 1}, f64)[0];
  Numbers numbers;
  visit_dtype(precise.dtype(), [&]<typename T>(T) {
    for (const T x : precise.values<T>()) numbers.push_back(static_cast<double>(x));
  });
  return numbers;
}

double norm(const Numbers& x) { return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0)); }

double largest(const Numbers& x) {
  double most = 0.0;
  for (const double element : x) most = std::max(most, std::abs(element));
  return most;
}

Numbers difference(Numbers a, const Numbers& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

/// A NaN is as far away as can be.
double ratio(double error, double scale) {
  if (error == 0.0) return 0.0;
  const double found = error / scale;
  return std::isnan(found) ? HUGE_VAL : found;
}

/// A direction of a parameter, and what an error of the slope along it is measured by.
struct Direction {
  Numbers along;
  double scale;
};

/// One of all elements, one of the element with the largest gradient, and some of random elements.
std::vector<Direction> directions_for(const Numbers& gradient, int elements, SampleSource& source) {
  if (gradient.empty()) return {};
  Numbers signs(gradient.size());
  for (double& x : signs) x = source.coin() ? 1.0 : -1.0;
  std::vector<Direction> directions{{.along = std::move(signs), .scale = norm(gradient)}};
  const auto add = [&](std::ptrdiff_t element) {
    Numbers one(gradient.size(), 0.0);
    one[static_cast<std::size_t>(element)] = 1.0;
    directions.push_back({.along = std::move(one), .scale = largest(gradient)});
  };
  const auto by_size = [](double a, double b) { return std::abs(a) < std::abs(b); };
  add(std::ranges::max_element(gradient, by_size) - gradient.begin());
  for (int i = 1; i < elements; ++i) add(source.below(static_cast<std::int64_t>(gradient.size())));
  return directions;
}

class ModelTrial {
 public:
  ModelTrial(const Model& model, DType dtype, const ModelOptions& options)
      : model_(model), options_(options), reference_(model) {
    certificate_.model = model.name;
    certificate_.dtype = dtype;
  }

  ModelCertificate run() {
    for (const int threads : {1, 3}) try_threads(threads);
    return std::move(certificate_);
  }

 private:
  ModelBounds bounds() const { return model_bounds(certificate_.dtype); }

  void try_threads(int threads) {
    ModelEngine engine(model_, certificate_.dtype,
                       {.threads = threads, .seed = options_.seed, .compile = options_.compile});
    for (int i = 0; i < options_.warm_up; ++i) engine.step();
    const States before = engine.states();
    reference_.set(before);
    const StepResult expected = reference_.step();
    const std::vector<Tensor> outputs = engine.gradients();
    const bool sound = check_outputs(outputs, expected.outputs, threads);
    engine.step();
    const bool stepped = check_states(engine.states(), expected.after, before, threads);
    if (!sound || !stepped) report({engine.self_check(before)});
    if (threads == 1) check_derivatives(outputs);
  }

  /// Loss and gradients against those of the reference, by the bound of a step.
  bool check_outputs(std::span<const Tensor> actual, std::span<const Tensor> expected, int threads) {
    bool fine = true;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const Numbers a = numbers_of(actual[i]);
      const Numbers b = numbers_of(expected[i]);
      const std::string what =
          i == 0 ? "the loss" : "the gradient of " + label_of(reference_.training().parameters[i - 1]);
      fine &= keep_step(ratio(norm(difference(a, b)), norm(b)), what, threads);
    }
    return fine;
  }

  bool check_states(const States& actual, const States& expected, const States& before, int threads) {
    constexpr double kLeastChange = 1e-3;  // of the norm: below it f32's rounding of the sum would count
    bool fine = true;
    for (const auto& [label, tensor] : expected) {
      const Numbers a = numbers_of(actual.at(label));
      const Numbers b = numbers_of(tensor);
      const double change = norm(difference(b, numbers_of(before.at(label))));
      const double error = ratio(norm(difference(a, b)), std::max(change, kLeastChange * norm(b)));
      fine &= keep_step(error, label + " after a step", threads);
    }
    return fine;
  }

  bool keep_step(double error, const std::string& what, int threads) {
    certificate_.step_error = std::max(certificate_.step_error, error);
    if (error <= bounds().step) return true;
    fail(fmt::format("{} is {:.1e} away from the reference on {} thread{}", what, error, threads,
                     threads == 1 ? "" : "s"));
    return false;
  }

  void check_derivatives(std::span<const Tensor> outputs) {
    const auto& parameters = reference_.training().parameters;
    std::vector<Numbers> gradients;
    double most = 0.0;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      gradients.push_back(numbers_of(outputs[i + 1]));
      most = std::max(most, largest(gradients.back()));
    }
    bool fine = true;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      SampleSource source(options_.seed, fmt::format("{} {}", model_.name, i));
      for (const Direction& direction : directions_for(gradients[i], options_.elements, source)) {
        fine &= check_direction(parameters[i], gradients[i], direction, most);
      }
    }
    if (!fine) report(wrong_rules(reference_.training().loss));
  }

  bool check_direction(const Value& parameter, const Numbers& gradient, const Direction& direction,
                       double most) {
    constexpr double kLeastShare = 0.01;
    const Numbers& along = direction.along;
    const double slope = std::inner_product(gradient.begin(), gradient.end(), along.begin(), 0.0);
    const double scale = std::max(direction.scale, kLeastShare * most);
    const auto [error, nearest] = slope_error(parameter, along, slope, scale);
    ++certificate_.derivatives;
    certificate_.gradient_error = std::max(certificate_.gradient_error, error);
    if (error <= bounds().gradient) return true;
    fail(fmt::format(
        "the gradient of {} is off by {:.1e}: {:.6g} along a direction whose difference is {:.6g}",
        label_of(parameter), error, slope, nearest));
    return false;
  }

  /// How far `slope` is from the differences in units of `scale`, and the nearest of them.
  std::pair<double, double> slope_error(const Value& parameter, const Numbers& along, double slope,
                                        double scale) {
    double error = HUGE_VAL;
    double nearest = 0.0;
    const auto take = [&](double difference) {
      const double off = ratio(std::abs(slope - difference), scale);
      if (off < error) nearest = difference;
      error = std::min(error, off);
    };
    // A kink within one step is not within all of them, and a wrong gradient is wrong at each.
    Slopes last{};
    for (const double step : {6e-6, 1e-6, 2e-7}) {
      last = reference_.slopes(parameter, along, step);
      take(last.central());
      if (error <= bounds().gradient) return {error, nearest};
    }
    // On a kink, as a unit of relu that is exactly 0 has it, the derivative is that of one side.
    take(last.left);
    take(last.right);
    return {error, nearest};
  }

  void fail(const std::string& what) {
    certificate_.failures.push_back(fmt::format("{} (seed {})", what, options_.seed));
  }
  /// What is to blame comes first: it explains the others.
  void report(const std::vector<std::string>& lines) {
    std::vector<std::string> all = lines;
    for (std::string& failure : certificate_.failures) all.push_back(std::move(failure));
    certificate_.failures = std::move(all);
  }

  const Model& model_;
  ModelOptions options_;
  ModelReference reference_;
  ModelCertificate certificate_;
};

}  // namespace

ModelCertificate certify_training(const Model& model, DType dtype, const ModelOptions& options) {
  return ModelTrial(model, dtype, options).run();
}

}  // namespace weft::proof
