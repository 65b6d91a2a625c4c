#include "weft/runtime/sparse/resident_ops.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/graph/evaluate.h"
#include "weft/graph/sparse_tensor.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"

namespace weft {
namespace {

[[noreturn]] void throw_lost(std::string_view what) {
  throw Error(ErrorCode::internal, fmt::format("a product over a store of rows got another {}", what));
}

/// The number of rows of X, given as the inputs `x`.
Dim height_of(const RowLayout& layout, RowsForm form, std::span<const TensorType> x) {
  const auto is_vector = [&](std::size_t i, DType dtype) {
    return x[i].dtype == dtype && x[i].shape.rank() == 1;
  };
  if (form == RowsForm::entries) {
    if (!is_vector(0, DType::i64) || x[1] != x[0]) throw_lost("list of rows");
    if (!is_vector(2, DType::i32) || x[3] != TensorType{layout.values, x[2].shape})
      throw_lost("set of entries");
    return x[0].shape[0];
  }
  if (x[0].dtype != DType::u8 || x[0].shape != Shape{layout.bytes()}) throw_lost("store");
  if (form == RowsForm::store) return layout.rows;
  if (!is_vector(1, DType::i32)) throw_lost("list of rows");
  return x[1].shape[0];
}

/// Calls `visit(column, value)` for the non-zeros of a row.
template <typename F>
void each_nonzero(const StoredRows& x, std::int64_t row, F visit) {
  for (std::int64_t k = x.begins[row]; k < x.ends[row]; ++k) {
    const std::int64_t column = x.wide_columns ? std::int64_t{static_cast<const std::int32_t*>(x.columns)[k]}
                                               : static_cast<const std::uint16_t*>(x.columns)[k];
    visit(static_cast<std::size_t>(column),
          x.byte_values ? static_cast<double>(static_cast<const std::uint8_t*>(x.values)[k])
                        : static_cast<double>(static_cast<const float*>(x.values)[k]));
  }
}

/// Reads the rows of X, given as arguments of a kernel.
class RowReader {
 public:
  RowReader(const RowLayout& layout, RowsForm form, std::span<const ConstArg> x)
      : x_(stored_rows(layout, form, [&](std::size_t i) { return x[i].data; })),
        numbers_(form == RowsForm::numbered ? &x[1] : nullptr) {}

  /// Calls `visit(column, value)` for the non-zeros of row `i`.
  template <typename F>
  void each_nonzero(std::int64_t i, F visit) const {
    weft::each_nonzero(x_, numbers_ != nullptr ? index_at(*numbers_, i) : i, visit);
  }

 private:
  StoredRows x_;
  const ConstArg* numbers_ = nullptr;
};

/// The input types of a product that checks numbered rows itself, turned into those of a product that gets
/// checked numbers.
std::vector<TensorType> with_checked_rows(const RowLayout& layout, RowsForm form,
                                          std::span<const TensorType> inputs) {
  std::vector<TensorType> types(inputs.begin(), inputs.end());
  if (form == RowsForm::numbered && types.size() > 1) types[1] = CheckedRows{layout.rows}.infer(types[1]);
  return types;
}

}  // namespace

TensorType CheckedRows::infer(const TensorType& rows) const {
  if (!is_index(rows.dtype) || rows.shape.rank() != 1) throw_lost("list of rows");
  return {DType::i32, rows.shape};
}

void CheckedRows::check(const ConstArg& rows, const Arg& checked, std::int64_t first) const {
  check_indices(rows, limit, "index", first);
  const auto numbers = checked.as<std::int32_t>();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<std::int32_t>(index_at(rows, static_cast<std::int64_t>(i)));
  }
}

std::array<TensorType, 2> CheckedEntries::infer(const TensorType& begins, const TensorType& ends,
                                                const TensorType& columns) const {
  if (begins.dtype != DType::i64 || begins.shape.rank() != 1 || ends != begins) throw_lost("list of rows");
  if (columns.dtype != DType::i32 || columns.shape.rank() != 1) throw_lost("set of entries");
  return {begins, ends};
}

