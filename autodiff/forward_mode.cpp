#include "weft/autodiff/forward_mode.h"

#include <fmt/format.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

void expect_tangents(std::span<const Value> wrt, std::span<const Value> tangents,
                     const std::source_location& where) {
  if (wrt.size() != tangents.size()) {
    throw Error(ErrorCode::invalid_argument, "there must be one tangent for each value",
                {.op = "jvp",
                 .expected = fmt::format("{} tangents", wrt.size()),
                 .actual = std::to_string(tangents.size()),
                 .where = to_string(where)});
  }
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (tangents[i] && wrt[i] && tangents[i].type() == wrt[i].type()) continue;
    throw Error(ErrorCode::shape_mismatch, "a tangent must have the type of its value",
                {.op = "jvp",
                 .node = wrt[i] ? wrt[i].name() : "",
                 .expected = wrt[i] ? to_string(wrt[i].type()) : "a value",
                 .actual = tangents[i] ? to_string(tangents[i].type()) : "an empty value",
                 .where = to_string(where)});
  }
}

}  // namespace

std::vector<Value> jvp(std::span<const Value> outputs, std::span<const Value> wrt,
                       std::span<const Value> tangents, std::source_location where) {
  expect_tangents(wrt, tangents, where);
  // Which numbers the cotangents hold does not matter: nothing of them is left in the second derivative.
  std::vector<Value> cotangents;
  for (const Value& output : outputs) {
    const Value zero = constant(output.graph(), 0.0, output.dtype(), where);
    cotangents.push_back(broadcast_to(Operand(zero, where), output.shape()));
  }
  const std::vector<Value> pulled = vjp(outputs, cotangents, wrt, where);
  std::vector<Value> connected;
  std::vector<Value> directions;
  for (std::size_t i = 0; i < pulled.size(); ++i) {
    if (!pulled[i]) continue;
    connected.push_back(pulled[i]);
    directions.push_back(tangents[i]);
  }
  if (connected.empty()) return std::vector<Value>(outputs.size());
  return vjp(connected, directions, cotangents, where);
}

}  // namespace weft
