#include "weft/frontends/optim/ftrl.h"

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"

namespace weft::optim {

std::vector<Value> ftrl(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const FtrlOptions& options) {
  const MethodScope own = method_scope("ftrl", parameters, {"ftrl_n", "ftrl_z"}, rate.where());
  const auto rule = [&](const Value& p, const Value& g, const Operand& lr) -> Change {
    const Value n = slot(p, "ftrl_n", options.initial_sum);
    const Value z = slot(p, "ftrl_z");
    const Value next_n = n + square(g);
    const Value root = sqrt(next_n);
    const Value next_z = z + g - (root - sqrt(n)) / lr * p;
    const Value beyond = next_z - clip(next_z, -options.l1, options.l1);
    const Value curvature = (options.beta + root) / lr + options.l2;
    // With beta = 0 an element that never had a gradient has curvature 0, and `beyond` is 0 too.
    const Value next = -(beyond / where(curvature > 0.0, curvature, 1.0));
    return {.next = next, .slots = {assign(n, next_n), assign(z, next_z)}};
  };
  return update_each("ftrl", parameters, gradients, rate, rule);
}

}  // namespace weft::optim
