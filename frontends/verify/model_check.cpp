#include "weft/frontends/verify/model_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "weft/frontends/verify/blame.h"
#include "weft/frontends/verify/culprits.h"
#include "weft/frontends/verify/model_difference.h"
#include "weft/frontends/verify/model_engine.h"
#include "weft/frontends/verify/model_reference.h"
#include "weft/frontends/verify/sample_source.h"
#include "weft/frontends/verify/trial_options.h"

namespace weft::verify {
namespace {

/// A direction of a parameter, and the unit in which an error of the slope along it is measured.
struct Direction {
  Numbers along;
  double scale;
};

/// The direction of all elements, that of the element with the largest gradient, and those of some random
/// elements.
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

std::string count_of(int threads) { return fmt::format("{} thread{}", threads, threads == 1 ? "" : "s"); }

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
    SessionOptions session = trial_options(threads, options_.compile);
    session.seed = options_.seed;
    States before;
    std::optional<StepResult> actual;
    try {
      ModelEngine engine(model_, certificate_.dtype, session);
      before = engine.states();
      for (int i = 0; i < options_.warm_up; ++i) engine.step();
      before = engine.states();
      actual = engine.step_from(before);
    } catch (const std::exception& error) {
      fail(fmt::format("on {} it throws: {}", count_of(threads), error.what()));
    }
    if (before.empty()) return;  // it does not compile: the error says why
    reference_.set(before);
    const StepResult expected = reference_.step();
    if (!actual || !keep_step(*actual, expected, before, threads)) {
      const auto lines = blamed(session, before, expected, bounds().step);
      report(lines.empty() ? std::vector<std::string>{"no kernel, pass or thread alone is to blame"} : lines);
    }
    if (threads > 1 || !actual || check_derivatives(actual->outputs)) return;
    report(wrong_rules(reference_.training().loss));
    // The reference computes gradients by the same rules, so a difference from it is the engine's.
    const StepResult gradients{.outputs = expected.outputs, .after = {}};
    if (is_right(session, before, gradients, bounds().gradient)) return;
    report(blamed(session, before, gradients, bounds().gradient));
  }

  /// Whether loss, gradients, parameters and slots are those of the reference, by the bound of a step.
  bool keep_step(const StepResult& actual, const StepResult& expected, const States& before, int threads) {
    bool fine = true;
    for (const auto& [what, error] :
         step_errors(actual, expected, before, reference_.training().parameters)) {
      certificate_.step_error = std::max(certificate_.step_error, error);
      if (error <= bounds().step) continue;
      fine = false;
      fail(fmt::format("{} is {:.1e} away from the reference on {}", what, error, count_of(threads)));
    }
    return fine;
  }

  bool is_right(const SessionOptions& options, const States& before, const StepResult& expected,
                double bound) const {
    try {
      const StepResult actual = ModelEngine(model_, certificate_.dtype, options).step_from(before);
      return std::ranges::all_of(step_errors(actual, expected, before, reference_.training().parameters),
                                 [&](const StepError& part) { return part.error <= bound; });
    } catch (const std::exception&) {
      return false;
    }
  }

  /// The self-check says what is wrong and where, but its bounds are wider than ours.
  std::vector<std::string> blamed(const SessionOptions& session, const States& before,
                                  const StepResult& expected, double bound) const {
    if (auto found = self_check(model_, certificate_.dtype, session, before)) return {std::move(*found)};
    return culprits(
        session, [&](const SessionOptions& options) { return is_right(options, before, expected, bound); });
  }

  bool check_derivatives(std::span<const Tensor> outputs) {
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
    return fine;
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
    // A kink lies within some steps only, and a wrong gradient is wrong at every step.
    Slopes last{};
    for (const double step : {6e-6, 1e-6, 2e-7}) {
      last = reference_.slopes(parameter, along, step);
      take(last.central());
      if (error <= bounds().gradient) return {error, nearest};
    }
    // On a kink, such as that of a relu at exactly 0, the derivative is that of one side.
    take(last.left);
    take(last.right);
    return {error, nearest};
  }

  void fail(const std::string& what) {
    certificate_.failures.push_back(fmt::format("{} (seed {})", what, options_.seed));
  }
  /// What is to blame comes first and once, since it explains the others.
  void report(const std::vector<std::string>& lines) {
    auto& failures = certificate_.failures;
    for (const std::string& line : lines) std::erase(failures, line);
    failures.insert(failures.begin(), lines.begin(), lines.end());
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

}  // namespace weft::verify
