#include "weft/frontends/optim/adafactor.h"

#include <cmath>

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/norm.h"
#include "weft/ops/powers.h"
#include "weft/ops/reduce.h"
#include "weft/ops/structure.h"

namespace weft::optim {
namespace {

/// sqrt(mean(x^2)).
Value root_mean_square(const Value& x) {
  const double count = static_cast<double>(std::max<std::int64_t>(x.shape().elements(), 1));
  return norm(x) * (1.0 / std::sqrt(count));
}

Shape without_axis(const Shape& shape, std::size_t from_end) {
  std::vector<Dim> dims = shape.dims();
  dims.erase(dims.end() - static_cast<std::ptrdiff_t>(from_end));
  return Shape(std::move(dims));
}

/// b average + (1 - b) x for a b that is computed.
Value average_with(const Value& average, const Value& x, const Value& b) {
  return b * average + (1.0 - b) * x;
}

struct Scaled {
  Value direction;  // g / sqrt(V)
  std::vector<Value> slots;
};

Scaled scaled_by_factors(const Value& p, const Value& g, const Value& memory, const Value& square) {
  const Value rows = slot_of_shape(p, "adafactor_rows", without_axis(p.shape(), 1));
  const Value columns = slot_of_shape(p, "adafactor_columns", without_axis(p.shape(), 2));
  const Value next_rows = average_with(rows, mean(square, {-1}), memory);
  const Value next_columns = average_with(columns, mean(square, {-2}), memory);
  // Each factor is rooted by itself, since their product may underflow.
  const Value row_factor = rsqrt(next_rows / mean(next_rows, {-1}, true));
  const Value column_factor = rsqrt(next_columns);
  return {.direction = g * expand_dims(row_factor, -1) * expand_dims(column_factor, -2),
          .slots = {assign(rows, next_rows), assign(columns, next_columns)}};
}

Scaled scaled_by_all(const Value& p, const Value& g, const Value& memory, const Value& square) {
  const Value v = slot(p, "adafactor_v");
  const Value next_v = average_with(v, square, memory);
  return {.direction = g * rsqrt(next_v), .slots = {assign(v, next_v)}};
}

}  // namespace

std::vector<Value> adafactor(std::span<const Value> parameters, std::span<const Value> gradients,
                             const Rate& rate, const AdafactorOptions& options) {
  const MethodScope own = method_scope("adafactor", parameters,
                                       {"adafactor_rows", "adafactor_columns", "adafactor_v"}, rate.where());
  const StepNumber step = step_number(parameters, "adafactor");
  const Value wide = cast(step.t, f64);
  const Value memory_of_step = 1.0 - pow(wide, -options.decay);
  const auto rule = [&](const Value& p, const Value& g, const Operand& lr) -> Change {
    const Value memory = cast(memory_of_step, p.dtype());
    const Value squared = square(g) + options.smallest_square;
    Scaled scaled = p.shape().rank() >= 2 ? scaled_by_factors(p, g, memory, squared)
                                          : scaled_by_all(p, g, memory, squared);
    const Value size = root_mean_square(scaled.direction);
    const Value change = scaled.direction / maximum(size / options.largest_change, 1.0);
    const Value length =
        minimum(cast(rsqrt(wide), p.dtype()), lr) * maximum(root_mean_square(p), options.smallest_scale);
    const Value next = p - length * change;
    return {.next = options.weight_decay == 0.0 ? next : next - lr * (options.weight_decay * p),
            .slots = std::move(scaled.slots)};
  };
  std::vector<Value> updates = update_each("adafactor", parameters, gradients, rate, rule);
  updates.insert(updates.begin(), step.update);
  return updates;
}

}  // namespace weft::optim
