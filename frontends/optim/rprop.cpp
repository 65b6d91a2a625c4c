#include "weft/frontends/optim/rprop.h"

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"

namespace weft::optim {

std::vector<Value> rprop(std::span<const Value> parameters, std::span<const Value> gradients,
                         const Rate& rate, const RpropOptions& options) {
  if (!rate.base().is_number()) {
    throw Error(
        ErrorCode::invalid_argument, "the method adapts its steps itself; the rate is what they start with",
        {.op = "rprop", .expected = "a number", .actual = "a value", .where = to_string(rate.where())});
  }
  const MethodScope own = method_scope("rprop", parameters, {"rprop_step", "rprop_g"}, rate.where());
  const auto rule = [&](const Value& p, const Value& g, const Operand& first_step) -> Change {
    const Value s = slot(p, "rprop_step", first_step.number().as_double());
    const Value last = slot(p, "rprop_g");
    const Value agreement =
        sign(g) * sign(last);  // multiplies signs, since a product of gradients can underflow
    const Value shrunk = where(agreement < 0.0, s * options.shrink, s);
    const Value scaled = where(agreement > 0.0, s * options.grow, shrunk);
    const Value next_s = clip(scaled, options.smallest_step, options.largest_step);
    const Value counted = where(agreement < 0.0, 0.0, g);
    return {.next = p - sign(counted) * next_s, .slots = {assign(s, next_s), assign(last, counted)}};
  };
  return update_each("rprop", parameters, gradients, rate, rule);
}

}  // namespace weft::optim
