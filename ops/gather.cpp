#include "weft/ops/gather.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

namespace weft {
namespace {

void expect_indices(const TensorType& indices) {
  if (!is_index(indices.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "indices must be integers",
                {.expected = std::string(kIndexDTypes), .actual = to_string(indices)});
  }
}

std::int64_t row_elements(const ConstArg& table) {
  std::int64_t elements = 1;
  for (const std::int64_t size : table.sizes.subspan(1)) elements *= size;
  return elements;
}

}  // namespace

std::int64_t index_at(const ConstArg& indices, std::int64_t i) {
  const auto at = static_cast<std::size_t>(i);
  switch (indices.dtype) {
    case DType::i32:
      return indices.as<const std::int32_t>()[at];
    case DType::i64:
      return indices.as<const std::int64_t>()[at];
    default:
      return indices.as<const std::uint8_t>()[at];
  }
}

void check_indices(const ConstArg& indices, std::int64_t limit, std::string_view what, std::int64_t first) {
  for (std::int64_t i = 0; i < indices.elements; ++i) {
    const std::int64_t index = index_at(indices, i);
    if (index >= 0 && index < limit) continue;
    throw Error(ErrorCode::out_of_range,
                fmt::format("{} {} at position {} is out of range", what, index, first + i),
                {.expected = fmt::format("an integer in [0, {})", limit), .actual = std::to_string(index)});
  }
}

TensorType Gather::infer(const TensorType& table, const TensorType& indices) const {
  expect_indices(indices);
  if (table.shape.is_scalar())
    throw Error(ErrorCode::shape_mismatch, "gather takes rows, and a scalar has none");
  std::vector<Dim> dims = indices.shape.dims();
  dims.insert(dims.end(), table.shape.begin() + 1, table.shape.end());
  return {table.dtype, Shape(std::move(dims))};
}
void Gather::forward(const KernelArgs& args) const {
  const ConstArg& table = args.inputs[0];
  const ConstArg& indices = args.inputs[1];
  check_indices(indices, table.sizes[0], "index");
  const std::size_t row = static_cast<std::size_t>(row_elements(table)) * size_of(table.dtype);
  if (row == 0) return;
  const auto* from = static_cast<const std::byte*>(table.data);
  auto* to = static_cast<std::byte*>(args.outputs[0].data);
  for (std::int64_t i = 0; i < indices.elements; ++i) {
    std::memcpy(to + static_cast<std::size_t>(i) * row,
                from + static_cast<std::size_t>(index_at(indices, i)) * row, row);
  }
}
std::array<Value, 2> Gather::gradient(Value table, Value indices, Value, Value dy) const {
  return {scatter_add(dy, indices, table.shape()), Value()};
}

TensorType ScatterAdd::infer(const TensorType& x, const TensorType& indices) const {
  const TensorType gathered = Gather{}.infer({x.dtype, shape}, indices);
  if (gathered != x || !is_float(x.dtype)) {
    throw Error(
        ErrorCode::shape_mismatch, "the rows do not fit the table",
        {.expected = fmt::format("floats of shape {}", to_string(gathered.shape)), .actual = to_string(x)});
  }
  return {x.dtype, shape};
}
void ScatterAdd::forward(const KernelArgs& args) const {
  const ConstArg& indices = args.inputs[1];
  check_indices(indices, args.outputs[0].sizes[0], "index");
  // Each row of the result is summed in f64 over the indices that name it.
  std::vector<std::int64_t> order(static_cast<std::size_t>(indices.elements));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::sort(order, {}, [&](std::int64_t i) { return std::pair(index_at(indices, i), i); });
  const auto add_rows = [&]<typename T>(T) {
    const auto x = args.inputs[0].as<const T>();
    const auto y = args.outputs[0].as<T>();
    std::ranges::fill(y, T{0});
    const std::size_t row = order.empty() ? 0 : x.size() / order.size();
    std::vector<double> sums(row);
    for (auto next = order.begin(); next != order.end();) {
      const std::int64_t index = index_at(indices, *next);
      std::ranges::fill(sums, 0.0);
      for (; next != order.end() && index_at(indices, *next) == index; ++next) {
        const T* from = x.data() + static_cast<std::size_t>(*next) * row;
        for (std::size_t j = 0; j < row; ++j) sums[j] += static_cast<double>(from[j]);
      }
      T* to = y.data() + static_cast<std::size_t>(index) * row;
      for (std::size_t j = 0; j < row; ++j) to[j] = static_cast<T>(sums[j]);
    }
  };
  visit_float(args.outputs[0].dtype, add_rows);
}
std::array<Value, 2> ScatterAdd::gradient(Value, Value indices, Value, Value dy) const {
  return {gather(dy, indices), Value()};
}

TensorType OneHot::infer(const TensorType& indices) const {
  expect_indices(indices);
  std::vector<Dim> dims = indices.shape.dims();
  dims.emplace_back(depth);
  return {dtype, Shape(std::move(dims))};
}
void OneHot::forward(const KernelArgs& args) const {
  const ConstArg& indices = args.inputs[0];
  check_indices(indices, depth, "label");
  visit_dtype(dtype, [&]<typename T>(T) {
    const auto y = args.outputs[0].as<T>();
    std::ranges::fill(y, T{0});
    for (std::int64_t i = 0; i < indices.elements; ++i) {
      y[static_cast<std::size_t>(i * depth + index_at(indices, i))] = T{1};
    }
  });
}

Value gather(const Operand& table, const Operand& indices) { return apply(Gather{}, table, indices); }
Value scatter_add(const Operand& x, const Operand& indices, const Shape& shape) {
  return apply(ScatterAdd{shape}, x, indices);
}
Value one_hot(const Operand& indices, std::int64_t depth, DType dtype) {
  return apply(OneHot{.depth = depth, .dtype = dtype}, indices);
}

template detail::Model detail::model_of(Gather);
template detail::Model detail::model_of(ScatterAdd);
template detail::Model detail::model_of(OneHot);

}  // namespace weft
