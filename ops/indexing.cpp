#include "weft/ops/indexing.h"

#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

#include "weft/graph/located.h"
#include "weft/ops/axis_walk.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

void expect_integers(const TensorType& indices) {
  if (is_index(indices.dtype)) return;
  throw Error(ErrorCode::dtype_mismatch, "indices must be integers",
              {.expected = std::string(kIndexDTypes), .actual = to_string(indices)});
}

void expect_same_but(const TensorType& x, const TensorType& indices, std::int64_t axis) {
  expect_integers(indices);
  const std::size_t along = normalize_axis(axis, x.shape.rank());
  bool fits = indices.shape.rank() == x.shape.rank();
  for (std::size_t i = 0; fits && i < x.shape.rank(); ++i)
    fits = i == along || x.shape[i] == indices.shape[i];
  if (fits) return;
  throw Error(
      ErrorCode::shape_mismatch, fmt::format("tensor and indices differ in another axis than {}", along),
      {.expected = fmt::format("indices that fit {}", to_string(x.shape)), .actual = to_string(indices)});
}

/// How many axes each index names, which is the last size of the indices.
std::size_t named_axes(const TensorType& x, const TensorType& indices) {
  expect_integers(indices);
  if (!indices.shape.is_scalar() && indices.shape[indices.shape.rank() - 1].is_number()) {
    const auto count = indices.shape[indices.shape.rank() - 1].size();
    if (count >= 1 && count <= static_cast<std::int64_t>(x.shape.rank()))
      return static_cast<std::size_t>(count);
  }
  throw Error(
      ErrorCode::shape_mismatch, "the last axis of the indices says how many axes each names",
      {.expected = fmt::format("a known size in [1, {}]", x.shape.rank()), .actual = to_string(indices)});
}

Shape gathered_shape(const TensorType& x, const TensorType& indices) {
  const auto named = static_cast<std::ptrdiff_t>(named_axes(x, indices));
  std::vector<Dim> dims(indices.shape.begin(), indices.shape.end() - 1);
  dims.insert(dims.end(), x.shape.begin() + named, x.shape.end());
  return Shape(std::move(dims));
}

[[noreturn]] void throw_misfit(const Shape& expected, DType dtype, const TensorType& updates) {
  throw Error(updates.dtype != dtype ? ErrorCode::dtype_mismatch : ErrorCode::shape_mismatch,
              "the updates do not fit the tensor",
              {.expected = to_string(TensorType{dtype, expected}), .actual = to_string(updates)});
}

/// Calls `visit(place in the indexed tensor, place in the indices)` for each index, in their order.
template <typename F>
void for_each_along(std::span<const std::int64_t> sizes, const ConstArg& indices, std::int64_t axis,
                    F visit) {
  const AxisSizes whole = axis_sizes(sizes, axis);
  const AxisSizes listed = axis_sizes(indices.sizes, axis);
  check_indices(indices, static_cast<std::int64_t>(whole.length), "index");
  std::size_t at = 0;
  for (std::size_t outer = 0; outer < listed.outer; ++outer) {
    for (std::size_t j = 0; j < listed.length; ++j) {
      for (std::size_t inner = 0; inner < listed.inner; ++inner, ++at) {
        const auto index = static_cast<std::size_t>(index_at(indices, static_cast<std::int64_t>(at)));
        visit((outer * whole.length + index) * whole.inner + inner, at);
      }
    }
  }
}

