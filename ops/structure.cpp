#include "weft/ops/structure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "weft/graph/located.h"
#include "weft/ops/axis_walk.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

using Dims = std::vector<Dim>;

/// Where an axis of the result of a function that adds one is: -1 is the last.
std::size_t new_axis(std::int64_t axis, std::size_t rank) { return normalize_axis(axis, rank + 1); }

Value part(const Value& x, std::size_t axis, const Dim& start, const Dim& stop) {
  return slice(x, static_cast<std::int64_t>(axis), start, stop);
}

/// Steps through the rows of `sizes`, which are all axes but the last, and calls `visit(row, index of each
/// axis)`.
template <typename F>
void for_each_row(std::span<const std::int64_t> sizes, F visit) {
  std::vector<std::int64_t> at(sizes.size(), 0);
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) rows *= sizes[i];
  for (std::int64_t row = 0; row < rows; ++row) {
    visit(row, std::span<const std::int64_t>(at));
    for (std::size_t axis = sizes.size() - 1; axis-- > 0;) {
      if (++at[axis] < sizes[axis]) break;
      at[axis] = 0;
    }
  }
}

/// x with an axis padded by its own elements.
Value pad_axis(const Value& x, std::size_t axis, std::pair<std::int64_t, std::int64_t> widths, PadMode mode) {
  const auto [before, after] = widths;
  const auto along = static_cast<std::int64_t>(axis);
  const Dim size = x.shape()[axis];
  const auto repeated = [&](const Dim& place, std::int64_t count) {
    Dims dims = x.shape().dims();
    dims[axis] = count;
    return broadcast_to(part(x, axis, place, place + 1), Shape(std::move(dims)));
  };
  std::vector<Value> parts;
  if (before > 0) {
    if (mode == PadMode::edge) parts.push_back(repeated(0, before));
    if (mode == PadMode::reflect) parts.push_back(flip(part(x, axis, 1, before + 1), {along}));
    if (mode == PadMode::wrap) parts.push_back(part(x, axis, size - before, size));
  }
  parts.push_back(x);
  if (after > 0) {
    if (mode == PadMode::edge) parts.push_back(repeated(size - 1, after));
    if (mode == PadMode::reflect) parts.push_back(flip(part(x, axis, size - after - 1, size - 1), {along}));
    if (mode == PadMode::wrap) parts.push_back(part(x, axis, 0, after));
  }
  return concat(parts, along);
}

/// Whether the place in row i and column j of the last two axes is on diagonal k or on the side of it that
/// `relation` says, as bools that broadcast to x.
template <typename Relation>
Value beside_diagonal(const Value& x, std::int64_t k, Relation relation) {
  const Value rows = expand_dims(positions(x, -2), -1);
  return relation(positions(x, -1) - constant(x.graph(), k, i64), rows);
}

Value zero_of(const Value& x) { return constant(x.graph(), 0.0, x.dtype()); }

void expect_matrices(const Operand& x, std::string_view op) {
  if (x.value(op).shape().rank() >= 2) return;
  throw Error(ErrorCode::shape_mismatch, "a matrix has two axes",
              {.op = std::string(op), .actual = to_string(x.value().shape()), .where = to_string(x.where())});
}

}  // namespace

