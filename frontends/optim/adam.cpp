#include "weft/frontends/optim/adam.h"

#include "weft/frontends/optim/optimizer.h"
#include "weft/frontends/optim/rows.h"
#include "weft/frontends/optim/updates.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/norm.h"
#include "weft/ops/source.h"

namespace weft::optim {
namespace {

constexpr double kNadamBase = 0.96;

/// base^exponent for a scalar exponent.
Value power(double base, const Value& exponent) {
  return pow(constant(exponent.graph(), base, exponent.dtype()), exponent);
}

/// 1 - beta^t: the correction for an average that started at 0. In f64, because beta^t is nearly 1 at first.
Value correction(double beta, const Value& t) { return cast(1.0 - power(beta, cast(t, f64)), t.dtype()); }

std::vector<Value> joined(std::vector<Value> first, const std::vector<Value>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// a / b, and 1 where one of them is 0.
Value trust(const Value& a, const Value& b) {
  const Value known = logical_and(a > 0.0, b > 0.0);
  return where(known, a / where(known, b, 1.0), 1.0);
}

}  // namespace

std::vector<Value> adam(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const AdamOptions& options) {
  const MethodScope own = method_scope("adam", parameters, {"adam_m", "adam_v", "adam_v_max"}, rate.where());
  const StepNumber step = step_number(parameters, "adam");
  // A number that all elements share is computed once and not for each element.
  const Value correction1 = correction(options.beta1, step.t);
  const Value rooted = 1.0 / sqrt(correction(options.beta2, step.t));
  const auto rule = [&](const Value& p, const Value& gradient, const Operand& lr) -> Change {
    const Rows rows = options.lazy_rows ? Rows::named_by(gradient, p) : Rows(gradient);
    const Value g = with_l2(rows.read(p), rows.gradient(), options.weight_decay);
    const Value m = slot(p, "adam_m");
    const Value v = slot(p, "adam_v");
    const Value next_m = moving_average(rows.read(m), g, options.beta1);
    const Value next_v = moving_average(rows.read(v), square(g), options.beta2);
    std::vector<Value> slots{assign(m, rows.write(m, next_m)), assign(v, rows.write(v, next_v))};
    Value second_moment = next_v;
    if (options.amsgrad) {
      const Value largest = slot(p, "adam_v_max");
      second_moment = maximum(rows.read(largest), next_v);
      slots.push_back(assign(largest, rows.write(largest, second_moment)));
    }
    const Value change = next_m / (sqrt(second_moment) * rooted + options.epsilon);
    const Value next = rows.read(p) - (lr / correction1) * change;
    return {.next = rows.write(p, next), .slots = std::move(slots)};
  };
  return joined({step.update}, update_each("adam", parameters, gradients, rate, rule));
}

std::vector<Value> adamw(std::span<const Value> parameters, std::span<const Value> gradients,
                         const Rate& rate, const AdamOptions& options) {
  AdamOptions plain = options;
  plain.weight_decay = 0.0;
  return decay_weights(adam(parameters, gradients, rate, plain), parameters, rate, options.weight_decay);
}

std::vector<Value> adamax(std::span<const Value> parameters, std::span<const Value> gradients,
                          const Rate& rate, const AdamaxOptions& options) {
  const MethodScope own = method_scope("adamax", parameters, {"adamax_m", "adamax_u"}, rate.where());
  const StepNumber step = step_number(parameters, "adamax");
  const Value correction1 = correction(options.beta1, step.t);
  const auto rule = [&](const Value& p, const Value& gradient, const Operand& lr) -> Change {
    const Value g = with_l2(p, gradient, options.weight_decay);
    const Value m = slot(p, "adamax_m");
    const Value u = slot(p, "adamax_u");
    const Value next_m = moving_average(m, g, options.beta1);
    const Value next_u = maximum(options.beta2 * u, abs(g) + options.epsilon);
    return {.next = p - (lr / correction1) * (next_m / next_u),
            .slots = {assign(m, next_m), assign(u, next_u)}};
  };
  return joined({step.update}, update_each("adamax", parameters, gradients, rate, rule));
}

std::vector<Value> nadam(std::span<const Value> parameters, std::span<const Value> gradients,
                         const Rate& rate, const NadamOptions& options) {
  const MethodScope own = method_scope("nadam", parameters, {"nadam_m", "nadam_v"}, rate.where());
  const StepNumber step = step_number(parameters, "nadam");
  const auto momentum_at = [&](const Value& t) {
    return options.beta1 * (1.0 - 0.5 * power(kNadamBase, t * options.momentum_decay));
  };
  const Value mu = momentum_at(step.t);
  const Value next_mu = momentum_at(step.t + 1.0);
  const Value product = method_slot(parameters[0], "nadam", "mu_product", 1.0);
  const Value next_product = product * mu;
  const Value gradient_share = (1.0 - mu) / (1.0 - next_product);
  const Value momentum_share = next_mu / (1.0 - next_product * next_mu);
  const Value rooted = 1.0 / sqrt(correction(options.beta2, step.t));
  const auto rule = [&](const Value& p, const Value& gradient, const Operand& lr) -> Change {
    const Value g = with_l2(p, gradient, options.weight_decay);
    const Value m = slot(p, "nadam_m");
    const Value v = slot(p, "nadam_v");
    const Value next_m = moving_average(m, g, options.beta1);
    const Value next_v = moving_average(v, square(g), options.beta2);
    const Value direction = gradient_share * g + momentum_share * next_m;
    return {.next = p - lr * (direction / (sqrt(next_v) * rooted + options.epsilon)),
            .slots = {assign(m, next_m), assign(v, next_v)}};
  };
  return joined({step.update, assign(product, next_product)},
                update_each("nadam", parameters, gradients, rate, rule));
}

std::vector<Value> lamb(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const LambOptions& options) {
  const MethodScope own = method_scope("lamb", parameters, {"lamb_m", "lamb_v"}, rate.where());
  const StepNumber step = step_number(parameters, "lamb");
  const Value correction1 = correction(options.beta1, step.t);
  const Value rooted = 1.0 / sqrt(correction(options.beta2, step.t));
  const auto rule = [&](const Value& p, const Value& g, const Operand& lr) -> Change {
    const Value m = slot(p, "lamb_m");
    const Value v = slot(p, "lamb_v");
    const Value next_m = moving_average(m, g, options.beta1);
    const Value next_v = moving_average(v, square(g), options.beta2);
    const Value adapted = next_m / correction1 / (sqrt(next_v) * rooted + options.epsilon);
    const Value r = options.weight_decay == 0.0 ? adapted : adapted + options.weight_decay * p;
    return {.next = p - (lr * trust(norm(p), norm(r))) * r, .slots = {assign(m, next_m), assign(v, next_v)}};
  };
  return joined({step.update}, update_each("lamb", parameters, gradients, rate, rule));
}

}  // namespace weft::optim
