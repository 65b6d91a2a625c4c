#pragma once
// What several families of rules share.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "weft/frontends/onnx/node_view.h"
#include "weft/graph/tensor.h"

namespace weft::onnx {

/// The axes of a node, from its attribute or, in later versions, its input `i`, in [0, rank) and in their
/// order; nothing where neither is given.
std::optional<std::vector<std::int64_t>> axes_of(const NodeView& node, std::size_t i, std::size_t rank);
/// An attribute axis in [0, rank).
std::int64_t axis_of(const NodeView& node, std::string_view name, std::int64_t otherwise, std::size_t rank);
std::int64_t positive_axis(std::int64_t axis, std::size_t rank);

/// Indices that count from the end where negative, as ones that do not; `size` is that of the axis.
Value wrapped_indices(const NodeView& node, const Value& indices, const Dim& size);

/// x with axes of size 1 at its end.
Value with_trailing_axes(const Value& x, std::size_t axes);
/// A vector along axis `axis` of tensors of this rank.
Value along_axis(const Value& x, std::int64_t axis, std::size_t rank);
/// x as [rows, columns], where the axes from `axis` on are columns.
Value as_matrix(const Value& x, std::int64_t axis);

/// A number as a scalar of the dtype of x.
Value scalar_like(const Value& x, double number);
/// The function of floats applied to x, of any dtype, in f64 if that is not a float; the result has the dtype
/// of x.
Value in_floats(const Value& x, const std::function<Value(const Value&)>& function);
/// Elements [start, stop) along an axis of x, which may be the whole of it.
Value part(const Value& x, std::int64_t axis, const Dim& start, const Dim& stop);

/// A dtype of the attribute `name`, which is a data type of ONNX.
DType dtype_attribute(const NodeView& node, std::string_view name, DType otherwise);

}  // namespace weft::onnx