/// Calls `visit(place of a slice, place of an index)`, both counted in slices, for each index, in their
/// order.
template <typename F>
void for_each_slice(std::span<const std::int64_t> sizes, const ConstArg& indices, F visit) {
  const auto named = static_cast<std::size_t>(indices.sizes.back());
  const std::int64_t count = indices.elements / static_cast<std::int64_t>(named);
  const auto place_of = [&](std::int64_t i) {
    std::int64_t place = 0;
    for (std::size_t axis = 0; axis < named; ++axis) {
      const std::int64_t at = i * static_cast<std::int64_t>(named) + static_cast<std::int64_t>(axis);
      const std::int64_t index = index_at(indices, at);
      if (index < 0 || index >= sizes[axis]) {
        throw Error(ErrorCode::out_of_range,
                    fmt::format("index {} at position {} is out of range", index, at),
                    {.expected = fmt::format("an integer in [0, {}) for axis {}", sizes[axis], axis),
                     .actual = std::to_string(index)});
      }
      place = place * sizes[axis] + index;
    }
    return place;
  };
  for (std::int64_t i = 0; i < count; ++i) place_of(i);  // all are checked before the first is used
  for (std::int64_t i = 0; i < count; ++i)
    visit(static_cast<std::size_t>(place_of(i)), static_cast<std::size_t>(i));
}

std::size_t slice_elements(std::span<const std::int64_t> sizes, const ConstArg& indices) {
  std::size_t elements = 1;
  for (const std::int64_t size : sizes.subspan(static_cast<std::size_t>(indices.sizes.back())))
    elements *= static_cast<std::size_t>(size);
  return elements;
}

template <Number T>
T reduce(Reduction reduction, T old, T update) {
  switch (reduction) {
    case Reduction::add:
      return wrapping(std::plus<>{})(old, update);
    case Reduction::mul:
      return wrapping(std::multiplies<>{})(old, update);
    case Reduction::min:
      return old <= update || old != old ? old : update;
    case Reduction::max:
      return old >= update || old != old ? old : update;
    default:
      return update;
  }
}

/// Copies the base, then calls `walk(bring)`, which calls bring(place in the result, place in the updates).
template <typename Walk>
void scatter_into(const KernelArgs& args, Reduction reduction, Walk walk) {
  const auto set = [&]<typename Bits>(Bits) {
    const auto updates = args.inputs[2].bits<const Bits>();
    const auto y = args.outputs[0].bits<Bits>();
    std::ranges::copy(args.inputs[0].bits<const Bits>(), y.begin());
    walk([&](std::size_t to, std::size_t from) { y[to] = updates[from]; });
  };
  if (reduction == Reduction::set) return visit_size(args.outputs[0].dtype, set);
  visit_number(args.outputs[0].dtype, [&]<typename T>(T) {
    const auto base = args.inputs[0].as<const T>();
    const auto updates = args.inputs[2].as<const T>();
    const auto y = args.outputs[0].as<T>();
    if constexpr (std::is_same_v<T, float>) {
      if (reduction == Reduction::add || reduction == Reduction::mul) {  // many updates may meet in one place
        std::vector<double> all(base.begin(), base.end());
        walk([&](std::size_t to, std::size_t from) {
          all[to] = reduce(reduction, all[to], static_cast<double>(updates[from]));
        });
        std::ranges::transform(all, y.begin(), [](double number) { return static_cast<float>(number); });
        return;
      }
    }
    std::ranges::copy(base, y.begin());
    walk([&](std::size_t to, std::size_t from) { y[to] = reduce(reduction, y[to], updates[from]); });
  });
}

void expect_reducible(const TensorType& base, Reduction reduction) {
  if (reduction == Reduction::set) return;
  if (base.dtype == DType::boolean)
    throw Error(ErrorCode::dtype_mismatch, "bools can be set, not added or compared");
  if (is_half(base.dtype)) throw Error(ErrorCode::dtype_mismatch, no_kernel_text(base.dtype));
}

/// What the gradients of both scatters are made of.
struct ScatterRule {
  std::function<Value(const Value& whole)> taken;                                      // at the indices
  std::function<Value(Reduction, const Value& base, const Value& updates)> scattered;  // to them
  Value base;
  Value updates;
  Value y;
  Value dy;

  Value number(const Value& holds) const { return stop_gradient(cast(holds, base.dtype())); }

