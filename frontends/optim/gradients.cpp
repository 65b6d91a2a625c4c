#include "weft/frontends/optim/gradients.h"

#include <fmt/format.h>

#include "weft/frontends/optim/optimizer.h"
#include "weft/graph/text.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/norm.h"

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

std::vector<Value> add_penalty(std::span<const Value> gradients, std::span<const Value> parameters,
                               const Penalty& penalty) {
  if (gradients.size() != parameters.size()) {
    throw Error(ErrorCode::invalid_argument, "there must be one gradient for each parameter",
                {.op = "add_penalty",
                 .expected = fmt::format("{} gradients", parameters.size()),
                 .actual = std::to_string(gradients.size())});
  }
  expect_values(gradients, "add_penalty", "gradient", {});
  expect_values(parameters, "add_penalty", "parameter", {});
  std::vector<Value> penalized;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    Value g = with_l2(parameters[i], gradients[i], penalty.l2);
    if (penalty.l1 != 0.0) g = g + penalty.l1 * sign(parameters[i]);
    penalized.push_back(g);
  }
  return penalized;
}

}  // namespace weft::optim