void CheckedEntries::forward(const KernelArgs& args) const {
  const auto begins = args.inputs[0].as<const std::int64_t>();
  const auto ends = args.inputs[1].as<const std::int64_t>();
  check_sparse_rows(begins, ends, args.inputs[2].as<const std::int32_t>(), width, 0, std::ssize(begins));
  std::ranges::copy(begins, args.outputs[0].as<std::int64_t>().begin());
  std::ranges::copy(ends, args.outputs[1].as<std::int64_t>().begin());
}

std::string attribute_text(RowsForm form) {
  switch (form) {
    case RowsForm::store:
      return "store";
    case RowsForm::numbered:
      return "numbered";
    case RowsForm::entries:
      return "entries";
  }
  return "?";
}

TensorType ResidentMatMul::infer(std::span<const TensorType> inputs) const {
  if (inputs.size() != inputs_of(form) + (bias ? 2U : 1U)) throw_lost("number of inputs");
  const Dim height = height_of(layout, form, inputs.first(inputs_of(form)));
  const TensorType& w = inputs[inputs_of(form)];
  if (w.dtype != DType::f32 || w.shape.rank() != 2 || w.shape[0] != Dim(layout.columns)) {
    throw_lost("right side");
  }
  const TensorType type{DType::f32, {height, w.shape[1]}};
  return bias ? broadcast_type(type, inputs.back()) : type;
}

void ResidentMatMul::forward(const KernelArgs& args) const {
  const RowReader x(layout, form, args.inputs.first(inputs_of(form)));
  const ConstArg& w = args.inputs[inputs_of(form)];
  const auto weights = w.as<const float>();
  const auto n = static_cast<std::size_t>(w.sizes[1]);
  const auto y = args.outputs[0].as<float>();
  std::vector<double> sum(n);
  for (std::int64_t i = 0; i < args.outputs[0].sizes[0]; ++i) {
    std::ranges::fill(sum, 0.0);
    x.each_nonzero(i, [&](std::size_t column, double value) {
      for (std::size_t j = 0; j < n; ++j) sum[j] += value * static_cast<double>(weights[column * n + j]);
    });
    for (std::size_t j = 0; j < n; ++j) {
      const double added = bias ? static_cast<double>(args.inputs.back().as<const float>()[j]) : 0.0;
      y[static_cast<std::size_t>(i) * n + j] = static_cast<float>(scale * sum[j] + added);
    }
  }
  apply(activation, args.outputs[0]);
}

std::string attribute_text(const ResidentMatMul& product) { return to_string(Op(product)); }
bool operator==(const ResidentMatMul& a, const ResidentMatMul& b) { return Op(a) == Op(b); }

TensorType FiniteColumns::infer(const TensorType& w) const {
  if (w.dtype != DType::f32 || w.shape.rank() != 2) throw_lost("right side");
  return {DType::f32, {w.shape[1]}};
}

void FiniteColumns::forward(const KernelArgs& args) const {
  const auto w = args.inputs[0].as<const float>();
  const auto y = args.outputs[0].as<float>();
  std::ranges::fill(y, 0.0F);
  for (std::size_t i = 0; i < w.size(); ++i) y[i % y.size()] += 0.0F * w[i];
}

Cut column_cut(const RowLayout& layout) {
  return {.extent = layout.columns, .row_inputs = {}, .load = layout.column_load};
}

std::vector<TensorType> ResidentSplitMatMul::infer(std::span<const TensorType> inputs) const {
  const ResidentMatMul whole{.layout = layout, .form = form, .activation = {}};
  return {static_cast<std::size_t>(terms), whole.infer(with_checked_rows(layout, form, inputs))};
}