  /// Where an update was set and no other one after it, its gradient counts, and that of the base does not.
  std::array<Value, 3> of_set() const {
    const Value flat = reshape(updates, Shape{updates.shape().count()});
    const Value order = reshape(positions(flat, 0), updates.shape());
    const Value nobody = broadcast_to(constant(base.graph(), -1, i64), base.shape());
    const Value owner = scattered(Reduction::set, nobody, order);
    const Value mine = equal(taken(owner), order);
    return {where(less(owner, 0), dy, 0.0), Value(), where(mine, taken(dy), 0.0)};
  }

  /// dy times the product of the other factors: that of all that are not 0, over the factor itself; where one
  /// other is 0, times that one, which keeps its slope; where two are, 0. In f64, where products of f32 have
  /// room.
  std::array<Value, 3> of_product() const {
    const Value wide_base = cast(base, f64);
    const Value wide_updates = cast(updates, f64);
    const Value no_base = equal(base, 0.0);
    const Value no_update = equal(updates, 0.0);
    const Value safe_base = where(no_base, 1.0, wide_base);
    const Value safe_updates = where(no_update, 1.0, wide_updates);
    const Value zero_base = where(no_base, wide_base, 0.0);
    const Value zero_updates = where(no_update, wide_updates, 0.0);
    const Value product = scattered(Reduction::mul, safe_base, safe_updates);
    const Value zero = scattered(Reduction::add, zero_base, zero_updates);
    const Value zeros = scattered(Reduction::add, number(no_base), number(no_update));
    const auto others = [&](const Value& count, const Value& rest_of_zeros, const Value& rest) {
      const Value beside_zeros = where(equal(count, 1.0), rest_of_zeros * rest, 0.0);
      return cast(where(equal(count, 0.0), rest, beside_zeros), base.dtype());
    };
    return {dy * others(zeros - number(no_base), zero - zero_base, product / safe_base), Value(),
            taken(dy) * others(taken(zeros) - number(no_update), taken(zero) - zero_updates,
                               taken(product) / safe_updates)};
  }

  std::array<Value, 3> of_extreme() const {
    const Value base_hits = number(equal(base, y));
    const Value update_hits = number(equal(updates, taken(y)));
    const Value hits = scattered(Reduction::add, base_hits, update_hits);
    const Value share = dy / where(equal(hits, 0.0), 1.0, hits);
    return {share * base_hits, Value(), taken(share) * update_hits};
  }

  std::array<Value, 3> gradient(Reduction reduction) const {
    switch (reduction) {
      case Reduction::set:
        return of_set();
      case Reduction::add:
        return {dy, Value(), taken(dy)};
      case Reduction::mul:
        return of_product();
      default:
        return of_extreme();
    }
  }
};

Value zeros_of(const Value& like, const Shape& shape) {
  return broadcast_to(constant(like.graph(), 0.0, like.dtype()), shape);
}

/// Rows of x brought together with a number for each segment.
Value segment_reduce(const Operand& x, const Operand& ids, const Dim& segments, const Scalar& start,
                     Reduction reduction, std::string_view name) {
  return located(name, x.where(), [&] {
    const Value value = x.value(name);
    const Scope origin(value.graph(), name, x.where());
    std::vector<Dim> dims = value.shape().dims();
    normalize_axis(0, dims.size());
    dims[0] = segments;
    const Value base = broadcast_to(constant(value.graph(), start, value.dtype()), Shape(std::move(dims)));
    return scatter_nd(base, expand_dims(ids, -1), value, reduction);
  });
}

Scalar end_of(DType dtype, bool highest) {
  if (is_real(dtype)) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return highest ? kInfinity : -kInfinity;
  }
  return visit_dtype(dtype, [&]<typename T>(T) -> Scalar {
    if constexpr (HalfFloat<T>) return 0;  // is a real number, as above
    if constexpr (!HalfFloat<T>)
      return highest ? std::numeric_limits<T>::max() : std::numeric_limits<T>::lowest();
  });
}

}  // namespace

std::string attribute_text(Reduction reduction) {
  constexpr std::array<const char*, 5> kNames{"set", "add", "mul", "min", "max"};
  return kNames[static_cast<std::size_t>(reduction)];
}