TensorType Pad::infer(const TensorType& x) const {
  const auto negative = [](std::int64_t width) { return width < 0; };
  if (before.size() != x.shape.rank() || after.size() != before.size() ||
      std::ranges::any_of(before, negative) || std::ranges::any_of(after, negative)) {
    throw Error(ErrorCode::invalid_argument, "a padding has two widths for each axis, and none is negative",
                {.expected = fmt::format("{} axes", x.shape.rank()),
                 .actual = fmt::format("{} and {}", attribute_text(before), attribute_text(after))});
  }
  visit_dtype(x.dtype, [&]<typename T>(T) { static_cast<void>(value.to<T>()); });  // it may throw
  Dims dims;
  for (std::size_t axis = 0; axis < before.size(); ++axis)
    dims.push_back(x.shape[axis] + before[axis] + after[axis]);
  return {x.dtype, Shape(std::move(dims))};
}
void Pad::forward(const KernelArgs& args) const {
  const ConstArg& x = args.inputs[0];
  const Arg& y = args.outputs[0];
  visit_dtype(y.dtype, [&]<typename T>(T) { std::ranges::fill(y.as<T>(), value.to<T>()); });
  const std::size_t element = size_of(x.dtype);
  const auto* from = static_cast<const std::byte*>(x.data);
  auto* to = static_cast<std::byte*>(y.data);
  if (x.elements == 0) return;
  if (x.sizes.empty()) {
    std::memcpy(to, from, element);
    return;
  }
  const auto run = static_cast<std::size_t>(x.sizes.back()) * element;
  for_each_row(x.sizes, [&](std::int64_t row, std::span<const std::int64_t> at) {
    std::int64_t place = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis)
      place = place * y.sizes[axis] + at[axis] + before[axis];
    std::memcpy(to + static_cast<std::size_t>(place) * element, from + static_cast<std::size_t>(row) * run,
                run);
  });
}
Value Pad::gradient(Value x, Value, Value dy) const {
  for (std::size_t axis = 0; axis < before.size(); ++axis) {
    if (before[axis] + after[axis] > 0) dy = part(dy, axis, before[axis], x.shape()[axis] + before[axis]);
  }
  return dy;
}
Value Pad::simplify(std::span<const Value> inputs) const {
  const auto none = [](std::int64_t width) { return width == 0; };
  return std::ranges::all_of(before, none) && std::ranges::all_of(after, none) ? inputs[0] : Value();
}

TensorType Flip::infer(const TensorType& x) const {
  normalize_axes(axes, x.shape.rank());
  return x;
}
void Flip::forward(const KernelArgs& args) const {
  const ConstArg& x = args.inputs[0];
  const Arg& y = args.outputs[0];
  const std::size_t rank = x.sizes.size();
  std::vector<bool> reversed(rank, false);
  for (const std::int64_t axis : normalize_axes(axes, rank)) reversed[static_cast<std::size_t>(axis)] = true;
  visit_size(x.dtype, [&]<typename Bits>(Bits) {
    const auto from = x.bits<const Bits>();
    const auto to = y.bits<Bits>();
    if (rank == 0) to[0] = from[0];
    if (rank == 0 || from.empty()) return;
    const auto length = static_cast<std::size_t>(x.sizes.back());
    for_each_row(x.sizes, [&](std::int64_t row, std::span<const std::int64_t> at) {
      std::int64_t source = 0;
      for (std::size_t axis = 0; axis + 1 < rank; ++axis)
        source = source * x.sizes[axis] + (reversed[axis] ? x.sizes[axis] - 1 - at[axis] : at[axis]);
      const auto run = from.subspan(static_cast<std::size_t>(source) * length, length);
      const auto place = to.subspan(static_cast<std::size_t>(row) * length, length);
      if (reversed.back()) {
        std::ranges::reverse_copy(run, place.begin());
      } else {
        std::ranges::copy(run, place.begin());
      }
    });
  });
}
Value Flip::gradient(Value, Value, Value dy) const { return flip(dy, axes); }

TensorType Positions::infer(const TensorType& x) const {
  return {dtype, Shape{x.shape[normalize_axis(axis, x.shape.rank())]}};
}
void Positions::forward(const KernelArgs& args) const {
  visit_dtype(dtype, [&]<typename T>(T) {
    const auto y = args.outputs[0].as<T>();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<T>(i);
  });
}
Value Positions::simplify(std::span<const Value> inputs) const {
  const Shape shape = infer(inputs[0].type()).shape;
  if (!shape.is_concrete()) return {};
  Tensor numbers = Tensor::uninitialized(dtype, shape.sizes());
  visit_dtype(dtype, [&]<typename T>(T) {
    const auto y = numbers.mutable_values<T>();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<T>(i);
  });
  return constant(inputs[0].graph(), std::move(numbers));
}

