#include <algorithm>
#include <array>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/series.h"
#include "weft/ops/sorting.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/ops/unique.h"

namespace weft::onnx {
namespace {

Items gather_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::int64_t axis = axis_of(node, "axis", 0, x.shape().rank());
  return take(x, wrapped_indices(node, node.value(1), x.shape()[static_cast<std::size_t>(axis)]), axis);
}

void expect_same_rank(const Value& x, const Value& indices) {
  if (x.shape().rank() != indices.shape().rank())
    throw Error(ErrorCode::shape_mismatch, "its indices have other axes than what they are indices of");
}

Items gather_elements_rule(const NodeView& node) {
  Value x = node.value(0);
  const std::int64_t axis = axis_of(node, "axis", 0, x.shape().rank());
  const Value at = wrapped_indices(node, node.value(1), x.shape()[static_cast<std::size_t>(axis)]);
  expect_same_rank(x, at);
  // Along other axes the indices may cover the beginning of x only.
  for (std::size_t i = 0; i < x.shape().rank(); ++i) {
    if (static_cast<std::int64_t>(i) != axis) x = part(x, static_cast<std::int64_t>(i), 0, at.shape()[i]);
  }
  return take_along_axis(x, at, axis);
}

Reduction reduction_of(const NodeView& node) {
  const std::string name = node.text("reduction", "none");
  if (name == "none") return Reduction::set;
  if (name == "add") return Reduction::add;
  if (name == "mul") return Reduction::mul;
  if (name == "min") return Reduction::min;
  if (name == "max") return Reduction::max;
  node.refuse("its reduction is none of none, add, mul, min and max");
}

Items scatter_elements_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::int64_t axis = axis_of(node, "axis", 0, x.shape().rank());
  Value at = wrapped_indices(node, node.value(1), x.shape()[static_cast<std::size_t>(axis)]);
  const Value updates = node.value(2);
  const Reduction reduction = reduction_of(node);
  expect_same_rank(x, at);
  bool covers = true;
  for (std::size_t i = 0; i < x.shape().rank(); ++i) {
    covers = covers && (static_cast<std::int64_t>(i) == axis || x.shape()[i] == at.shape()[i]);
  }
  if (covers) return scatter(x, at, updates, axis, reduction);
  // Where the indices cover a part of the other axes, each element is named by all of its indices.
  const std::size_t rank = x.shape().rank();
  std::vector<Value> columns;
  for (std::size_t i = 0; i < rank; ++i) {
    const auto along = static_cast<std::int64_t>(i);
    const Value column = along == axis
                             ? cast(at, i64)
                             : broadcast_to(along_axis(positions(at, along), along, rank), at.shape());
    columns.push_back(column);
  }
  return scatter_nd(x, stack(columns, -1), updates, reduction);
}

/// The last axis of indices counts from the end where negative.
Value wrapped_places(const NodeView& node, const Value& indices, const Value& x, std::size_t first_axis) {
  if (indices.shape().is_scalar()) throw Error(ErrorCode::shape_mismatch, "its indices have no axes");
  const Dim& names = indices.shape()[indices.shape().rank() - 1];
  if (!names.is_number())
    node.refuse("the last size of its indices must be known when the model is imported");
  std::vector<Value> sizes;
  for (std::int64_t i = 0; i < names.size(); ++i) {
    sizes.push_back(
        node.size_of(x.shape().dims().at(first_axis + static_cast<std::size_t>(i)), indices.dtype()));
  }
  if (sizes.empty()) return indices;
  return where(less(indices, 0), add(indices, stack(sizes)), indices);
}

