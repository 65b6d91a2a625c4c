#include "weft/frontends/optim/conjugate_gradient.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "weft/frontends/optim/flat.h"
#include "weft/graph/text.h"

namespace weft::optim {
namespace {

using Vector = std::vector<double>;

double dot_of(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// A loss and its gradient at a place.
struct LinePoint {
  double loss = 0.0;
  Vector gradient;
};

/// The function as one of a vector.
class LineProblem {
 public:
  LineProblem(Session& session, Function& function, std::span<const Value> parameters,
              std::span<const Tensor> inputs)
      : session_(session), function_(function), parameters_(parameters), inputs_(inputs) {}

  Vector place() const {
    const Tensor all = flat_values(session_, parameters_);
    return {all.values<double>().begin(), all.values<double>().end()};
  }
  void move_to(const Vector& place) { set_flat_values(session_, parameters_, Tensor::of(std::span(place))); }

  LinePoint at(const Vector& place) {
    move_to(place);
    ++evaluations_;
    const Outputs made = function_(inputs_);
    if (made.size() != parameters_.size() + 1) {
      throw Error(ErrorCode::invalid_argument,
                  "the function does not give a loss and a gradient for each parameter",
                  {.op = "conjugate_gradient",
                   .expected = fmt::format("{} outputs", parameters_.size() + 1),
                   .actual = std::to_string(made.size())});
    }
    LinePoint point;
    for (std::size_t i = 0; i < made.size(); ++i) {
      visit_dtype(made[i].dtype(), [&]<typename T>(T) {
        for (const T x : made[i].values<T>()) {
          if (i == 0) point.loss = static_cast<double>(x);
          if (i > 0) point.gradient.push_back(static_cast<double>(x));
        }
      });
    }
    return point;
  }
  std::int64_t evaluations() const { return evaluations_; }

 private:
  Session& session_;
  Function& function_;
  std::span<const Value> parameters_;
  std::span<const Tensor> inputs_;
  std::int64_t evaluations_ = 0;
};

Vector moved(const Vector& from, const Vector& direction, double length) {
  Vector to(from.size());
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = from[i] + length * direction[i];
  return to;
}

void expect_search(const ConjugateGradientOptions& options) {
  if (options.max_iterations >= 1 && options.max_line_search >= 1 && options.gradient_tolerance >= 0.0)
    return;
  throw Error(ErrorCode::invalid_argument, "an option is out of range",
              {.op = "conjugate_gradient",
               .expected = "iterations and line search >= 1, tolerance >= 0",
               .actual = fmt::format("{}, {}, {}", options.max_iterations, options.max_line_search,
                                     options.gradient_tolerance)});
}

/// What one line search found; `length` is 0 where nothing was better.
struct LineStep {
  double length = 0.0;
  LinePoint point;
};

/// Halves, or takes the lowest point of the parabola through what is known, until the loss falls enough.
LineStep search_line(LineProblem& problem, const Vector& from, const LinePoint& start,
                     const Vector& direction, double length, std::int64_t most) {
  constexpr double kEnough = 1e-4;
  const double slope = dot_of(start.gradient, direction);
  for (std::int64_t i = 0; i < most; ++i) {
    LinePoint point = problem.at(moved(from, direction, length));
    if (point.loss <= start.loss + kEnough * length * slope)
      return {.length = length, .point = std::move(point)};
    const double rise = point.loss - start.loss - length * slope;
    const double lowest = std::isfinite(rise) && rise > 0.0 ? -slope * length * length / (2.0 * rise) : 0.0;
    length = std::clamp(lowest, 0.1 * length, 0.5 * length);
  }
  return {};
}

}  // namespace

ConjugateGradientResult conjugate_gradient(Session& session, Function& function,
                                           std::span<const Value> parameters, std::span<const Tensor> inputs,
                                           const ConjugateGradientOptions& options) {
  expect_search(options);
  LineProblem problem(session, function, parameters, inputs);
  const Vector start = problem.place();
  ConjugateGradientResult result;
  try {
    Vector place = start;
    LinePoint here = problem.at(place);
    if (!std::isfinite(here.loss)) {
      throw Error(ErrorCode::numeric, fmt::format("the loss is {} at the start", printable(here.loss)),
                  {.op = "conjugate_gradient"});
    }
    Vector direction;
    double length = 0.0;
    while (true) {
      const double size = std::sqrt(dot_of(here.gradient, here.gradient));
      result.converged = size <= options.gradient_tolerance * std::max(1.0, std::sqrt(dot_of(place, place)));
      if (result.converged || result.iterations == options.max_iterations) break;
      // A direction that does not go down, and the first one, are the gradient's.
      const bool goes_on = !direction.empty() && dot_of(direction, here.gradient) < 0.0;
      if (!goes_on) direction = moved(Vector(place.size(), 0.0), here.gradient, -1.0);
      const double first = length > 0.0 ? 2.0 * length : 1.0 / std::max(1.0, size);
      LineStep step = search_line(problem, place, here, direction, first, options.max_line_search);
      if (step.length == 0.0 && !goes_on) break;
      ++result.iterations;
      if (step.length == 0.0) {  // tries the gradient's direction before it gives up
        direction.clear();
        length = 0.0;
        continue;
      }
      place = moved(place, direction, step.length);
      const double before = dot_of(here.gradient, here.gradient);
      const double along =
          dot_of(step.point.gradient, step.point.gradient) - dot_of(step.point.gradient, here.gradient);
      const double share = options.conjugate ? std::max(0.0, along / before) : 0.0;
      here = std::move(step.point);
      length = step.length;
      for (std::size_t i = 0; i < direction.size(); ++i)
        direction[i] = share * direction[i] - here.gradient[i];
    }
    problem.move_to(place);
    result.loss = here.loss;
  } catch (...) {
    problem.move_to(start);
    throw;
  }
  result.evaluations = problem.evaluations();
  return result;
}

}  // namespace weft::optim
