#include "weft/tests/support/gradient_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weft/autodiff/forward_mode.h"
#include "weft/autodiff/gradients.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::testing_support {
namespace {

std::string label_of(std::size_t input) { return fmt::format("x{}", input); }

/// The loss as a program of its own, with the tensors that it is fed.
class Loss {
 public:
  Loss(const Function& function, std::span<const Tensor> inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      values_.push_back(input(graph_, label_of(i), inputs[i].dtype(), Shape::of(inputs[i].sizes())));
      feeds_.emplace(label_of(i), inputs[i].clone());
      if (inputs[i].dtype() == f64) differentiable_.push_back(i);
    }
    loss_ = weighted_sum(function(values_));
    program_ = extract(graph_, {&loss_, 1});
  }

  /// The inputs that the check differentiates with respect to.
  const std::vector<std::size_t>& differentiable() const { return differentiable_; }

  std::vector<Tensor> analytic() {
    std::vector<Value> wrt;
    for (const std::size_t i : differentiable_) wrt.push_back(values_[i]);
    return evaluate_values(gradients(loss_, wrt, Unconnected::zeros), feeds_);
  }

  /// The central difference for one element, with the step that balances truncation and rounding.
  double numeric(std::size_t which, std::size_t element) {
    Tensor moved = feeds_.at(label_of(which));
    double& x = moved.mutable_values<double>()[element];
    const double centre = x;
    const double step = 6e-6 * std::max(1.0, std::abs(centre));
    x = centre + step;
    const double above = evaluate_loss();
    const double high = x;
    x = centre - step;
    const double below = evaluate_loss();
    const double low = x;
    x = centre;
    return (above - below) / (high - low);
  }

 private:
  double evaluate_loss() const { return evaluate_program(program_, feeds_)[0].item<double>(); }

  Graph graph_;
  std::vector<Value> values_;
  std::vector<std::size_t> differentiable_;
  Feeds feeds_;
  Value loss_;
  Program program_;
};

double relative_error(double analytic, double numeric) {
  const double scale = std::max({1.0, std::abs(analytic), std::abs(numeric)});
  const double error = std::abs(analytic - numeric) / scale;
  return std::isnan(error) ? HUGE_VAL : error;
}

}  // namespace

Value weighted_sum(const Value& value) {
  TensorSource source("weights");
  const auto sizes = value.shape().sizes();
  Tensor weights = source.away_from_zero(sizes, 0.5, 1.5, value.dtype());
  return sum(value * constant(value.graph(), std::move(weights)));
}

Function gradient_of(const Function& function) {
  return [function](std::span<const Value> inputs) {
    const Value loss = weighted_sum(function(inputs));
    std::vector<Value> wrt;
    std::ranges::copy_if(inputs, std::back_inserter(wrt), [](const Value& x) { return is_float(x.dtype()); });
    Value total;
    for (const Value& gradient : gradients(loss, wrt, Unconnected::zeros)) {
      const Value part = weighted_sum(gradient);
      total = total ? total + part : part;
    }
    return total;
  };
}

testing::AssertionResult gradients_match(const Function& function, std::span<const Tensor> inputs,
                                         double tolerance) {
  Loss loss(function, inputs);
  const std::vector<Tensor> analytic = loss.analytic();
  double worst = 0.0;
  std::string description;
  for (std::size_t i = 0; i < analytic.size(); ++i) {
    const std::size_t which = loss.differentiable()[i];
    if (!std::ranges::equal(analytic[i].sizes(), inputs[which].sizes())) {
      return testing::AssertionFailure() << "the gradient of input " << which << " has the shape of "
                                         << to_string(analytic[i]) << ", not of " << to_string(inputs[which]);
    }
    for (std::size_t element = 0; element < analytic[i].values<double>().size(); ++element) {
      const double a = analytic[i].values<double>()[element];
      const double n = loss.numeric(which, element);
      if (relative_error(a, n) <= worst) continue;
      worst = relative_error(a, n);
      description = fmt::format("element {} of input {} = {}: analytic {}, numeric {}, error {}", element,
                                which, to_string(inputs[which]), a, n, worst);
    }
  }
  if (worst <= tolerance) return testing::AssertionSuccess();
  return testing::AssertionFailure() << description << "; " << replay();
}

testing::AssertionResult second_gradients_match(const Function& function, std::span<const Tensor> inputs,
                                                double tolerance) {
  return gradients_match(gradient_of(function), inputs, tolerance);
}

testing::AssertionResult forward_matches_reverse(const Function& function, std::span<const Tensor> inputs,
                                                 double tolerance) {
  TensorSource source("tangents");
  Graph graph;
  Feeds feeds;
  std::vector<Value> values;
  std::vector<Value> wrt;
  std::vector<Value> tangents;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    values.push_back(input(graph, label_of(i), inputs[i].dtype(), Shape::of(inputs[i].sizes())));
    feeds.emplace(label_of(i), inputs[i]);
    if (inputs[i].dtype() != f64) continue;
    const auto sizes = inputs[i].sizes();
    wrt.push_back(values.back());
    tangents.push_back(constant(graph, source.uniform({sizes.begin(), sizes.end()})));
  }
  const Value y = function(values);
  const Value cotangent = constant(graph, source.uniform(y.shape().sizes()));
  const std::vector<Value> pulled = vjp({&y, 1}, {&cotangent, 1}, wrt);
  const Value pushed = jvp({&y, 1}, wrt, tangents)[0];
  Value reverse = constant(graph, 0.0, f64);
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (pulled[i]) reverse = reverse + sum(pulled[i] * tangents[i]);
  }
  const Value forward = pushed ? sum(pushed * cotangent) : constant(graph, 0.0, f64);
  const auto results = evaluate_values(std::vector{forward, reverse}, feeds);
  const double error = relative_error(results[0].item<double>(), results[1].item<double>());
  if (error <= tolerance) return testing::AssertionSuccess();
  return testing::AssertionFailure() << fmt::format("forward {}, reverse {}, error {}; {}",
                                                    results[0].item<double>(), results[1].item<double>(),
                                                    error, replay());
}

}  // namespace weft::testing_support
