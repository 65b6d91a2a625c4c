#include "weft/ops/calculus.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"
#include "weft/ops/sorting.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// All elements along an axis but the first, and but the last.
Value later(const Value& x, std::size_t axis) {
  return slice(x, static_cast<std::int64_t>(axis), 1, x.shape()[axis]);
}
Value earlier(const Value& x, std::size_t axis) {
  return slice(x, static_cast<std::int64_t>(axis), 0, x.shape()[axis] - 1);
}

void expect_vectors_of_three(const Value& x) {
  if (x.shape().rank() > 0 && x.shape()[x.shape().rank() - 1].is(3)) return;
  throw Error(ErrorCode::shape_mismatch, "the last axis holds vectors of three numbers",
              {.expected = "[..., 3]", .actual = to_string(x.type())});
}

/// Its axes with one of size 1 before or after each.
Value apart(const Value& x, bool before) {
  std::vector<Dim> dims;
  for (const Dim& dim : x.shape()) {
    if (before) dims.emplace_back(1);
    dims.push_back(dim);
    if (!before) dims.emplace_back(1);
  }
  return reshape(x, Shape(std::move(dims)));
}

}  // namespace

Value diff(const Operand& x, std::int64_t times, std::int64_t axis) {
  return located("diff", x.where(), [&] {
    Value value = x.value("diff");
    const std::size_t along = normalize_axis(axis, value.shape().rank());
    const Scope origin(value.graph(), "diff", x.where());
    for (std::int64_t i = 0; i < times; ++i) value = later(value, along) - earlier(value, along);
    return value;
  });
}

Value trapezoid(const Operand& y, double dx, std::int64_t axis) {
  return located("trapezoid", y.where(), [&] {
    const Value value = y.value("trapezoid");
    const std::size_t along = normalize_axis(axis, value.shape().rank());
    const Scope origin(value.graph(), "trapezoid", y.where());
    return sum(later(value, along) + earlier(value, along), {static_cast<std::int64_t>(along)}) * (0.5 * dx);
  });
}

Value trapezoid(const Operand& y, const Operand& x, std::int64_t axis) {
  return located("trapezoid", y.where(), [&] {
    const Value value = y.value("trapezoid");
    Value places = x.value("trapezoid");
    const std::size_t along = normalize_axis(axis, value.shape().rank());
    const Scope origin(value.graph(), "trapezoid", y.where());
    if (places.shape().rank() == 1) {
      std::vector<Dim> dims(value.shape().rank(), Dim(1));
      dims[along] = places.shape()[0];
      places = reshape(places, Shape(std::move(dims)));
    }
    const Value steps = later(places, along) - earlier(places, along);
    return sum((later(value, along) + earlier(value, along)) * steps, {static_cast<std::int64_t>(along)}) *
           0.5;
  });
}

Value polyval(std::span<const double> p, const Operand& x) {
  const Value value = x.value("polyval");
  const Scope origin(value.graph(), "polyval", x.where());
  Value sum = broadcast_like(constant(value.graph(), p.empty() ? 0.0 : p[0], value.dtype()), value);
  for (std::size_t i = 1; i < p.size(); ++i) sum = sum * value + p[i];
  return sum;
}

Value interpolate(const Operand& x, const Operand& xs, const Operand& ys) {
  return located("interpolate", x.where(), [&] {
    const Value value = x.value("interpolate");
    const Value places = xs.value("interpolate");
    const Value heights = ys.value("interpolate");
    const bool fits = places.shape().rank() == 1 && places.type() == heights.type();
    if (!fits || places.shape()[0].is(0) || places.shape()[0].is(1)) {
      throw Error(ErrorCode::shape_mismatch, "points are two vectors of one type, with two numbers or more",
                  {.expected = "[n] and [n]",
                   .actual = fmt::format("{} and {}", to_string(places.type()), to_string(heights.type()))});
    }
    const Scope origin(value.graph(), "interpolate", x.where());
    const Value last = apply(Count{{0}, i64}, places) - 2;
    const Value piece = minimum(maximum(searchsorted(places, value, true) - 1, 0), last);
    const Value x0 = gather(places, piece);
    const Value y0 = gather(heights, piece);
    const Value share = clip((value - x0) / (gather(places, piece + 1) - x0), 0.0, 1.0);
    return y0 + (gather(heights, piece + 1) - y0) * share;
  });
}

Value cross(const Operand& a, const Operand& b) {
  return located("cross", a.where(), [&] {
    const Value left = a.value("cross");
    const Value right = b.value("cross");
    expect_vectors_of_three(left);
    expect_vectors_of_three(right);
    const Scope origin(left.graph(), "cross", a.where());
    return roll(left, -1, -1) * roll(right, 1, -1) - roll(left, 1, -1) * roll(right, -1, -1);
  });
}

Value kron(const Operand& a, const Operand& b) {
  return located("kron", a.where(), [&] {
    const Value left = a.value("kron");
    const Value right = b.value("kron");
    if (left.shape().rank() != right.shape().rank()) {
      throw Error(
          ErrorCode::shape_mismatch, "the factors must have one rank",
          {.expected = fmt::format("{} axes", left.shape().rank()), .actual = to_string(right.type())});
    }
    const Scope origin(left.graph(), "kron", a.where());
    std::vector<Dim> dims;
    for (std::size_t i = 0; i < left.shape().rank(); ++i) dims.push_back(left.shape()[i] * right.shape()[i]);
    return reshape(apart(left, false) * apart(right, true), Shape(std::move(dims)));
  });
}

Value distances(const Operand& a, const Operand& b, double p) {
  return located("distances", a.where(), [&] {
    if (!(p >= 1.0))
      throw Error(ErrorCode::invalid_argument, "there is no such norm",
                  {.expected = "p >= 1", .actual = fmt::format("{}", p)});
    const Value left = a.value("distances");
    const Scope origin(left.graph(), "distances", a.where());
    const Value away = expand_dims(a, -2) - expand_dims(b, -3);
    if (p == 2.0) return norm(away, {-1});
    if (p == 1.0) return sum(abs(away), {-1});
    const Value total = sum(pow(abs(away), p), {-1});
    return where(total > 0.0, pow(where(total > 0.0, total, 1.0), 1.0 / p), 0.0);
  });
}

}  // namespace weft
