#include "weft/runtime/sparse/resident_ops.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/graph/evaluate.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"

namespace weft {
namespace {

[[noreturn]] void throw_lost(std::string_view what) {
  throw Error(ErrorCode::internal, fmt::format("a product over a store of rows got another {}", what));
}

/// The number of rows of X.
Dim height_of(const RowLayout& layout, bool gathered, const TensorType& store, const TensorType& rows) {
  if (store.dtype != DType::u8 || store.shape != Shape{layout.bytes()}) throw_lost("store");
  if (!gathered) return layout.rows;
  if (rows.dtype != DType::i32 || rows.shape.rank() != 1) throw_lost("list of rows");
  return rows.shape[0];
}

/// Calls `visit(column, value)` for the non-zeros of a row.
template <typename F>
void each_nonzero(const StoredRows& x, std::int64_t row, F visit) {
  for (std::int64_t k = x.offsets[row]; k < x.offsets[row + 1]; ++k) {
    const std::int64_t column = x.wide_columns ? std::int64_t{static_cast<const std::int32_t*>(x.columns)[k]}
                                               : static_cast<const std::uint16_t*>(x.columns)[k];
    visit(static_cast<std::size_t>(column),
          x.byte_values ? static_cast<double>(static_cast<const std::uint8_t*>(x.values)[k])
                        : static_cast<double>(static_cast<const float*>(x.values)[k]));
  }
}

/// The row of the store behind row `i` of X.
std::int64_t row_behind(const KernelArgs& args, bool gathered, std::size_t first, std::int64_t i) {
  return gathered ? index_at(args.inputs[first], i) : i;
}

}  // namespace

TensorType CheckedRows::infer(const TensorType& rows) const {
  if (!is_integer(rows.dtype) || rows.shape.rank() != 1) throw_lost("list of rows");
  return {DType::i32, rows.shape};
}

void CheckedRows::forward(const KernelArgs& args) const {
  check_indices(args.inputs[0], limit, "index");
  const auto checked = args.outputs[0].as<std::int32_t>();
  for (std::size_t i = 0; i < checked.size(); ++i) {
    checked[i] = static_cast<std::int32_t>(index_at(args.inputs[0], static_cast<std::int64_t>(i)));
  }
}

TensorType ResidentMatMul::infer(std::span<const TensorType> inputs) const {
  if (inputs.size() != 2U + (gathered ? 1U : 0U) + (bias ? 1U : 0U)) throw_lost("number of inputs");
  const Dim height = height_of(layout, gathered, inputs[0], inputs[1]);
  const TensorType& w = inputs[gathered ? 2 : 1];
  if (w.dtype != DType::f32 || w.shape.rank() != 2 || w.shape[0] != Dim(layout.columns)) {
    throw_lost("right side");
  }
  const TensorType type{DType::f32, {height, w.shape[1]}};
  return bias ? broadcast_type(type, inputs.back()) : type;
}

void ResidentMatMul::forward(const KernelArgs& args) const {
  const StoredRows x = layout.view(args.inputs[0].data);
  const ConstArg& w = args.inputs[gathered ? 2 : 1];
  const auto weights = w.as<const float>();
  const auto n = static_cast<std::size_t>(w.sizes[1]);
  const auto y = args.outputs[0].as<float>();
  std::vector<double> sum(n);
  for (std::int64_t i = 0; i < args.outputs[0].sizes[0]; ++i) {
    std::ranges::fill(sum, 0.0);
    each_nonzero(x, row_behind(args, gathered, 1, i), [&](std::size_t column, double value) {
      for (std::size_t j = 0; j < n; ++j) sum[j] += value * static_cast<double>(weights[column * n + j]);
    });
    for (std::size_t j = 0; j < n; ++j) {
      const double added = bias ? static_cast<double>(args.inputs.back().as<const float>()[j]) : 0.0;
      y[static_cast<std::size_t>(i) * n + j] = static_cast<float>(scale * sum[j] + added);
    }
  }
  if (!activation.op) return;
  const Tensor before = Tensor::of<float>(y, args.outputs[0].sizes);
  std::ranges::copy(evaluate(*activation.op, {{before}})[0].values<float>(), y.begin());
}

TensorType ResidentGradient::infer(std::span<const TensorType> inputs) const {
  const std::size_t first = accumulates ? 1 : 0;
  if (inputs.size() != first + (gathered ? 3U : 2U)) throw_lost("number of inputs");
  const Dim height = height_of(layout, gathered, inputs[first], inputs[first + 1]);
  const TensorType& d = inputs.back();
  if (d.dtype != DType::f32 || d.shape.rank() != 2 || d.shape[0] != height) throw_lost("right side");
  const TensorType type{DType::f32, {layout.columns, d.shape[1]}};
  if (accumulates && inputs[0] != type) throw_lost("accumulator");
  return type;
}

void ResidentGradient::forward(const KernelArgs& args) const {
  const std::size_t first = accumulates ? 1 : 0;
  const StoredRows x = layout.view(args.inputs[first].data);
  const auto d = args.inputs.back().as<const float>();
  const auto n = static_cast<std::size_t>(args.inputs.back().sizes[1]);
  const auto y = args.outputs[0].as<float>();
  std::vector<double> sum(y.size(), 0.0);
  for (std::int64_t i = 0; i < args.inputs.back().sizes[0]; ++i) {
    each_nonzero(x, row_behind(args, gathered, first + 1, i), [&](std::size_t column, double value) {
      for (std::size_t j = 0; j < n; ++j) {
        sum[column * n + j] += value * static_cast<double>(d[static_cast<std::size_t>(i) * n + j]);
      }
    });
  }
  for (std::size_t j = 0; j < y.size(); ++j) {
    const double start = accumulates ? static_cast<double>(args.inputs[0].as<const float>()[j]) : 0.0;
    y[j] = static_cast<float>(start + scale * sum[j]);
  }
}

}  // namespace weft
