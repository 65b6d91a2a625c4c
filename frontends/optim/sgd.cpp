#include "weft/frontends/optim/sgd.h"

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"

namespace weft::optim {

std::vector<Value> sgd(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                       const SgdOptions& options) {
  if (options.nesterov && options.momentum <= 0.0) {
    throw Error(ErrorCode::invalid_argument, "Nesterov's method needs momentum",
                {.op = "sgd", .expected = "momentum > 0", .where = to_string(rate.where())});
  }
  const MethodScope own = method_scope("sgd", parameters, {"momentum"}, rate.where());
  const auto rule = [&](const Value& p, const Value& gradient, const Operand& lr) -> Change {
    const Value g = with_l2(p, gradient, options.weight_decay);
    if (options.momentum <= 0.0) return {.next = p - lr * g, .slots = {}};
    const Value v = slot(p, "momentum");
    const Value next = options.momentum * v + g;
    const Value direction = options.nesterov ? g + options.momentum * next : next;
    return {.next = p - lr * direction, .slots = {assign(v, next)}};
  };
  return update_each("sgd", parameters, gradients, rate, rule);
}

}  // namespace weft::optim
