#include "weft/frontends/optim/proximal.h"

#include <fmt/format.h>

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft::optim {
namespace {

/// sign(q) max(|q| - least, 0)
Value shrunk(const Value& q, const Operand& least) { return optim::sign(q) * relu(abs(q) - least); }

void expect_positive_sum(std::string_view method, double sum, const Rate& rate) {
  if (sum > 0.0) return;
  throw Error(ErrorCode::invalid_argument, "the first step would divide by 0",
              {.op = std::string(method),
               .expected = "an initial sum > 0",
               .actual = fmt::format("{}", sum),
               .where = to_string(rate.where())});
}

}  // namespace

std::vector<Value> proximal_sgd(std::span<const Value> parameters, std::span<const Value> gradients,
                                const Rate& rate, const ProximalOptions& options) {
  const MethodScope own = method_scope("proximal_sgd", parameters, {}, rate.where());
  const auto rule = [&](const Value& p, const Value& g, const Operand& lr) -> Change {
    const Value step = as_value(lr, p.graph(), p.dtype());
    return {.next = shrunk(p - step * g, step * options.l1) / (1.0 + step * options.l2), .slots = {}};
  };
  return update_each("proximal_sgd", parameters, gradients, rate, rule);
}

std::vector<Value> proximal_adagrad(std::span<const Value> parameters, std::span<const Value> gradients,
                                    const Rate& rate, const ProximalAdagradOptions& options) {
  expect_positive_sum("proximal_adagrad", options.initial_sum, rate);
  const MethodScope own =
      method_scope("proximal_adagrad", parameters, {"proximal_adagrad_sum"}, rate.where());
  const auto rule = [&](const Value& p, const Value& g, const Operand& lr) -> Change {
    const Value s = slot(p, "proximal_adagrad_sum", options.initial_sum);
    const Value next_s = s + square(g);
    const Value step = lr / sqrt(next_s);
    return {.next = shrunk(p - step * g, step * options.l1) / (1.0 + step * options.l2),
            .slots = {assign(s, next_s)}};
  };
  return update_each("proximal_adagrad", parameters, gradients, rate, rule);
}

std::vector<Value> adagrad_da(std::span<const Value> parameters, std::span<const Value> gradients,
                              const Rate& rate, const ProximalAdagradOptions& options) {
  expect_positive_sum("adagrad_da", options.initial_sum, rate);
  const MethodScope own =
      method_scope("adagrad_da", parameters, {"adagrad_da_z", "adagrad_da_sum"}, rate.where());
  const StepNumber step = step_number(parameters, "adagrad_da");
  const auto rule = [&](const Value& p, const Value& g, const Operand& lr) -> Change {
    const Value t = cast(step.t, p.dtype());
    const Value z = slot(p, "adagrad_da_z");
    const Value s = slot(p, "adagrad_da_sum", options.initial_sum);
    const Value next_z = z + g;
    const Value next_s = s + square(g);
    const Value length = as_value(lr, p.graph(), p.dtype());
    return {.next = -length * shrunk(next_z, t * options.l1) / (t * options.l2 * length + sqrt(next_s)),
            .slots = {assign(z, next_z), assign(s, next_s)}};
  };
  std::vector<Value> updates = update_each("adagrad_da", parameters, gradients, rate, rule);
  updates.push_back(step.update);
  return updates;
}

}  // namespace weft::optim
