#include "weft/frontends/schedules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "weft/graph/text.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft::schedules {
namespace {

struct CosineRamp {  // y = (1 + cos(pi x)) / 2: from 1 at 0 to 0 at 1
  static constexpr std::string_view name = "cosine_ramp";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return T{0.5} * (T{1} + std::cos(std::numbers::pi_v<T> * u)); });
  }
  static constexpr NoGradient gradient{"a schedule does not belong to a loss"};
};

Scope named(const Operand& step, std::string_view name) {
  return {step.value(name).graph(), name, step.where()};
}

void expect_positive(std::string_view what, double number, const Operand& step) {
  if (number > 0.0) return;
  throw Error(
      ErrorCode::invalid_argument, fmt::format("{} must be positive", what),
      {.expected = "> 0", .actual = fmt::format("{}", printable(number)), .where = to_string(step.where())});
}

double as_double(std::int64_t number) { return static_cast<double>(number); }

Value floor(const Value& x) { return cast(cast(x, DType::i64), x.dtype()); }  // of x >= 0

/// gamma^exponent by way of ln gamma, which rounding changes less than gamma near 1.
Value power(double gamma, const Value& exponent) { return exp(exponent * std::log(gamma)); }

/// min(step / steps, 1).
Value share_done(const Operand& step, std::int64_t steps) {
  expect_positive("the number of steps", as_double(steps), step);
  return minimum(step * (1.0 / as_double(steps)), 1.0);
}

}  // namespace

StepCounter step_counter(Graph& graph, std::string_view name, DType dtype, Where where) {
  const Transaction whole(graph);
  const Scope origin(graph, "", where);
  const Value step = parameter(graph, name, weft::constant(graph, 0.0, dtype, where), where);
  return {.step = step, .update = assign(step, step + 1.0)};
}

Value constant(const Operand& step, double rate) {
  const Value like = step.value("constant");
  return weft::constant(like.graph(), rate, like.dtype(), step.where());
}

Value step_decay(const Operand& step, double rate, std::int64_t every, double gamma) {
  expect_positive("the number of steps", as_double(every), step);
  expect_positive("gamma", gamma, step);
  const Scope origin = named(step, "step_decay");
  return rate * power(gamma, floor(step / as_double(every)));
}

Value multistep(const Operand& step, double rate, const std::vector<std::int64_t>& milestones, double gamma) {
  const Scope origin = named(step, "multistep");
  Value factor = constant(step, rate);
  for (const std::int64_t milestone : milestones) {
    factor = where(step >= as_double(milestone), factor * gamma, factor);
  }
  return factor;
}

Value exponential(const Operand& step, double rate, double gamma) {
  expect_positive("gamma", gamma, step);
  const Scope origin = named(step, "exponential");
  return rate * power(gamma, step.value());
}

Value inverse(const Operand& step, double rate, double gamma, double power) {
  const Scope origin = named(step, "inverse");
  return rate * pow(1.0 + gamma * step, -power);
}

Value polynomial(const Operand& step, double rate, std::int64_t steps, double power, double end) {
  const Scope origin = named(step, "polynomial");
  return (rate - end) * pow(1.0 - share_done(step, steps), power) + end;
}

Value cosine(const Operand& step, double rate, std::int64_t steps, double end) {
  const Scope origin = named(step, "cosine");
  return (rate - end) * apply(CosineRamp{}, share_done(step, steps)) + end;
}

Value warm_up(const Operand& step, const Value& rate, std::int64_t steps, double start) {
  const Scope origin = named(step, "warm_up");
  return rate * ((1.0 - start) * share_done(step, steps) + start);
}

Value cyclic(const Operand& step, double low, double high, std::int64_t half_cycle) {
  expect_positive("the length of half a cycle", as_double(half_cycle), step);
  const Scope origin = named(step, "cyclic");
  const Value cycles = step / as_double(2 * half_cycle);
  const Value from_top = abs(2.0 * (cycles - floor(cycles)) - 1.0);  // 1 at the ends of a cycle
  return low + (high - low) * (1.0 - from_top);
}

Value sigmoid(const Operand& step, double rate, double gamma, double middle) {
  const Scope origin = named(step, "sigmoid");
  return rate * weft::sigmoid(gamma * (step - middle));
}

Value piecewise(const Operand& step, const std::vector<std::int64_t>& boundaries,
                const std::vector<double>& rates) {
  if (rates.size() != boundaries.size() + 1 || !std::ranges::is_sorted(boundaries)) {
    throw Error(ErrorCode::invalid_argument, "each part between two boundaries has its rate",
                {.op = "piecewise",
                 .expected = fmt::format("ascending boundaries and {} rates", boundaries.size() + 1),
                 .actual = fmt::format("{} rates", rates.size()),
                 .where = to_string(step.where())});
  }
  const Scope origin = named(step, "piecewise");
  Value rate = constant(step, rates[0]);
  for (std::size_t i = 0; i < boundaries.size(); ++i)
    rate = where(step >= as_double(boundaries[i]), constant(step, rates[i + 1]), rate);
  return rate;
}

Value cosine_restarts(const Operand& step, double rate, std::int64_t steps, double growth, double end) {
  expect_positive("the number of steps", as_double(steps), step);
  if (!(growth >= 1.0)) {
    throw Error(ErrorCode::invalid_argument, "cycles do not get shorter",
                {.op = "cosine_restarts",
                 .expected = "growth >= 1",
                 .actual = fmt::format("{}", printable(growth)),
                 .where = to_string(step.where())});
  }
  const Scope origin = named(step, "cosine_restarts");
  const Value cycles = step / as_double(steps);  // in lengths of the first
  if (growth == 1.0) return (rate - end) * apply(CosineRamp{}, cycles - floor(cycles)) + end;
  // Cycle n begins at (growth^n - 1) / (growth - 1). Rounding must not bring its first step into the one
  // before.
  const Value n = floor(log(1.0 + (growth - 1.0) * cycles) / std::log(growth) + 1e-6);
  const Value length = power(growth, n);
  const Value begin = (length - 1.0) / (growth - 1.0);
  return (rate - end) * apply(CosineRamp{}, clip((cycles - begin) / length, 0.0, 1.0)) + end;
}

Value one_cycle(const Operand& step, double highest, std::int64_t steps, const OneCycleOptions& options) {
  const double top = options.warm_up * as_double(steps) - 1.0;
  const double last = as_double(steps) - 1.0;
  expect_positive("the length of the rise", top, step);
  expect_positive("the length of the fall", last - top, step);
  const Scope origin = named(step, "one_cycle");
  const double first_rate = highest / options.start_divisor;
  const double last_rate = first_rate / options.end_divisor;
  const Value rise = apply(CosineRamp{}, minimum(step / top, 1.0));
  const Value fall = apply(CosineRamp{}, clip((step - top) / (last - top), 0.0, 1.0));
  return where(step <= top, highest + (first_rate - highest) * rise,
               last_rate + (highest - last_rate) * fall);
}

}  // namespace weft::schedules
