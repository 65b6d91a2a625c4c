#include "weft/frontends/ranks/sharded.h"

#include <fmt/format.h>

#include <array>

#include "weft/frontends/optim/optimizer.h"
#include "weft/frontends/ranks/distributed.h"
#include "weft/ops/communication.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::ranks {
namespace {

/// All elements in equal parts, the last filled up with zeros: [ranks * part].
Value in_parts(const Value& x, std::int64_t ranks) {
  const std::int64_t elements = x.shape().elements();
  const std::int64_t part = (elements + ranks - 1) / ranks;
  const Value flat = reshape(x, {elements});
  return part * ranks == elements ? flat : pad(flat, {{0, part * ranks - elements}});
}

/// The part of this rank: [part].
Value own_part(const Value& x, std::int64_t ranks) {
  const Value parts = in_parts(x, ranks);
  return gather(reshape(parts, {ranks, parts.shape()[0].size() / ranks}), rank_number(x.graph()));
}

/// Back from the parts of all ranks.
Value from_parts(const Value& parts, const Shape& shape) {
  const std::int64_t elements = shape.elements();
  return reshape(parts.shape()[0].is(elements) ? parts : slice(parts, 0, 0, elements), shape);
}

const std::string& label_of(const Value& parameter) {
  const auto* op = parameter.graph().node(parameter.node()).op.as<Parameter>();
  if (op != nullptr) return op->label;
  throw Error(ErrorCode::invalid_argument, "only parameters are updated in parts",
              {.node = parameter.name()});
}

/// What the sums of this batch and of those before it are together: loss, rows and gradients.
std::vector<Value> add_to_slots(std::span<const Value> sums, std::span<const Value> parameters,
                                const Operand& rows, Accumulation& made, const Where& where) {
  const optim::MethodScope own = optim::method_scope("accumulation", parameters, {"accumulated"}, where);
  std::vector<Value> kept{optim::method_slot(sums[0], "accumulation", "loss", 0.0),
                          optim::method_slot(sums[0], "accumulation", "rows", 0.0)};
  for (const Value& p : parameters) kept.push_back(optim::slot(p, "accumulated"));
  std::vector<Value> totals{kept[0] + sums[0], kept[1] + cast(rows, sums[0].dtype())};
  for (std::size_t i = 0; i < parameters.size(); ++i) totals.push_back(kept[i + 2] + sums[i + 1]);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    made.add.push_back(assign(kept[i], totals[i]));
    const Value zero = constant(kept[i].graph(), 0.0, kept[i].dtype());
    made.step.push_back(assign(kept[i], broadcast_to(zero, kept[i].shape())));
  }
  return totals;
}

}  // namespace

std::vector<Value> sharded_updates(std::span<const Value> parameters, std::span<const Value> gradients,
                                   const Operand& rows, std::int64_t ranks, const PartOptimizer& optimizer,
                                   const Where& where) {
  if (parameters.empty() || gradients.size() != parameters.size() || ranks < 1) {
    throw Error(ErrorCode::invalid_argument,
                "parts are updated of at least one parameter, by at least one rank",
                {.op = "sharded_updates",
                 .expected = fmt::format("{} gradients, ranks >= 1", parameters.size()),
                 .actual = fmt::format("{} gradients, ranks = {}", gradients.size(), ranks),
                 .where = to_string(where)});
  }
  expect_values(parameters, "sharded_updates", "parameter", where);
  expect_values(gradients, "sharded_updates", "gradient", where);
  Graph& graph = parameters[0].graph();
  const Transaction whole(graph);
  const Scope origin(graph, "", where);
  const Value own = rows.value("sharded_updates");
  const Value all = maximum(all_reduce(cast(own, f64)), 1.0);
  std::vector<Value> parts;
  std::vector<Value> slopes;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Value& p = parameters[i];
    parts.push_back(parameter(graph, fmt::format("{}{}", label_of(p), kOwnPart), own_part(p, ranks)));
    const Value sum = reduce_scatter(in_parts(times_rows(gradients[i], own), ranks), ranks);
    slopes.push_back(sum * cast(1.0 / all, p.dtype()));
  }
  std::vector<Value> updates = optimizer(parts, slopes);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Value next = all_gather(optim::next_of(updates, parts[i]), ranks);
    updates.push_back(assign(parameters[i], from_parts(next, parameters[i].shape())));
  }
  return updates;
}

Accumulation accumulate(const Operand& loss, std::span<const Value> parameters, const Operand& rows,
                        const optim::Optimizer& optimizer, const Where& where) {
  expect_values(parameters, "accumulate", "parameter", where);
  const std::vector<Value> sums = sums_over_rows(loss, parameters, rows);
  Accumulation made;
  const std::vector<Value> totals = add_to_slots(sums, parameters, rows, made, where);
  const std::vector<Value> all = sum_over_ranks(totals);
  const Value factor = 1.0 / maximum(all[1], 1.0);
  made.loss = all[0] * factor;
  std::vector<Value> gradients;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    gradients.push_back(all[i + 2] * cast(factor, parameters[i].dtype()));
  const std::vector<Value> stepped = optimizer(gradients);
  made.step.insert(made.step.end(), stepped.begin(), stepped.end());
  return made;
}

}  // namespace weft::ranks
