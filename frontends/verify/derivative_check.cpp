#include "weft/frontends/verify/derivative_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "weft/autodiff/forward_mode.h"
#include "weft/autodiff/gradients.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::verify {
namespace {

using Feeds = std::map<std::string, Tensor, std::less<>>;

std::vector<Tensor> evaluate_program(const Program& program, const Feeds& feeds) {
  return evaluate(program, [&](const Node& node) {
    if (const auto* input = node.op.as<Input>()) return feeds.at(input->label);
    return node.op.is<RandomKey>() ? Tensor::of<std::int64_t>({1, 0}) : Tensor();
  });
}

double relative(double a, double b) {
  const double error = std::abs(a - b) / std::max({1.0, std::abs(a), std::abs(b)});
  return std::isnan(error) ? HUGE_VAL : error;
}

void keep_worst(Worst& worst, double a, double b, const std::string& where) {
  const double error = a == b ? 0.0 : relative(a, b);
  if (error > worst.error) worst = {.error = error, .where = fmt::format("{}: {} and {}", where, a, b)};
}

Value weighted_sum(const Value& value, SampleSource& source) {
  const Tensor weights = source.away_from_zero(value.shape().sizes(), 0.5, 1.5, value.dtype());
  return sum(value * constant(value.graph(), weights));
}

/// A function as a graph of its own.
class Setup {
 public:
  Setup(const GraphFunction& function, std::span<const Tensor> inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string label = fmt::format("x{}", i);
      values_.push_back(input(graph_, label, inputs[i].dtype(), Shape::of(inputs[i].sizes())));
      feeds_.emplace(label, inputs[i].clone());
      if (inputs[i].dtype() == f64) {
        wrt_.push_back(values_.back());
        labels_.push_back(label);
      }
    }
    for (const Value& output : function(values_)) {
      if (is_float(output.dtype())) outputs_.push_back(output);
    }
  }

  Graph& graph() { return graph_; }
  const std::vector<Value>& wrt() const { return wrt_; }
  const std::vector<Value>& outputs() const { return outputs_; }
  /// Whether there are outputs to differentiate and values to differentiate with respect to.
  bool differentiable() const { return !wrt_.empty() && !outputs_.empty(); }

  Value loss(std::span<const Value> parts, SampleSource& source) {
    Value total = constant(graph_, 0.0, f64);
    for (const Value& part : parts) total = total + cast(weighted_sum(part, source), f64);
    return total;
  }

  std::vector<Tensor> numbers(std::span<const Value> values) const {
    return evaluate_program(extract(graph_, values), feeds_);
  }

  /// The gradient of `loss` by its rules against the one by differences.
  Worst compare(const Value& loss) {
    Worst worst;
    const std::vector<Tensor> analytic = numbers(gradients(loss, wrt_, Unconnected::zeros));
    const Program program = extract(graph_, {&loss, 1});
    for (std::size_t i = 0; i < wrt_.size(); ++i) {
      for (std::size_t element = 0; element < analytic[i].values<double>().size(); ++element) {
        keep_worst(worst, analytic[i].values<double>()[element], difference(program, labels_[i], element),
                   fmt::format("element {} of input {} by rule and by difference", element, labels_[i]));
      }
    }
    return worst;
  }

 private:
  /// The central difference, with the step that balances truncation and rounding.
  double difference(const Program& program, const std::string& label, std::size_t element) {
    double& x = feeds_.at(label).mutable_values<double>()[element];
    const double centre = x;
    const double step = 6e-6 * std::max(1.0, std::abs(centre));
    const double high = centre + step;
    const double low = centre - step;
    x = high;
    const double above = evaluate_program(program, feeds_)[0].item<double>();
    x = low;
    const double below = evaluate_program(program, feeds_)[0].item<double>();
    x = centre;
    return (above - below) / (high - low);
  }

  Graph graph_;
  std::vector<Value> values_;
  std::vector<Value> wrt_;
  std::vector<std::string> labels_;
  std::vector<Value> outputs_;
  Feeds feeds_;
};

}  // namespace

Worst gradient_error(const GraphFunction& function, std::span<const Tensor> inputs, SampleSource& source) {
  Setup setup(function, inputs);
  if (!setup.differentiable()) return {};
  return setup.compare(setup.loss(setup.outputs(), source));
}

Worst second_gradient_error(const GraphFunction& function, std::span<const Tensor> inputs,
                            SampleSource& source) {
  Setup setup(function, inputs);
  if (!setup.differentiable()) return {};
  const Value loss = setup.loss(setup.outputs(), source);
  const std::vector<Value> slopes = gradients(loss, setup.wrt(), Unconnected::zeros);
  return setup.compare(setup.loss(slopes, source));
}

Worst forward_error(const GraphFunction& function, std::span<const Tensor> inputs, SampleSource& source) {
  Setup setup(function, inputs);
  if (!setup.differentiable()) return {};
  const auto random_like = [&](const Value& value) {
    return constant(setup.graph(), source.uniform(value.shape().sizes(), -1.0, 1.0, value.dtype()));
  };
  std::vector<Value> cotangents;
  std::vector<Value> tangents;
  for (const Value& output : setup.outputs()) cotangents.push_back(random_like(output));
  for (const Value& value : setup.wrt()) tangents.push_back(random_like(value));
  const std::vector<Value> pulled = vjp(setup.outputs(), cotangents, setup.wrt());
  const std::vector<Value> pushed = jvp(setup.outputs(), setup.wrt(), tangents);
  Value reverse = constant(setup.graph(), 0.0, f64);
  Value forward = constant(setup.graph(), 0.0, f64);
  for (std::size_t i = 0; i < pulled.size(); ++i) {
    if (pulled[i].has_value()) reverse = reverse + sum(pulled[i] * tangents[i]);
  }
  for (std::size_t i = 0; i < pushed.size(); ++i) {
    if (pushed[i].has_value()) forward = forward + cast(sum(pushed[i] * cotangents[i]), f64);
  }
  const auto results = setup.numbers(std::vector{forward, reverse});
  Worst worst;
  keep_worst(worst, results[0].item<double>(), results[1].item<double>(), "forward and reverse mode");
  return worst;
}

GraphFunction function_of(const Op& op) {
  return [op](std::span<const Value> inputs) {
    Graph& graph = inputs[0].graph();
    return graph.outputs_of(graph.add(op, inputs, Where::current()));
  };
}

}  // namespace weft::verify
