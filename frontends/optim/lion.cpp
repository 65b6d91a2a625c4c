#include "weft/frontends/optim/lion.h"

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"

namespace weft::optim {

std::vector<Value> lion(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const LionOptions& options) {
  const MethodScope own = method_scope("lion", parameters, {"lion_m"}, rate.where());
  const auto rule = [&](const Value& p, const Value& g, const Operand& lr) -> Change {
    const Value m = slot(p, "lion_m");
    const Value direction = optim::sign(moving_average(m, g, options.beta1));
    const Value change = options.weight_decay == 0.0 ? direction : direction + options.weight_decay * p;
    return {.next = p - lr * change, .slots = {assign(m, moving_average(m, g, options.beta2))}};
  };
  return update_each("lion", parameters, gradients, rate, rule);
}

}  // namespace weft::optim