Value pad(const Operand& x, const PadWidths& widths, PadMode mode, const Scalar& value) {
  Value padded = x.value("pad");
  const std::size_t rank = padded.shape().rank();
  if (widths.size() > rank) {
    throw Error(ErrorCode::invalid_argument, "there are widths for more axes than the tensor has",
                {.op = "pad",
                 .expected = fmt::format("at most {}", rank),
                 .actual = std::to_string(widths.size()),
                 .where = to_string(x.where())});
  }
  const std::size_t first = rank - widths.size();
  Pad op{.before = std::vector<std::int64_t>(rank, 0),
         .after = std::vector<std::int64_t>(rank, 0),
         .value = value};
  for (std::size_t i = 0; i < widths.size(); ++i) {
    op.before[first + i] = widths[i].first;
    op.after[first + i] = widths[i].second;
  }
  if (mode == PadMode::constant) return apply(op, x);
  return located("pad", x.where(), [&] {
    op.infer(padded.type());
    const Scope origin(padded.graph(), "pad", x.where());
    for (std::size_t i = 0; i < widths.size(); ++i) padded = pad_axis(padded, first + i, widths[i], mode);
    return padded;
  });
}

Value expand_dims(const Operand& x, std::int64_t axis) {
  return located("expand_dims", x.where(), [&] {
    Dims dims = x.value("expand_dims").shape().dims();
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(new_axis(axis, dims.size())), 1);
    return reshape(x, Shape(std::move(dims)));
  });
}

Value squeeze(const Operand& x, std::int64_t axis) {
  return located("squeeze", x.where(), [&] {
    Dims dims = x.value("squeeze").shape().dims();
    const std::size_t along = normalize_axis(axis, dims.size());
    if (!dims[along].is(1)) {
      throw Error(ErrorCode::shape_mismatch, fmt::format("axis {} has another size than 1", along),
                  {.actual = to_string(x.value().shape())});
    }
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(along));
    return reshape(x, Shape(std::move(dims)));
  });
}

Value move_axis(const Operand& x, std::int64_t from, std::int64_t to) {
  const std::size_t rank = x.value("move_axis").shape().rank();
  return located("move_axis", x.where(), [&] {
    std::vector<std::int64_t> order(rank);
    std::iota(order.begin(), order.end(), 0);
    const auto source = static_cast<std::ptrdiff_t>(normalize_axis(from, rank));
    const auto target = static_cast<std::ptrdiff_t>(normalize_axis(to, rank));
    const std::int64_t moved = order[static_cast<std::size_t>(source)];
    order.erase(order.begin() + source);
    order.insert(order.begin() + target, moved);
    return transpose(x, order);
  });
}

Value swap_axes(const Operand& x, std::int64_t a, std::int64_t b) {
  return located("swap_axes", x.where(), [&] {
    std::vector<std::int64_t> order(x.value("swap_axes").shape().rank());
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[normalize_axis(a, order.size())], order[normalize_axis(b, order.size())]);
    return transpose(x, order);
  });
}

Value rot90(const Operand& x, std::int64_t times, std::int64_t from, std::int64_t to) {
  return located("rot90", x.where(), [&] {
    const Value value = x.value("rot90");
    const std::size_t rank = value.shape().rank();
    const auto first = static_cast<std::int64_t>(normalize_axis(from, rank));
    const auto second = static_cast<std::int64_t>(normalize_axis(to, rank));
    if (first == second)
      throw Error(ErrorCode::invalid_argument, "a plane has two axes",
                  {.actual = fmt::format("{} and {}", from, to)});
    const Scope origin(value.graph(), "rot90", x.where());
    switch ((times % 4 + 4) % 4) {
      case 1:
        return swap_axes(flip(value, {second}), first, second);
      case 2:
        return flip(value, {first, second});
      case 3:
        return flip(swap_axes(value, first, second), {second});
      default:
        return value;
    }
  });
}

