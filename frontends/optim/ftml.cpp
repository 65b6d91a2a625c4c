#include "weft/frontends/optim/ftml.h"

#include <cmath>

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"

namespace weft::optim {
namespace {

/// 1 - b^t
Value complement_of_power(double b, const Value& t) { return 1.0 - exp(t * std::log(b)); }

}  // namespace

std::vector<Value> ftml(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const FtmlOptions& options) {
  const MethodScope own = method_scope("ftml", parameters, {"ftml_v", "ftml_z", "ftml_d"}, rate.where());
  const StepNumber step = step_number(parameters, "ftml");
  const auto rule = [&](const Value& p, const Value& gradient, const Operand& lr) -> Change {
    const Value g = with_l2(p, gradient, options.weight_decay);
    const Value t = cast(step.t, p.dtype());
    const Value v = slot(p, "ftml_v");
    const Value z = slot(p, "ftml_z");
    const Value d = slot(p, "ftml_d");
    const Value next_v = moving_average(v, square(g), options.beta2);
    const Value root = sqrt(next_v / complement_of_power(options.beta2, t)) + options.epsilon;
    const Value next_d = complement_of_power(options.beta1, t) / lr * root;
    const Value next_z = moving_average(z, g, options.beta1) - (next_d - options.beta1 * d) * p;
    return {.next = -next_z / next_d, .slots = {assign(v, next_v), assign(z, next_z), assign(d, next_d)}};
  };
  std::vector<Value> updates = update_each("ftml", parameters, gradients, rate, rule);
  updates.push_back(step.update);
  return updates;
}

}  // namespace weft::optim
