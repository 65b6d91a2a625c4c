#include "weft/frontends/optim/rmsprop.h"

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"

namespace weft::optim {

std::vector<Value> rmsprop(std::span<const Value> parameters, std::span<const Value> gradients,
                           const Rate& rate, const RmspropOptions& options) {
  const MethodScope own =
      method_scope("rmsprop", parameters, {"rmsprop_v", "rmsprop_m", "rmsprop_momentum"}, rate.where());
  const auto rule = [&](const Value& p, const Value& gradient, const Operand& lr) -> Change {
    const Value g = with_l2(p, gradient, options.weight_decay);
    const Value v = slot(p, "rmsprop_v");
    const Value next_v = moving_average(v, square(g), options.alpha);
    std::vector<Value> slots{assign(v, next_v)};
    Value spread = next_v;
    if (options.centered) {
      const Value m = slot(p, "rmsprop_m");
      const Value next_m = moving_average(m, g, options.alpha);
      slots.push_back(assign(m, next_m));
      spread = maximum(next_v - square(next_m), 0.0);
    }
    Value direction = g / (sqrt(spread) + options.epsilon);
    if (options.momentum > 0.0) {
      const Value b = slot(p, "rmsprop_momentum");
      direction = options.momentum * b + direction;
      slots.push_back(assign(b, direction));
    }
    return {.next = p - lr * direction, .slots = std::move(slots)};
  };
  return update_each("rmsprop", parameters, gradients, rate, rule);
}

}  // namespace weft::optim