std::vector<Value> mesh_grid(std::span<const Value> vectors, Where where) {
  return located("mesh_grid", where, [&] {
    Dims all;
    for (const Value& vector : vectors) {
      if (vector.shape().rank() != 1)
        throw Error(ErrorCode::shape_mismatch, "a grid is made of vectors",
                    {.actual = to_string(vector.type())});
      all.push_back(vector.shape()[0]);
    }
    std::vector<Value> grids;
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      const Scope origin(vectors[i].graph(), "mesh_grid", where);
      Dims along(vectors.size(), Dim(1));
      along[i] = all[i];
      grids.push_back(broadcast_to(reshape(vectors[i], Shape(along)), Shape(all)));
    }
    return grids;
  });
}

Value tile(const Operand& x, const std::vector<std::int64_t>& counts) {
  return located("tile", x.where(), [&] {
    Dims dims = x.value("tile").shape().dims();
    std::vector<std::int64_t> times = counts;
    if (times.size() < dims.size()) times.insert(times.begin(), dims.size() - times.size(), 1);
    if (dims.size() < times.size()) dims.insert(dims.begin(), times.size() - dims.size(), Dim(1));
    Dims apart;
    Dims repeated;
    Dims together;
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      apart.insert(apart.end(), {Dim(1), dims[axis]});
      repeated.insert(repeated.end(), {Dim(times[axis]), dims[axis]});
      together.push_back(dims[axis] * times[axis]);
    }
    const Scope origin(x.value().graph(), "tile", x.where());
    return reshape(broadcast_to(reshape(x, Shape(apart)), Shape(repeated)), Shape(together));
  });
}

Value repeat(const Operand& x, std::int64_t count, std::int64_t axis) {
  return located("repeat", x.where(), [&] {
    Dims dims = x.value("repeat").shape().dims();
    const std::size_t along = normalize_axis(axis, dims.size());
    Dims together = dims;
    together[along] = together[along] * count;
    const auto after = static_cast<std::ptrdiff_t>(along) + 1;
    Dims apart = dims;
    apart.insert(apart.begin() + after, Dim(1));
    dims.insert(dims.begin() + after, Dim(count));
    const Scope origin(x.value().graph(), "repeat", x.where());
    return reshape(broadcast_to(reshape(x, Shape(apart)), Shape(dims)), Shape(together));
  });
}

Value flip(const Operand& x, const std::vector<std::int64_t>& axes) { return apply(Flip{axes}, x); }

Value roll(const Operand& x, std::int64_t shift, std::int64_t axis) {
  return located("roll", x.where(), [&] {
    const Value value = x.value("roll");
    const std::size_t along = normalize_axis(axis, value.shape().rank());
    const Dim size = value.shape()[along];
    if (size.is_number() && size.size() > 0) shift = (shift % size.size() + size.size()) % size.size();
    if (shift == 0 || size.is(0)) return value;
    const Scope origin(value.graph(), "roll", x.where());
    const Dim begin = shift > 0 ? size - shift : Dim(-shift);
    return concat({part(value, along, begin, size), part(value, along, 0, begin)},
                  static_cast<std::int64_t>(along));
  });
}

std::vector<Value> split(const Operand& x, std::int64_t parts, std::int64_t axis) {
  return located("split", x.where(), [&] {
    const Shape& shape = x.value("split").shape();
    const Dim size = shape[normalize_axis(axis, shape.rank())];
    const auto each = parts < 1 ? std::nullopt : exact_div(size, parts);
    if (!each) {
      throw Error(ErrorCode::shape_mismatch, "the axis does not divide into equal parts",
                  {.expected = fmt::format("a multiple of {}", parts), .actual = to_string(size)});
    }
    return split(x, std::vector<Dim>(static_cast<std::size_t>(parts), *each), axis);
  });
}

std::vector<Value> split(const Operand& x, std::span<const Dim> sizes, std::int64_t axis) {
  return located("split", x.where(), [&] {
    const Value value = x.value("split");
    const std::size_t along = normalize_axis(axis, value.shape().rank());
    const Scope origin(value.graph(), "split", x.where());
    std::vector<Value> parts;
    Dim start = 0;
    for (const Dim& size : sizes) {
      parts.push_back(part(value, along, start, start + size));
      start = start + size;
    }
    if (!may_be_equal(start, value.shape()[along])) {
      throw Error(ErrorCode::shape_mismatch, "the parts do not add up to the axis",
                  {.expected = to_string(value.shape()[along]), .actual = to_string(start)});
    }
    return parts;
  });
}
std::vector<Value> split(const Operand& x, std::initializer_list<Dim> sizes, std::int64_t axis) {
  return split(x, std::span(sizes.begin(), sizes.size()), axis);
}

