#include "weft/ops/subtensor.h"

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// What a slice takes, and zeros of x's shape around something in its place.
struct Part {
  Part(const Value& x, std::int64_t axis, const Dim& start, const Dim& stop, std::int64_t step)
      : along(normalize_axis(axis, x.shape().rank())),
        taken(slice(x, static_cast<std::int64_t>(along), start, stop, step)),
        whole(x.shape()) {}
  Slice bounds() const { return *taken.graph().node(taken.node()).op.as<Slice>(); }
  Value alone(const Value& y) const { return apply(Unslice{.slices = {bounds()}, .shape = whole}, y); }
  /// An operand as the elements that are to stand there.
  Value filled(const Operand& y) const {
    return broadcast_to(as_value(y, taken.graph(), taken.dtype()), taken.shape());
  }

  std::size_t along;
  Value taken;
  Shape whole;
};

/// start, start + 1, ..., `size` numbers.
Value places_from(Graph& graph, const Operand& start, const Dim& size) {
  const Value first = cast(as_value(start, graph, i64), i64);
  if (!first.shape().is_scalar()) {
    throw Error(ErrorCode::shape_mismatch, "a part starts at one place",
                {.expected = "an integer scalar", .actual = to_string(first.type())});
  }
  return positions(broadcast_to(constant(graph, 0, i64), {size})) + first;
}

}  // namespace

Value set_slice(const Operand& x, std::int64_t axis, const Dim& start, const Dim& stop, const Operand& y,
                std::int64_t step) {
  return located("set_slice", x.where(), [&] {
    const Value value = x.value("set_slice");
    const Scope origin(value.graph(), "set_slice", x.where());
    const Part part(value, axis, start, stop, step);
    const Value filled = part.filled(y);
    const auto along = static_cast<std::int64_t>(part.along);
    const Slice bounds = part.bounds();
    if (step == 1)
      return concat({slice(value, along, 0, bounds.start), filled,
                     slice(value, along, bounds.stop, part.whole[part.along])},
                    along);
    const Value there = broadcast_to(constant(value.graph(), 1, u8), filled.shape());
    return where(cast(part.alone(there), DType::boolean), part.alone(filled), value);
  });
}

Value add_to_slice(const Operand& x, std::int64_t axis, const Dim& start, const Dim& stop, const Operand& y,
                   std::int64_t step) {
  return located("add_to_slice", x.where(), [&] {
    const Value value = x.value("add_to_slice");
    const Scope origin(value.graph(), "add_to_slice", x.where());
    const Part part(value, axis, start, stop, step);
    return value + part.alone(part.filled(y));
  });
}

Value slice_at(const Operand& x, const Operand& start, const Dim& size, std::int64_t axis) {
  return located("slice_at", x.where(), [&] {
    const Value value = x.value("slice_at");
    const Scope origin(value.graph(), "slice_at", x.where());
    return take(value, places_from(value.graph(), start, size), axis);
  });
}

Value set_slice_at(const Operand& x, const Operand& start, const Operand& y, std::int64_t axis) {
  return located("set_slice_at", x.where(), [&] {
    const Value value = x.value("set_slice_at");
    const Value part = y.value("set_slice_at");
    const auto along = static_cast<std::int64_t>(normalize_axis(axis, value.shape().rank()));
    if (part.shape().rank() != value.shape().rank()) {
      throw Error(ErrorCode::shape_mismatch, "what replaces a part has its axes",
                  {.expected = to_string(value.type()), .actual = to_string(part.type())});
    }
    const Scope origin(value.graph(), "set_slice_at", x.where());
    const Value rows = move_axis(part, along, 0);
    const Value places = expand_dims(places_from(value.graph(), start, rows.shape()[0]), -1);
    return move_axis(scatter_nd(move_axis(value, along, 0), places, rows), 0, along);
  });
}

Value sizes(const Operand& x) {
  return located("sizes", x.where(), [&] {
    const Value value = x.value("sizes");
    const Scope origin(value.graph(), "sizes", x.where());
    std::vector<Value> all;
    for (std::size_t axis = 0; axis < value.shape().rank(); ++axis)
      all.push_back(apply(Count{{static_cast<std::int64_t>(axis)}, i64}, value));
    if (all.empty()) return constant(value.graph(), Tensor::zeros(i64, {0}));
    return stack(all);
  });
}

}  // namespace weft
