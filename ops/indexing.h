#pragma once
// Elements by index, beside the rows of gather.h. Every index is checked before it is used: one outside [0,
// size of the axis) is an Error(out_of_range) that names it, and the run changes nothing. Indices are
// integers of any dtype.

#include "weft/ops/gather.h"

namespace weft {

struct TakeAlongAxis {  // y[i, j, k] = x[i, indices[i, j, k], k], for axis 1 of three
  static constexpr std::string_view name = "take_along_axis";
  static constexpr Traits traits{.can_fail = true};
  std::int64_t axis = -1;
  static constexpr auto attributes = weft::attributes(&TakeAlongAxis::axis);
  TensorType infer(const TensorType& x, const TensorType& indices) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value x, Value indices, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct GatherNd {  // y[i..., ...] = x[indices[i..., 0], indices[i..., 1], ..., ...]
  static constexpr std::string_view name = "gather_nd";
  static constexpr Traits traits{.can_fail = true};
  TensorType infer(const TensorType& x, const TensorType& indices) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value x, Value indices, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// How what is there and what comes to the same place are brought together.
enum class Reduction : std::uint8_t { set, add, mul, min, max };
std::string attribute_text(Reduction reduction);

struct Scatter {  // base, with updates[i, j, k] brought to [i, indices[i, j, k], k], for axis 1 of three
  static constexpr std::string_view name = "scatter";
  static constexpr Traits traits{.can_fail = true};
  std::int64_t axis = -1;
  Reduction reduction = Reduction::set;
  static constexpr auto attributes = weft::attributes(&Scatter::axis, &Scatter::reduction);
  TensorType infer(const TensorType& base, const TensorType& indices, const TensorType& updates) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 3> gradient(Value base, Value indices, Value updates, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct ScatterNd {  // base, with updates[i..., ...] brought to [indices[i..., 0], indices[i..., 1], ..., ...]
  static constexpr std::string_view name = "scatter_nd";
  static constexpr Traits traits{.can_fail = true};
  Reduction reduction = Reduction::set;
  static constexpr auto attributes = weft::attributes(&ScatterNd::reduction);
  TensorType infer(const TensorType& base, const TensorType& indices, const TensorType& updates) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 3> gradient(Value base, Value indices, Value updates, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// The elements of x at `indices` along an axis; all other axes of the two are equal, and the result has the
/// shape of the indices. (NumPy's take_along_axis, ONNX's GatherElements.)
Value take_along_axis(const Operand& x, const Operand& indices, std::int64_t axis = -1);
/// Slices of x at `indices` of any shape along an axis, which those axes replace: NumPy's take, ONNX's
/// Gather. By gather() and, for another axis than the first, two transposes.
Value take(const Operand& x, const Operand& indices, std::int64_t axis = 0);
/// Slices of x at the places that the last axis of the indices [..., k] names in the first k axes: [..., rest
/// of x].
Value gather_nd(const Operand& x, const Operand& indices);

/// A copy of base in which elements at `indices` along an axis are set to, or reduced with, those of
/// `updates`, which has the shape of the indices; all other axes are equal. Of equal indices the last one
/// sets. Updates are taken in their order; sums and products of floats are made in f64.
/// (ONNX's ScatterElements.) Gradients are right for equal indices, for zeros among factors (second gradients
/// too, third ones for at most one zero), and shared equally among equal extremes. The gradient of a product
/// of f64 numbers is right where the product of all that are not 0 is a normal number.
Value scatter(const Operand& base, const Operand& indices, const Operand& updates, std::int64_t axis = -1,
              Reduction reduction = Reduction::set);
/// The same for whole slices: `updates` [..., rest of base] come to the places that the last axis of the
/// indices
/// [..., k] names in the first k axes. (ONNX's ScatterND.)
Value scatter_nd(const Operand& base, const Operand& indices, const Operand& updates,
                 Reduction reduction = Reduction::set);

/// How often each of 0 .. length - 1 occurs, i64, exact up to 2^53.
Value bincount(const Operand& x, std::int64_t length);
/// The sum of the weights, floats in the shape of x, that stand where x is 0 .. length - 1.
Value bincount(const Operand& x, std::int64_t length, const Operand& weights);
/// Rows of x reduced by the segment 0 .. segments - 1 that `ids` says of each: [segments, ...]. A mean
/// is infinite where the sum is. In a segment without rows the sum and the mean are 0, the product 1, and the
/// extremes the lowest and the highest number.
Value segment_sum(const Operand& x, const Operand& ids, const Dim& segments);
Value segment_mean(const Operand& x, const Operand& ids, const Dim& segments);
Value segment_prod(const Operand& x, const Operand& ids, const Dim& segments);
Value segment_max(const Operand& x, const Operand& ids, const Dim& segments);
Value segment_min(const Operand& x, const Operand& ids, const Dim& segments);

// Compiled once, in indexing.cpp.
extern template detail::Model detail::model_of(TakeAlongAxis);
extern template detail::Model detail::model_of(GatherNd);
extern template detail::Model detail::model_of(Scatter);
extern template detail::Model detail::model_of(ScatterNd);

}  // namespace weft
