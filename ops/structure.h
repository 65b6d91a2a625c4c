#pragma once
// Arrangements of elements made of slices, joins and repetitions. Sizes may be symbols unless a comment says
// otherwise; negative axes count from the end. All have gradients.

#include <utility>

#include "weft/ops/layout.h"

namespace weft {

struct Pad {  // x with `before` and `after` elements of `value` at the ends of each axis
  static constexpr std::string_view name = "pad";
  std::vector<std::int64_t> before;
  std::vector<std::int64_t> after;
  Scalar value = 0.0;
  static constexpr auto attributes = weft::attributes(&Pad::before, &Pad::after, &Pad::value);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

struct Flip {  // the elements of some axes in reverse
  static constexpr std::string_view name = "flip";
  std::vector<std::int64_t> axes;
  static constexpr auto attributes = weft::attributes(&Flip::axes);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Positions {  // 0, 1, ... along an axis of x; becomes a constant with the shape
  static constexpr std::string_view name = "positions";
  std::int64_t axis = 0;
  DType dtype = DType::i64;
  static constexpr auto attributes = weft::attributes(&Positions::axis, &Positions::dtype);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value, Value, Value) const { return {}; }  // depends on the shape alone
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

/// What pad() puts beyond the ends: a number; the last element; the elements before it in reverse; those from
/// the other end. NumPy calls them constant, edge, reflect and wrap.
enum class PadMode : std::uint8_t { constant, edge, reflect, wrap };
/// How many elements pad() adds before and after an axis.
using PadWidths = std::vector<std::pair<std::int64_t, std::int64_t>>;

/// x with elements added at the ends of each axis, `widths` for the last axes of it. `value` counts in mode
/// constant; Error(dtype_mismatch) where the dtype of x cannot hold it. Widths of reflect are below the size
/// of the axis, those of wrap at most that size, and edge wants an element: Error(out_of_range).
Value pad(const Operand& x, const PadWidths& widths, PadMode mode = PadMode::constant,
          const Scalar& value = 0.0);

/// An axis of size 1 put in before axis `axis` of x; -1 makes it the last.
Value expand_dims(const Operand& x, std::int64_t axis);
/// Without an axis of size 1; Error(shape_mismatch) if its size is another.
Value squeeze(const Operand& x, std::int64_t axis);
/// The axis `from` moved to be axis `to`.
Value move_axis(const Operand& x, std::int64_t from, std::int64_t to);

/// Two axes in each other's place.
Value swap_axes(const Operand& x, std::int64_t a, std::int64_t b);
/// Turned by `times` right angles in the plane of two axes, from the first towards the second. (NumPy's
/// rot90.)
Value rot90(const Operand& x, std::int64_t times = 1, std::int64_t from = 0, std::int64_t to = 1);
/// For vectors of n, m, ... numbers as many tensors [n, m, ...], of which number i varies along axis i as
/// vector i does. (NumPy's meshgrid with indexing="ij".)
std::vector<Value> mesh_grid(std::span<const Value> vectors, Where where = Where::current());

/// x repeated as a whole, `counts` times along each of the last axes; more counts than axes put axes before
/// them.
Value tile(const Operand& x, const std::vector<std::int64_t>& counts);
/// Each element along an axis `count` times in a row.
Value repeat(const Operand& x, std::int64_t count, std::int64_t axis);
/// The elements of `axes` (all of them if none is listed) in reverse.
Value flip(const Operand& x, const std::vector<std::int64_t>& axes = {});
/// The elements moved up by `shift` places along an axis, those beyond the end to its begin; a shift of a
/// symbolic axis is at most its size.
Value roll(const Operand& x, std::int64_t shift, std::int64_t axis);

/// x in parts of equal size along an axis; Error(shape_mismatch) where a remainder is left.
std::vector<Value> split(const Operand& x, std::int64_t parts, std::int64_t axis = 0);
/// x in parts of these sizes, which add up to the axis.
std::vector<Value> split(const Operand& x, std::span<const Dim> sizes, std::int64_t axis = 0);
std::vector<Value> split(const Operand& x, std::initializer_list<Dim> sizes, std::int64_t axis = 0);
/// Values of one type side by side along a new axis; -1 makes it the last.
Value stack(std::span<const Value> values, std::int64_t axis = 0, Where where = Where::current());
Value stack(std::initializer_list<Operand> values, std::int64_t axis = 0);
/// The reverse: a value for each place of an axis of known size, which goes.
std::vector<Value> unstack(const Operand& x, std::int64_t axis = 0);

/// 0, 1, ... as many as `axis` of x has, which may be a symbol.
Value positions(const Operand& x, std::int64_t axis = 0, DType dtype = i64);
/// The last two axes with 0 above diagonal `k` (tril), or below it (triu); k counts to the right.
Value tril(const Operand& x, std::int64_t k = 0);
Value triu(const Operand& x, std::int64_t k = 0);
/// [..., n] on diagonal `k` of matrices [..., n + |k|, n + |k|] of zeros.
Value diag(const Operand& x, std::int64_t k = 0);
/// Diagonal `k` of the last two axes, whose sizes are known: [..., m].
Value diagonal(const Operand& x, std::int64_t k = 0);
/// The sum of the main diagonal of the last two axes.
Value trace(const Operand& x);

// Compiled once, in structure.cpp.
extern template detail::Model detail::model_of(Pad);
extern template detail::Model detail::model_of(Flip);
extern template detail::Model detail::model_of(Positions);

}  // namespace weft