void ResidentSplitMatMul::forward(const KernelArgs& args) const {
  if (form == RowsForm::numbered) check_indices(args.inputs[1], layout.rows, "index", 0);
  const RowReader x(layout, form, args.inputs.first(inputs_of(form)));
  const ConstArg& w = args.inputs[inputs_of(form)];
  const auto weights = w.as<const float>();
  const auto n = static_cast<std::size_t>(w.sizes[1]);
  std::vector<double> sum(n);
  for (int term = 0; term < static_cast<int>(terms); ++term) {
    const Range range = share(column_cut(layout), static_cast<int>(terms), term);
    const Arg& y = args.outputs[static_cast<std::size_t>(term)];
    for (std::int64_t i = 0; i < y.sizes[0]; ++i) {
      std::ranges::fill(sum, 0.0);
      x.each_nonzero(i, [&](std::size_t column, double value) {
        const auto at = static_cast<std::int64_t>(column);
        if (at < range.begin || at >= range.end) return;
        for (std::size_t j = 0; j < n; ++j) sum[j] += value * static_cast<double>(weights[column * n + j]);
      });
      for (std::size_t j = 0; j < n; ++j)
        y.as<float>()[static_cast<std::size_t>(i) * n + j] = static_cast<float>(scale * sum[j]);
    }
  }
}

TensorType ResidentColumnBlockMatMul::infer(std::span<const TensorType> inputs) const {
  return in_column_blocks(product.infer(with_checked_rows(product.layout, product.form, inputs)),
                          column_blocks);
}

void ResidentColumnBlockMatMul::forward(const KernelArgs& args) const {
  if (product.form == RowsForm::numbered) check_indices(args.inputs[1], product.layout.rows, "index", 0);
  const Arg& y = args.outputs[0];
  Tensor whole = Tensor::zeros(y.dtype, {y.sizes[1], column_blocks * y.sizes[2]});
  const Arg all{
      .dtype = y.dtype, .sizes = whole.sizes(), .data = whole.mutable_data(), .elements = whole.elements()};
  product.forward({args.inputs, {&all, 1}});
  std::ranges::copy(in_column_blocks(whole, column_blocks).values<float>(), y.as<float>().begin());
}

TensorType ResidentGradient::infer(std::span<const TensorType> inputs) const {
  const std::size_t first = accumulates ? 1 : 0;
  if (inputs.size() != first + inputs_of(form) + 1U) throw_lost("number of inputs");
  const Dim height = height_of(layout, form, inputs.subspan(first, inputs_of(form)));
  const TensorType& d = inputs.back();
  const std::size_t rank = column_blocks > 1 ? 3 : 2;
  if (d.dtype != DType::f32 || d.shape.rank() != rank || d.shape[rank - 2] != height)
    throw_lost("right side");
  if (column_blocks > 1 && d.shape[0] != Dim(column_blocks)) throw_lost("number of column blocks");
  const TensorType type{DType::f32, {layout.columns, column_blocks * d.shape[rank - 1].size()}};
  if (accumulates && inputs[0] != type) throw_lost("accumulator");
  return type;
}

void ResidentGradient::forward(const KernelArgs& args) const {
  const std::size_t first = accumulates ? 1 : 0;
  const RowReader x(layout, form, args.inputs.subspan(first, inputs_of(form)));
  const auto d = args.inputs.back().as<const float>();
  const auto n = static_cast<std::size_t>(args.outputs[0].sizes[1]);
  const auto width = n / static_cast<std::size_t>(column_blocks);
  const std::int64_t rows = args.inputs.back().sizes[column_blocks > 1 ? 1 : 0];
  const auto y = args.outputs[0].as<float>();
  std::vector<double> sum(y.size(), 0.0);
  for (std::int64_t i = 0; i < rows; ++i) {
    x.each_nonzero(i, [&](std::size_t column, double value) {
      for (std::size_t j = 0; j < n; ++j) {
        const std::size_t row = j / width * static_cast<std::size_t>(rows) + static_cast<std::size_t>(i);
        sum[column * n + j] += value * static_cast<double>(d[row * width + j % width]);
      }
    });
  }
  for (std::size_t j = 0; j < y.size(); ++j) {
    const double start = accumulates ? static_cast<double>(args.inputs[0].as<const float>()[j]) : 0.0;
    y[j] = static_cast<float>(start + scale * sum[j]);
  }
}

}  // namespace weft