TensorType TakeAlongAxis::infer(const TensorType& x, const TensorType& indices) const {
  expect_same_but(x, indices, axis);
  return {x.dtype, indices.shape};
}
void TakeAlongAxis::forward(const KernelArgs& args) const {
  visit_size(args.outputs[0].dtype, [&]<typename Bits>(Bits) {
    const auto x = args.inputs[0].bits<const Bits>();
    const auto y = args.outputs[0].bits<Bits>();
    for_each_along(args.inputs[0].sizes, args.inputs[1], axis,
                   [&](std::size_t from, std::size_t to) { y[to] = x[from]; });
  });
}
std::array<Value, 2> TakeAlongAxis::gradient(Value x, Value indices, Value, Value dy) const {
  return {scatter(zeros_of(dy, x.shape()), indices, dy, axis, Reduction::add), Value()};
}

TensorType GatherNd::infer(const TensorType& x, const TensorType& indices) const {
  return {x.dtype, gathered_shape(x, indices)};
}
void GatherNd::forward(const KernelArgs& args) const {
  const std::size_t bytes =
      slice_elements(args.inputs[0].sizes, args.inputs[1]) * size_of(args.inputs[0].dtype);
  const auto* from = static_cast<const std::byte*>(args.inputs[0].data);
  auto* to = static_cast<std::byte*>(args.outputs[0].data);
  for_each_slice(args.inputs[0].sizes, args.inputs[1], [&](std::size_t place, std::size_t i) {
    if (bytes > 0) std::memcpy(to + i * bytes, from + place * bytes, bytes);
  });
}
std::array<Value, 2> GatherNd::gradient(Value x, Value indices, Value, Value dy) const {
  return {scatter_nd(zeros_of(dy, x.shape()), indices, dy, Reduction::add), Value()};
}

TensorType Scatter::infer(const TensorType& base, const TensorType& indices,
                          const TensorType& updates) const {
  expect_same_but(base, indices, axis);
  expect_reducible(base, reduction);
  if (updates != TensorType{base.dtype, indices.shape}) throw_misfit(indices.shape, base.dtype, updates);
  return base;
}
void Scatter::forward(const KernelArgs& args) const {
  scatter_into(args, reduction,
               [&](auto bring) { for_each_along(args.outputs[0].sizes, args.inputs[1], axis, bring); });
}
std::array<Value, 3> Scatter::gradient(Value base, Value indices, Value updates, Value y, Value dy) const {
  const ScatterRule rule{.taken = [&](const Value& whole) { return take_along_axis(whole, indices, axis); },
                         .scattered = [&](Reduction by, const Value& to,
                                          const Value& from) { return scatter(to, indices, from, axis, by); },
                         .base = base,
                         .updates = updates,
                         .y = y,
                         .dy = dy};
  return rule.gradient(reduction);
}

TensorType ScatterNd::infer(const TensorType& base, const TensorType& indices,
                            const TensorType& updates) const {
  const Shape gathered = gathered_shape(base, indices);
  expect_reducible(base, reduction);
  if (updates != TensorType{base.dtype, gathered}) throw_misfit(gathered, base.dtype, updates);
  return base;
}
void ScatterNd::forward(const KernelArgs& args) const {
  const std::size_t elements = slice_elements(args.outputs[0].sizes, args.inputs[1]);
  scatter_into(args, reduction, [&](auto bring) {
    for_each_slice(args.outputs[0].sizes, args.inputs[1], [&](std::size_t place, std::size_t i) {
      for (std::size_t j = 0; j < elements; ++j) bring(place * elements + j, i * elements + j);
    });
  });
}
std::array<Value, 3> ScatterNd::gradient(Value base, Value indices, Value updates, Value y, Value dy) const {
  const ScatterRule rule{.taken = [&](const Value& whole) { return gather_nd(whole, indices); },
                         .scattered = [&](Reduction by, const Value& to,
                                          const Value& from) { return scatter_nd(to, indices, from, by); },
                         .base = base,
                         .updates = updates,
                         .y = y,
                         .dy = dy};
  return rule.gradient(reduction);
}

