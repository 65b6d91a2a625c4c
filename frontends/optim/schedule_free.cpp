#include "weft/frontends/optim/schedule_free.h"

#include <fmt/format.h>

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft::optim {

ScheduleFree schedule_free_sgd(std::span<const Value> parameters, std::span<const Value> gradients,
                               const Rate& rate, const ScheduleFreeOptions& options) {
  if (!(options.beta >= 0.0 && options.beta < 1.0) || options.warm_up < 0) {
    throw Error(ErrorCode::invalid_argument, "the weights cannot be averaged like this",
                {.op = "schedule_free_sgd",
                 .expected = "beta in [0, 1) and warm_up >= 0",
                 .actual = fmt::format("beta {}, warm_up {}", options.beta, options.warm_up),
                 .where = to_string(rate.where())});
  }
  const MethodScope own =
      method_scope("schedule_free", parameters, {"schedule_free_z", "schedule_free_x"}, rate.where());
  const StepNumber step = step_number(parameters, "schedule_free");
  // Of all parameters: the rate of this step as a share of the full one, squared and added up.
  const double ramp = static_cast<double>(options.warm_up);
  const Value share =
      ramp > 0.0 ? minimum(step.t * (1.0 / ramp), 1.0) : constant(step.t.graph(), 1.0, step.t.dtype());
  const Value base = as_value(rate.base(), step.t.graph(), step.t.dtype());
  const Value weight = square(cast(base, step.t.dtype()) * share);
  const Value sum = method_slot(parameters[0], "schedule_free", "weights", 0.0);
  const Value next_sum = sum + weight;
  const Value c = weight / maximum(next_sum, 1e-30);
  ScheduleFree result;
  const auto rule = [&](const Value& p, const Value& gradient, const Operand& lr) -> Change {
    const Value g = with_l2(p, gradient, options.weight_decay);
    const Value z = copied_slot(p, "schedule_free_z");
    const Value x = copied_slot(p, "schedule_free_x");
    const Value next_z = z - lr * cast(share, p.dtype()) * g;
    const Value next_x = x + cast(c, p.dtype()) * (next_z - x);
    result.averages.push_back(x);
    return {.next = next_z + options.beta * (next_x - next_z),
            .slots = {assign(z, next_z), assign(x, next_x)}};
  };
  result.updates = update_each("schedule_free", parameters, gradients, rate, rule);
  result.updates.push_back(assign(sum, next_sum));
  result.updates.push_back(step.update);
  return result;
}

}  // namespace weft::optim
