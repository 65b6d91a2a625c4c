#include "weft/frontends/optim/gradients.h"

#include <fmt/format.h>

#include "weft/frontends/optim/optimizer.h"
#include "weft/graph/text.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"

namespace weft::optim {
namespace {

void expect_positive(std::string_view what, double limit) {
  if (limit > 0.0) return;
  throw Error(ErrorCode::invalid_argument, "a limit must be positive",
              {.op = std::string(what), .expected = "> 0", .actual = fmt::format("{}", printable(limit))});
}

/// The norm of all norms, in f64.
Value wide_global_norm(std::span<const Value> gradients) {
  if (gradients.size() == 1) return wide_norm(gradients[0]);
  std::vector<Value> norms;
  for (const Value& g : gradients) norms.push_back(reshape(wide_norm(g), {1}));
  return wide_norm(concat(norms, 0));
}

/// A norm to divide by: 1 where it is 0.
Value nonzero_norm(const Value& norm) { return where(equal(norm, 0.0), 1.0, norm); }

void expect_as_many(std::string_view what, std::size_t count, std::size_t parameters) {
  if (count == parameters) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("there must be one {} for each parameter", what),
              {.op = "add_penalty", .expected = std::to_string(parameters), .actual = std::to_string(count)});
}

}  // namespace

std::vector<Value> clip_by_value(std::span<const Value> gradients, double limit) {
  expect_positive("clip_by_value", limit);
  std::vector<Value> clipped;
  for (const Value& g : gradients) clipped.push_back(clip(g, -limit, limit));
  return clipped;
}

Value global_norm(std::span<const Value> gradients) {
  if (gradients.empty()) {
    throw Error(ErrorCode::invalid_argument, "there must be at least one gradient", {.op = "global_norm"});
  }
  expect_values(gradients, "global_norm", "gradient", {});
  return cast(wide_global_norm(gradients), gradients[0].dtype());
}

std::vector<Value> clip_by_global_norm(std::span<const Value> gradients, double limit) {
  expect_positive("clip_by_global_norm", limit);
  if (gradients.empty()) return {};
  const Value scale = limit / maximum(wide_global_norm(gradients), limit);
  std::vector<Value> clipped;
  for (const Value& g : gradients) clipped.push_back(scale_widely(g, scale));
  return clipped;
}

std::vector<Value> clip_by_norm(std::span<const Value> gradients, double limit) {
  expect_positive("clip_by_norm", limit);
  std::vector<Value> clipped;
  for (const Value& g : gradients) clipped.push_back(scale_widely(g, limit / maximum(wide_norm(g), limit)));
  return clipped;
}

std::vector<Value> clip_by_average_norm(std::span<const Value> gradients, double limit) {
  expect_positive("clip_by_average_norm", limit);
  std::vector<Value> clipped;
  for (const Value& g : gradients) {
    const Value average = wide_norm(g) / apply(Count{{}, f64}, g);
    clipped.push_back(scale_widely(g, limit / maximum(average, limit)));
  }
  return clipped;
}

std::vector<Value> normalize_each(std::span<const Value> gradients) {
  std::vector<Value> unit;
  for (const Value& g : gradients) unit.push_back(scale_widely(g, 1.0 / nonzero_norm(wide_norm(g))));
  return unit;
}

std::vector<Value> normalize_together(std::span<const Value> gradients) {
  if (gradients.empty()) return {};
  const Value scale = 1.0 / nonzero_norm(wide_global_norm(gradients));
  std::vector<Value> unit;
  for (const Value& g : gradients) unit.push_back(scale_widely(g, scale));
  return unit;
}

std::vector<Value> add_penalty(std::span<const Value> gradients, std::span<const Value> parameters,
                               const Penalty& penalty) {
  return add_penalties(gradients, parameters, std::vector(parameters.size(), penalty));
}

std::vector<Value> add_penalties(std::span<const Value> gradients, std::span<const Value> parameters,
                                 std::span<const Penalty> penalties) {
  expect_as_many("gradient", gradients.size(), parameters.size());
  expect_as_many("penalty", penalties.size(), parameters.size());
  expect_values(gradients, "add_penalty", "gradient", {});
  expect_values(parameters, "add_penalty", "parameter", {});
  std::vector<Value> penalized;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    Value g = with_l2(parameters[i], gradients[i], penalties[i].l2);
    if (penalties[i].l1 != 0.0) g = g + penalties[i].l1 * sign(parameters[i]);
    penalized.push_back(g);
  }
  return penalized;
}

}  // namespace weft::optim