Value take_along_axis(const Operand& x, const Operand& indices, std::int64_t axis) {
  return apply(TakeAlongAxis{axis}, x, indices);
}

Value take(const Operand& x, const Operand& indices, std::int64_t axis) {
  return located("take", x.where(), [&] {
    const Value value = x.value("take");
    const std::size_t along = normalize_axis(axis, value.shape().rank());
    if (along == 0) return gather(x, indices);
    const Scope origin(value.graph(), "take", x.where());
    const Value rows = gather(move_axis(value, static_cast<std::int64_t>(along), 0), indices);
    const std::size_t added = indices.value("take").shape().rank();
    std::vector<std::int64_t> order(rows.shape().rank());
    std::iota(order.begin(), order.end(), 0);
    const auto begin = order.begin();
    std::rotate(begin, begin + static_cast<std::ptrdiff_t>(added),
                begin + static_cast<std::ptrdiff_t>(added + along));
    return transpose(rows, order);
  });
}

Value gather_nd(const Operand& x, const Operand& indices) { return apply(GatherNd{}, x, indices); }

Value scatter(const Operand& base, const Operand& indices, const Operand& updates, std::int64_t axis,
              Reduction reduction) {
  return apply(Scatter{.axis = axis, .reduction = reduction}, base, indices, updates);
}
Value scatter_nd(const Operand& base, const Operand& indices, const Operand& updates, Reduction reduction) {
  return apply(ScatterNd{reduction}, base, indices, updates);
}

Value bincount(const Operand& x, std::int64_t length) {
  const Value value = x.value("bincount");
  const Scope origin(value.graph(), "bincount", x.where());
  const Value ones = broadcast_to(constant(value.graph(), 1.0, f64), value.shape());
  return cast(scatter_add(ones, value, Shape{length}), i64);
}
Value bincount(const Operand& x, std::int64_t length, const Operand& weights) {
  const Value value = x.value("bincount");
  const Scope origin(value.graph(), "bincount", x.where());
  return scatter_add(weights, value, Shape{length});
}

Value segment_sum(const Operand& x, const Operand& ids, const Dim& segments) {
  const Value value = x.value("segment_sum");
  const Scope origin(value.graph(), "segment_sum", x.where());
  std::vector<Dim> dims = value.shape().dims();
  located("segment_sum", x.where(), [&] { return normalize_axis(0, dims.size()); });
  dims[0] = segments;
  return scatter_add(value, ids, Shape(std::move(dims)));
}
Value segment_mean(const Operand& x, const Operand& ids, const Dim& segments) {
  const Value value = x.value("segment_mean");
  const Scope origin(value.graph(), "segment_mean", x.where());
  const Value sums = segment_sum(value, ids, segments);
  const Value ones =
      broadcast_to(constant(value.graph(), 1.0, value.dtype()), ids.value("segment_mean").shape());
  std::vector<Dim> dims(sums.shape().rank(), 1);
  dims[0] = segments;
  const Value counts = reshape(scatter_add(ones, ids, Shape{segments}), Shape(std::move(dims)));
  return sums / maximum(counts, 1.0);
}
Value segment_prod(const Operand& x, const Operand& ids, const Dim& segments) {
  return segment_reduce(x, ids, segments, 1.0, Reduction::mul, "segment_prod");
}
Value segment_max(const Operand& x, const Operand& ids, const Dim& segments) {
  const Scalar lowest = end_of(x.value("segment_max").dtype(), false);
  return segment_reduce(x, ids, segments, lowest, Reduction::max, "segment_max");
}
Value segment_min(const Operand& x, const Operand& ids, const Dim& segments) {
  const Scalar highest = end_of(x.value("segment_min").dtype(), true);
  return segment_reduce(x, ids, segments, highest, Reduction::min, "segment_min");
}

template detail::Model detail::model_of(TakeAlongAxis);
template detail::Model detail::model_of(GatherNd);
template detail::Model detail::model_of(Scatter);
template detail::Model detail::model_of(ScatterNd);

}  // namespace weft
