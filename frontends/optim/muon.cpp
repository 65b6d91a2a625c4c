#include "weft/frontends/optim/muon.h"

#include <algorithm>
#include <cmath>

#include "weft/frontends/optim/optimizer.h"
#include "weft/graph/located.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/norm.h"
#include "weft/ops/structure.h"

namespace weft::optim {
namespace {

// Of the quintic a x + b x^3 + c x^5, in the paper.
constexpr double kLinear = 3.4445;
constexpr double kCubic = -4.7750;
constexpr double kQuintic = 2.0315;

double factor_of(std::int64_t units, std::int64_t inputs) {
  return std::sqrt(
      std::max(1.0, static_cast<double>(units) / static_cast<double>(std::max<std::int64_t>(1, inputs))));
}

void expect_matrices(const std::vector<Value>& parameters, const Rate& rate) {
  for (const Value& p : parameters) {
    if (p.shape().rank() >= 2) continue;
    throw Error(ErrorCode::shape_mismatch, "muon is for matrices; give this parameter to adamw",
                {.op = "muon",
                 .node = p.name(),
                 .expected = "two axes or more",
                 .actual = to_string(p.type()),
                 .where = to_string(rate.where())});
  }
}

}  // namespace

Value newton_schulz(const Operand& d, std::int64_t iterations, double epsilon) {
  return located("newton_schulz", d.where(), [&] {
    if (iterations < 1) {
      throw Error(ErrorCode::invalid_argument, "the iteration takes at least one step",
                  {.expected = "iterations >= 1", .actual = std::to_string(iterations)});
    }
    const Value matrix = d.value("newton_schulz");
    const Shape& shape = matrix.shape();
    if (shape.rank() < 2) {
      throw Error(ErrorCode::shape_mismatch, "it takes matrices",
                  {.expected = "[..., m, n]", .actual = to_string(matrix.type())});
    }
    const Scope origin(matrix.graph(), "newton_schulz", d.where());
    const Dim& rows = shape[shape.rank() - 2];
    const Dim& columns = shape[shape.rank() - 1];
    // The product of the shorter side is the smaller one.
    const bool tall = rows.is_number() && columns.is_number() && rows.size() > columns.size();
    Value x = tall ? swap_axes(matrix, -1, -2) : matrix;
    x = x / (norm(x, {-1, -2}, true) + epsilon);
    for (std::int64_t i = 0; i < iterations; ++i) {
      const Value a = matmul(x, x, false, true);
      x = kLinear * x + matmul(kCubic * a + kQuintic * matmul(a, a), x);
    }
    return tall ? swap_axes(x, -1, -2) : x;
  });
}

std::vector<Value> muon(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const MuonOptions& options) {
  const MethodScope own = method_scope("muon", parameters, {"muon_m"}, rate.where());
  expect_matrices({parameters.begin(), parameters.end()}, rate);
  const auto rule = [&](const Value& p, const Value& g, const Operand& lr) -> Change {
    const Value m = slot(p, "muon_m");
    const Value next_m = options.momentum * m + g;
    const Value direction = options.nesterov ? g + options.momentum * next_m : next_m;
    const std::int64_t rows = p.shape()[0].size();
    const std::int64_t columns = rows == 0 ? 0 : p.shape().elements() / rows;
    const Value matrix = reshape(direction, {rows, columns});
    const Value step = reshape(newton_schulz(matrix, options.iterations, options.epsilon), p.shape());
    const double shape_factor = p.shape().rank() == 2 ? factor_of(columns, rows) : factor_of(rows, columns);
    const Value change =
        options.weight_decay == 0.0 ? step * shape_factor : step * shape_factor + options.weight_decay * p;
    return {.next = p - lr * change, .slots = {assign(m, next_m)}};
  };
  return update_each("muon", parameters, gradients, rate, rule);
}

}  // namespace weft::optim
