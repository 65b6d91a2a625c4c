#include "weft/frontends/onnx/rule_support.h"

#include <algorithm>

#include "weft/graph/error.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {

std::int64_t positive_axis(std::int64_t axis, std::size_t rank) {
  return static_cast<std::int64_t>(normalize_axis(axis, rank));
}

std::optional<std::vector<std::int64_t>> axes_of(const NodeView& node, std::size_t i, std::size_t rank) {
  std::vector<std::int64_t> axes;
  if (node.has_attribute("axes")) {
    axes = node.integers("axes");
  } else if (node.has(i)) {
    axes = node.integers(i, "the axes");
  } else {
    return std::nullopt;
  }
  for (std::int64_t& axis : axes) axis = positive_axis(axis, rank);
  return axes;
}

std::int64_t axis_of(const NodeView& node, std::string_view name, std::int64_t otherwise, std::size_t rank) {
  return positive_axis(node.integer(name, otherwise), rank);
}

Value wrapped_indices(const NodeView& node, const Value& indices, const Dim& size) {
  const Tensor known = node.known(Item(indices));
  if (!known.empty()) {
    const bool natural = visit_dtype(known.dtype(), [&]<typename T>(T) {
      return std::ranges::all_of(known.values<T>(), [](T index) { return !(index < T{}); });
    });
    if (natural) return indices;
  }
  return where(less(indices, 0), add(indices, node.size_of(size, indices.dtype())), indices);
}

Value with_trailing_axes(const Value& x, std::size_t axes) {
  if (axes == 0) return x;
  std::vector<Dim> dims = x.shape().dims();
  dims.insert(dims.end(), axes, Dim(1));
  return reshape(x, Shape(std::move(dims)));
}

Value along_axis(const Value& x, std::int64_t axis, std::size_t rank) {
  return with_trailing_axes(x, rank - static_cast<std::size_t>(axis) - 1);
}

Value as_matrix(const Value& x, std::int64_t axis) {
  Dim rows = 1;
  Dim columns = 1;
  for (std::size_t i = 0; i < x.shape().rank(); ++i) {
    Dim& side = static_cast<std::int64_t>(i) < axis ? rows : columns;
    side = side * x.shape()[i];
  }
  return reshape(x, Shape{rows, columns});
}

Value scalar_like(const Value& x, double number) { return constant(x.graph(), Scalar(number), x.dtype()); }

Value in_floats(const Value& x, const std::function<Value(const Value&)>& function) {
  if (is_float(x.dtype())) return function(x);
  return cast(function(cast(x, f64)), x.dtype());
}

Value part(const Value& x, std::int64_t axis, const Dim& start, const Dim& stop) {
  if (start.is(0) && stop == x.shape()[static_cast<std::size_t>(axis)]) return x;
  return slice(x, axis, start, stop);
}

DType dtype_attribute(const NodeView& node, std::string_view name, DType otherwise) {
  if (!node.has_attribute(name)) return otherwise;
  return dtype_of(static_cast<DataType>(node.integer(name, 0)));
}

}  // namespace weft::onnx