Items gather_nd_rule(const NodeView& node) {
  const Value x = node.value(0);
  const auto batch = static_cast<std::size_t>(node.integer("batch_dims", 0));
  Value at = cast(node.value(1), i64);
  if (at.shape().is_scalar() || batch >= at.shape().rank() || batch >= x.shape().rank())
    throw Error(ErrorCode::shape_mismatch, "its indices have too few axes");
  at = wrapped_places(node, at, x, batch);
  std::vector<Value> columns;
  for (std::size_t i = 0; i < batch; ++i) {
    std::vector<Dim> dims = at.shape().dims();
    dims.back() = 1;
    const auto along = static_cast<std::int64_t>(i);
    columns.push_back(
        broadcast_to(along_axis(positions(at, along), along, at.shape().rank()), Shape(std::move(dims))));
  }
  columns.push_back(at);
  return gather_nd(x, columns.size() == 1 ? at : concat(columns, -1));
}

Items scatter_nd_rule(const NodeView& node) {
  const Value x = node.value(0);
  return scatter_nd(x, wrapped_places(node, node.value(1), x, 0), node.value(2), reduction_of(node));
}

Items one_hot_rule(const NodeView& node) {
  const Value indices = node.value(0);
  const std::int64_t depth = node.integer(1, "the depth");
  const Value values = node.value(2);  // off, on
  const auto rank = indices.shape().rank() + 1;
  const std::int64_t axis = axis_of(node, "axis", -1, rank);
  const Value wrapped = where(less(indices, 0), indices + depth, indices);
  const Value classes = along_axis(arange(node.graph(), 0, depth, 1, indices.dtype()), axis, rank);
  const Value hot = equal(expand_dims(wrapped, axis), classes);
  const std::vector<Value> choices = unstack(values);
  return where(hot, choices.at(1), choices.at(0));
}

Items top_k_rule(const NodeView& node) {
  node.ignore({"sorted"});
  const Value x = node.value(0);
  const std::int64_t axis = axis_of(node, "axis", -1, x.shape().rank());
  const Dim k = node.has_attribute("k") ? Dim(node.integer("k", 0)) : node.wholes(1, "k").numbers.at(0).dim();
  const Sorted found = top_k(x, k, axis, node.integer("largest", 1) != 0);
  return std::vector<Value>{found.values, found.indices};
}

/// How many elements of a mask are true, which must be known.
std::int64_t count_of(const NodeView& node, const Value& mask, std::string_view what) {
  const Tensor count = node.known(Item(sum(cast(mask, i64))));
  if (count.empty()) node.refuse(std::string("how many ") + std::string(what) + " are only known in a run");
  return count.item<std::int64_t>();
}

Value truth_of(const Value& x) { return x.dtype() == DType::boolean ? x : not_equal(x, 0); }

Items non_zero_rule(const NodeView& node) {
  const Value mask = truth_of(node.value(0));
  if (mask.shape().is_scalar()) node.refuse("it takes a tensor with axes here");
  return transpose(nonzero(mask, count_of(node, mask, "elements are not 0")).indices);
}

Items compress_rule(const NodeView& node) {
  Value x = node.value(0);
  const Value mask = node.value(1);
  std::int64_t axis = 0;
  if (node.has_attribute("axis")) {
    axis = axis_of(node, "axis", 0, x.shape().rank());
  } else {
    x = reshape(x, Shape{x.shape().count()});
  }
  const std::int64_t count = count_of(node, mask, "elements are taken");
  return take(x, reshape(nonzero(mask, count).indices, Shape{count}), axis);
}

constexpr std::array kIndexing{
    RuleEntry{"Compress", compress_rule},
    RuleEntry{"Gather", gather_rule},
    RuleEntry{"GatherElements", gather_elements_rule},
    RuleEntry{"GatherND", gather_nd_rule},
    RuleEntry{"NonZero", non_zero_rule},
    RuleEntry{"OneHot", one_hot_rule},
    RuleEntry{"Scatter", scatter_elements_rule},
    RuleEntry{"ScatterElements", scatter_elements_rule},
    RuleEntry{"ScatterND", scatter_nd_rule},
    RuleEntry{"TopK", top_k_rule},
};

}  // namespace

std::span<const RuleEntry> indexing_rules() { return kIndexing; }

}  // namespace weft::onnx
