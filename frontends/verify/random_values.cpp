#include "weft/frontends/verify/random_values.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/numbers.h"
#include "weft/graph/evaluate.h"

namespace weft::verify {
namespace {

constexpr std::size_t kExact = 0;
constexpr std::size_t kRounded = 1;
constexpr std::size_t kNoisy = 2;
constexpr std::size_t kNoisyAgain = 3;

/// Relative noise: a few units in the last place, the allowed error of a fast kernel.
double noise_of(DType dtype) { return dtype == DType::f32 ? 1e-6 : 1e-14; }
/// How much the runs of a settled value may differ, relative to max(1, |x|).
double settled_bound(DType dtype) { return dtype == DType::f32 ? 2e-5 : 1e-12; }

Tensor in_dtype(const Tensor& tensor, DType dtype) { return in_precision({&tensor, 1}, dtype)[0]; }

bool alike(double a, double b, double bound) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  return std::isfinite(a) && std::isfinite(b) && std::abs(a - b) <= bound * std::max(1.0, std::abs(a));
}

/// Whether a cast of some element to an integer is not defined.
bool has_no_integer(const Tensor& tensor) {
  constexpr double kLarge = 1e6;
  return is_float(tensor.dtype()) &&
         std::ranges::any_of(numbers_of(tensor), [](double x) { return !(std::abs(x) <= kLarge); });
}

}  // namespace

void RandomValues::settle(const Graph& graph, NodeId id, const std::function<Tensor(const Node&)>& fed) {
  for (auto next = static_cast<NodeId>(values_.size()); next <= id; ++next) {
    std::array<Outputs, kRuns> runs;
    const Node& node = graph.node(next);
    const Tensor given = node.op.constant() != nullptr ? *node.op.constant()
                         : node.inputs.empty()         ? fed(node)
                                                       : Tensor();
    values_.emplace_back();
    for (std::size_t number = 0; number < kRuns; ++number) runs[number] = run(graph, next, number, given);
    if (std::ranges::any_of(runs, &Outputs::empty)) continue;
    values_.back() = std::move(runs);
  }
}

RandomValues::Outputs RandomValues::run(const Graph& graph, NodeId id, std::size_t number,
                                        const Tensor& fed) {
  const Node& node = graph.node(id);
  if (!fed.empty()) return {in_dtype(fed, DType::f64)};
  Outputs inputs;
  for (const ValueId& input : node.inputs) {
    const auto& outputs = values_[input.node][number];
    if (outputs.empty()) return {};
    inputs.push_back(outputs[input.output]);
  }
  if (node.op.traits().elementwise && is_integer(node.outputs[0].dtype) &&
      std::ranges::any_of(inputs, has_no_integer))
    return {};
  try {
    Outputs outputs = evaluate(with_floats_of(node.op, DType::f64), inputs);
    disturb(node, number, outputs);
    return outputs;
  } catch (const Error&) {
    return {};
  }
}

void RandomValues::disturb(const Node& node, std::size_t number, Outputs& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const DType dtype = node.outputs[i].dtype;
    if (!is_float(dtype)) continue;
    if (number == kExact) {
      outputs[i] = in_dtype(outputs[i], DType::f64);
    } else if (number == kRounded) {
      outputs[i] = in_dtype(in_dtype(outputs[i], dtype), DType::f64);
    } else {
      outputs[i] = in_dtype(outputs[i], DType::f64).clone();
      for (double& x : outputs[i].mutable_values<double>()) {
        // The sign of a zero that is a sum or a product depends on the order of its terms.
        if (x == 0.0 && special_ && !node.op.traits().elementwise) x = -x;
        x *= 1.0 + noise_of(dtype) * noise_.number(-1.0, 1.0);
      }
    }
  }
}

bool RandomValues::is_settled(const Graph& graph, ValueId id) const {
  if (id.node >= values_.size() || values_[id.node][kExact].empty()) return false;
  const DType dtype = graph.type(id).dtype;
  const auto at = [&](std::size_t number) { return numbers_of(values_[id.node][number][id.output]); };
  const auto exact = at(kExact);
  const std::array others{at(kRounded), at(kNoisy), at(kNoisyAgain)};
  const double bound = is_float(dtype) ? settled_bound(dtype) : 0.0;
  constexpr double kLargest = 1e4;  // so that results stay comparable
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (std::ranges::any_of(others, [&](const auto& x) { return !alike(exact[i], x[i], bound); }))
      return false;
    if (std::signbit(exact[i]) != std::signbit(others[1][i]) && exact[i] == 0.0) continue;
    if (!special_ && !(std::abs(exact[i]) <= kLargest)) return false;
  }
  return true;
}

}  // namespace weft::verify
