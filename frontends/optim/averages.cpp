#include "weft/frontends/optim/averages.h"

#include <fmt/format.h>

#include "weft/frontends/optim/optimizer.h"
#include "weft/frontends/optim/updates.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/rounding.h"

namespace weft::optim {
namespace {

void expect_setting(bool holds, std::string_view method, std::string_view expected, double actual,
                    const Where& where) {
  if (holds) return;
  throw Error(ErrorCode::invalid_argument, "weights cannot be averaged like this",
              {.op = std::string(method),
               .expected = std::string(expected),
               .actual = fmt::format("{}", actual),
               .where = to_string(where)});
}

/// Adds the averages "<p>/<name>" to updates: `moved(average, next)` is what follows an average.
template <typename F>
Averaged with_averages(std::span<const Value> updates, std::span<const Value> parameters,
                       std::string_view name, F moved) {
  Averaged result{.updates = {updates.begin(), updates.end()}, .averages = {}};
  for (const Value& parameter : parameters) {
    const Value average = copied_slot(parameter, name);
    result.updates.push_back(assign(average, moved(average, next_of(updates, parameter))));
    result.averages.push_back(average);
  }
  return result;
}

/// Whether `steps`, a whole number, is a multiple of `every`.
Value is_multiple(const Value& steps, std::int64_t every) {
  return equal(mod(steps, static_cast<double>(every)), 0.0);
}

}  // namespace

Averaged ema(std::span<const Value> updates, std::span<const Value> parameters, double decay,
             const Where& where) {
  expect_setting(decay >= 0.0 && decay < 1.0, "ema", "decay in [0, 1)", decay, where);
  const MethodScope own = method_scope("ema", parameters, {"ema"}, where);
  const StepNumber step = step_number(parameters, "ema");
  const Value memory = cast(step.t > 1.0, step.t.dtype()) * decay;
  Averaged result = with_averages(updates, parameters, "ema", [&](const Value& average, const Value& next) {
    const Value kept = cast(memory, average.dtype());
    return next + kept * (average - next);
  });
  result.updates.push_back(step.update);
  return result;
}

Averaged swa(std::span<const Value> updates, std::span<const Value> parameters, const SwaOptions& options,
             const Where& where) {
  expect_setting(options.start >= 0, "swa", "start >= 0", static_cast<double>(options.start), where);
  expect_setting(options.every >= 1, "swa", "every >= 1", static_cast<double>(options.every), where);
  const MethodScope own = method_scope("swa", parameters, {"swa"}, where);
  const StepNumber step = step_number(parameters, "swa");
  const Value since = step.t - (static_cast<double>(options.start) + 1.0);
  const Value counts = logical_and(since >= 0.0, is_multiple(since, options.every));
  const Value count = method_slot(parameters[0], "swa", "count", 0.0);
  const Value next_count = count + cast(counts, count.dtype());
  Averaged result = with_averages(updates, parameters, "swa", [&](const Value& average, const Value& next) {
    const Value share = cast(1.0 / maximum(next_count, 1.0), average.dtype());
    return weft::where(counts, average + share * (next - average), average);
  });
  result.updates.push_back(assign(count, next_count));
  result.updates.push_back(step.update);
  return result;
}

std::vector<Value> exchanged(std::span<const Value> parameters, std::span<const Value> averages,
                             const Where& where) {
  if (parameters.size() != averages.size()) {
    throw Error(ErrorCode::invalid_argument, "there must be an average for each parameter",
                {.op = "exchanged",
                 .expected = fmt::format("{} averages", parameters.size()),
                 .actual = std::to_string(averages.size()),
                 .where = to_string(where)});
  }
  std::vector<Value> updates;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    updates.push_back(assign(parameters[i], averages[i]));
    updates.push_back(assign(averages[i], parameters[i]));
  }
  return updates;
}

std::vector<Value> lookahead(std::span<const Value> updates, std::span<const Value> parameters,
                             const LookaheadOptions& options, const Where& where) {
  expect_setting(options.steps >= 1, "lookahead", "steps >= 1", static_cast<double>(options.steps), where);
  expect_setting(options.share > 0.0 && options.share <= 1.0, "lookahead", "share in (0, 1]", options.share,
                 where);
  const MethodScope own = method_scope("lookahead", parameters, {"slow"}, where);
  const StepNumber step = step_number(parameters, "lookahead");
  const Value is_first = equal(step.t, 1.0);
  const Value returns = is_multiple(step.t, options.steps);
  std::vector<Value> own_updates{step.update};
  std::vector<Value> changed = change_next(updates, parameters, [&](std::size_t i, const Value& next) {
    const Value slow = slot(parameters[i], "slow");
    const Value from = weft::where(is_first, parameters[i], slow);
    const Value after = weft::where(returns, from + options.share * (next - from), from);
    own_updates.push_back(assign(slow, after));
    return weft::where(returns, after, next);
  });
  changed.insert(changed.end(), own_updates.begin(), own_updates.end());
  return changed;
}

}  // namespace weft::optim
