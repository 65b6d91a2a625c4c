#include "weft/autodiff/forward_mode.h"

#include <fmt/format.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

void expect_tangents(std::span<const Value> wrt, std::span<const Value> tangents, const Where& where) {
  if (wrt.size() != tangents.size()) {
    throw Error(ErrorCode::invalid_argument, "there must be one tangent for each value",
                {.op = "jvp",
                 .expected = fmt::format("{} tangents", wrt.size()),
                 .actual = std::to_string(tangents.size()),
                 .where = to_string(where)});
  }
  expect_values(wrt, "jvp", "among the values to differentiate by, value", where);
  expect_values(tangents, "jvp", "tangent", where);
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    const TensorType expected{gradient_dtype(wrt[i].dtype()), wrt[i].shape()};
    if (tangents[i].type() == expected) continue;
    throw Error(ErrorCode::shape_mismatch, "a tangent must have the type of its value, or f32 for 16 bits",
                {.op = "jvp",
                 .node = wrt[i].name(),
                 .expected = to_string(expected),
                 .actual = to_string(tangents[i].type()),
                 .where = to_string(where)});
  }
}

}  // namespace

std::vector<Value> jvp(std::span<const Value> outputs, std::span<const Value> wrt,
                       std::span<const Value> tangents, Where where) {
  expect_values(outputs, "jvp", "output", where);
  expect_tangents(wrt, tangents, where);
  // The numbers that the cotangents hold do not matter: the second derivative does not depend on them.
  std::vector<Value> cotangents;
  for (const Value& output : outputs) {
    const Value zero = constant(output.graph(), 0.0, gradient_dtype(output.dtype()), where);
    cotangents.push_back(broadcast_to(Operand(zero, where), output.shape()));
  }
  const std::vector<Value> pulled = vjp(outputs, cotangents, wrt, where);
  std::vector<Value> connected;
  std::vector<Value> directions;
  for (std::size_t i = 0; i < pulled.size(); ++i) {
    if (!pulled[i].has_value()) continue;
    connected.push_back(pulled[i]);
    directions.push_back(tangents[i]);
  }
  if (connected.empty()) return std::vector<Value>(outputs.size());
  return vjp(connected, directions, cotangents, where);
}

}  // namespace weft