Value stack(std::span<const Value> values, std::int64_t axis, Where where) {
  std::vector<Value> expanded;
  for (const Value& value : values) expanded.push_back(expand_dims(Operand(value, where), axis));
  return concat(expanded, axis, where);
}
Value stack(std::initializer_list<Operand> values, std::int64_t axis) {
  std::vector<Value> listed;
  for (const Operand& value : values) listed.push_back(value.value("stack"));
  return stack(listed, axis, values.size() == 0 ? Where::current() : values.begin()->where());
}

std::vector<Value> unstack(const Operand& x, std::int64_t axis) {
  return located("unstack", x.where(), [&] {
    const Value value = x.value("unstack");
    const std::size_t along = normalize_axis(axis, value.shape().rank());
    const Scope origin(value.graph(), "unstack", x.where());
    std::vector<Value> places;
    for (std::int64_t i = 0; i < value.shape()[along].size(); ++i)
      places.push_back(squeeze(part(value, along, i, i + 1), static_cast<std::int64_t>(along)));
    return places;
  });
}

Value positions(const Operand& x, std::int64_t axis, DType dtype) {
  // It depends on the shape alone, so that no gradient comes back through it, nor through what is made of it.
  return apply(Positions{.axis = axis, .dtype = dtype}, Operand(stop_gradient(x), x.where()));
}

Value tril(const Operand& x, std::int64_t k) {
  expect_matrices(x, "tril");
  const Value value = x.value();
  const Scope origin(value.graph(), "tril", x.where());
  return where(beside_diagonal(value, k, less_equal), value, zero_of(value));
}
Value triu(const Operand& x, std::int64_t k) {
  expect_matrices(x, "triu");
  const Value value = x.value();
  const Scope origin(value.graph(), "triu", x.where());
  return where(beside_diagonal(value, k, greater_equal), value, zero_of(value));
}

Value diag(const Operand& x, std::int64_t k) {
  return located("diag", x.where(), [&] {
    const Value value = x.value("diag");
    const Scope origin(value.graph(), "diag", x.where());
    normalize_axis(-1, value.shape().rank());
    const Value place = positions(value, -1);
    const Value square = where(equal(expand_dims(place, -1), place), expand_dims(value, -1), zero_of(value));
    const std::int64_t right = std::max<std::int64_t>(k, 0);
    const std::int64_t down = std::max<std::int64_t>(-k, 0);
    return k == 0 ? square : pad(square, {{down, right}, {right, down}});
  });
}

// In a row after the other, the places of a diagonal are one more than a row apart.
Value diagonal(const Operand& x, std::int64_t k) {
  expect_matrices(x, "diagonal");
  return located("diagonal", x.where(), [&] {
    const Value value = x.value();
    const Scope origin(value.graph(), "diagonal", x.where());
    const std::size_t rank = value.shape().rank();
    const std::int64_t rows = value.shape()[rank - 2].size();
    const std::int64_t columns = value.shape()[rank - 1].size();
    const std::int64_t length = k >= 0 ? std::min(rows, columns - k) : std::min(rows + k, columns);
    Dims dims(value.shape().begin(), value.shape().end() - 2);
    dims.emplace_back(rows * columns);
    const Value flat = reshape(value, Shape(std::move(dims)));
    const std::int64_t start = length < 1 ? 0 : k >= 0 ? k : -k * columns;
    const std::int64_t stop = length < 1 ? 0 : start + (length - 1) * (columns + 1) + 1;
    return slice(flat, -1, Dim(start), Dim(stop), columns + 1);
  });
}

Value trace(const Operand& x) { return sum(diagonal(x), {-1}); }

template detail::Model detail::model_of(Pad);
template detail::Model detail::model_of(Flip);
template detail::Model detail::model_of(Positions);

}  // namespace weft
