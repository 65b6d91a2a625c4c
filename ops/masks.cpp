#include "weft/ops/masks.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/folds.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/ops/unique.h"

namespace weft {

Value isclose(const Operand& a, const Operand& b, double relative, double absolute, bool equal_nan) {
  const Value left =
      as_value(a, b.is_number() ? a.value("isclose").graph() : b.value("isclose").graph(), f64);
  const Value right = as_value(b, left.graph(), left.dtype());
  const Scope origin(left.graph(), "isclose", a.where());
  const Value near = logical_and(abs(left - right) <= absolute + relative * abs(right), isfinite(right));
  const Value close = logical_or(near, equal(left, right));
  return equal_nan ? logical_or(close, logical_and(isnan(left), isnan(right))) : close;
}

Value allclose(const Operand& a, const Operand& b, double relative, double absolute, bool equal_nan) {
  return all(isclose(a, b, relative, absolute, equal_nan));
}

Value select(std::span<const Value> conditions, std::span<const Value> choices, const Operand& otherwise) {
  if (conditions.empty() || conditions.size() != choices.size()) {
    throw Error(ErrorCode::invalid_argument, "each condition has its choice",
                {.op = "select",
                 .expected = fmt::format("{} choices, of at least one", conditions.size()),
                 .actual = std::to_string(choices.size()),
                 .where = to_string(otherwise.where())});
  }
  const Scope origin(conditions[0].graph(), "select", otherwise.where());
  Value chosen = where(conditions.back(), choices.back(), otherwise);
  for (std::size_t i = conditions.size() - 1; i-- > 0;) chosen = where(conditions[i], choices[i], chosen);
  return chosen;
}

MaskedRows boolean_mask(const Operand& x, const Operand& condition, const Dim& size) {
  return located("boolean_mask", x.where(), [&] {
    const Value rows = x.value("boolean_mask");
    const Value holds = condition.value("boolean_mask");
    const bool fits = rows.shape().rank() > 0 && holds.shape().rank() == 1 &&
                      holds.dtype() == DType::boolean && may_be_equal(holds.shape()[0], rows.shape()[0]);
    if (!fits) {
      throw Error(
          ErrorCode::shape_mismatch, "the condition says of each row whether it stays",
          {.expected = rows.shape().rank() > 0 ? fmt::format("bool[{}]", to_string(rows.shape()[0])) : "rows",
           .actual = to_string(holds.type())});
    }
    const Scope origin(rows.graph(), "boolean_mask", x.where());
    const Places places = nonzero(holds, size);
    const Value indices = reshape(places.indices, {size});
    std::vector<Dim> dims(rows.shape().rank(), Dim(1));
    dims[0] = size;
    const Value used = reshape(positions(indices) < places.count, Shape(std::move(dims)));
    return MaskedRows{where(used, gather(rows, indices), 0), places.count};
  });
}

Value sequence_mask(const Operand& lengths, const Dim& steps) {
  return located("sequence_mask", lengths.where(), [&] {
    const Value each = lengths.value("sequence_mask");
    if (each.shape().rank() != 1 || !is_index(each.dtype())) {
      throw Error(ErrorCode::shape_mismatch, "lengths are a vector of integers",
                  {.expected = "i64[batch] or another integer dtype", .actual = to_string(each.type())});
    }
    const Scope origin(each.graph(), "sequence_mask", lengths.where());
    const Value row = broadcast_to(constant(each.graph(), 0, i64), {steps});
    return expand_dims(positions(row), 0) < expand_dims(cast(each, i64), 1);
  });
}

}  // namespace weft
