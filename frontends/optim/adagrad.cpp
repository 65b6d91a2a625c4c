#include "weft/frontends/optim/adagrad.h"

#include "weft/frontends/optim/optimizer.h"
#include "weft/frontends/optim/rows.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"

namespace weft::optim {

std::vector<Value> adagrad(std::span<const Value> parameters, std::span<const Value> gradients,
                           const Rate& rate, const AdagradOptions& options) {
  const MethodScope own = method_scope("adagrad", parameters, {"adagrad_sum"}, rate.where());
  const auto rule = [&](const Value& p, const Value& gradient, const Operand& lr) -> Change {
    // A row without a gradient stays as it is, unless it decays or 0 is divided by 0.
    const bool rows_stay = options.weight_decay == 0.0 && options.epsilon > 0.0;
    const Rows rows = rows_stay ? Rows::named_by(gradient, p) : Rows(gradient);
    const Value g = with_l2(p, rows.gradient(), options.weight_decay);
    const Value s = slot(p, "adagrad_sum", options.initial_sum);
    const Value next = rows.read(s) + square(g);
    const Value next_p = rows.read(p) - lr * (g / (sqrt(next) + options.epsilon));
    return {.next = rows.write(p, next_p), .slots = {assign(s, rows.write(s, next))}};
  };
  return update_each("adagrad", parameters, gradients, rate, rule);
}

std::vector<Value> adadelta(std::span<const Value> parameters, std::span<const Value> gradients,
                            const Rate& rate, const AdadeltaOptions& options) {
  const MethodScope own = method_scope("adadelta", parameters, {"adadelta_v", "adadelta_u"}, rate.where());
  const auto rule = [&](const Value& p, const Value& gradient, const Operand& lr) -> Change {
    const Value g = with_l2(p, gradient, options.weight_decay);
    const Value v = slot(p, "adadelta_v");
    const Value u = slot(p, "adadelta_u");
    const Value next_v = moving_average(v, square(g), options.rho);
    const Value d = g * (sqrt(u + options.epsilon) / sqrt(next_v + options.epsilon));
    const Value next_u = moving_average(u, square(d), options.rho);
    return {.next = p - lr * d, .slots = {assign(v, next_v), assign(u, next_u)}};
  };
  return update_each("adadelta", parameters, gradients, rate, rule);
}

}  // namespace weft::optim
