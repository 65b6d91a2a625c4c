#include "weft/runtime/ops/gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "weft/graph/evaluate.h"
#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/runtime/ops/sparse_ops.h"

namespace weft {
namespace {

[[noreturn]] void throw_lost(std::string_view what) {
  throw Error(ErrorCode::internal, fmt::format("a product got another {}", what));
}

// --- shapes ---

/// The number of stored rows, given as the inputs `x`.
Dim height_of(const LeftSide& left, std::span<const TensorType> x) {
  const auto is_vector = [&](std::size_t i, DType dtype) {
    return x[i].dtype == dtype && x[i].shape.rank() == 1;
  };
  if (!is_vector(0, DType::i64) || x[1] != x[0]) throw_lost("list of rows");
  if (!is_vector(2, left.rows.column_dtype()) || x[3] != TensorType{left.rows.values, x[2].shape})
    throw_lost("set of entries");
  if (left.form == LeftForm::rows) return x[0].shape[0];
  if (x[0].shape != Shape{left.rows.rows} || !is_vector(kRowNumbers, DType::i32))
    throw_lost("list of numbers");
  return x[kRowNumbers].shape[0];
}

/// The matrix that the inputs of a left side are.
TensorType type_of(const LeftSide& left, std::span<const TensorType> inputs) {
  if (left.form == LeftForm::dense) return inputs[0];
  if (left.is_stored()) return {DType::f32, {height_of(left, inputs), left.rows.columns}};
  if (inputs[0].dtype != DType::u8 || inputs[0].shape.rank() != 2) throw_lost("matrix of bytes");
  return {DType::f32, inputs[0].shape};
}

TensorType without_column_blocks(const TensorType& blocks, std::int64_t count) {
  const Shape& shape = blocks.shape;
  if (shape.rank() != 3 || shape[0] != Dim(count)) throw_lost("number of column blocks");
  return {blocks.dtype, {shape[1], shape[0].size() * shape[2].size()}};
}

Tensor without_column_blocks(const Tensor& blocks) {
  const auto& sizes = blocks.sizes();
  return evaluate(Transpose{.permutation = {1, 0, 2}}, {{blocks}})[0].reshaped(
      std::array{sizes[1], sizes[0] * sizes[2]});
}

/// Whether the right side lies in column blocks, and not the result.
bool blocks_are_read(const GemmFormula& formula) {
  return formula.column_blocks > 1 && formula.product.transpose_a;
}

// --- the reference kernel ---

/// Calls `visit(column, value)` for the non-zeros of row `i` of a left side.
class RowReader {
 public:
  RowReader(const LeftSide& left, std::span<const ConstArg> x) : x_(x), bytes_(left.form == LeftForm::bytes) {
    if (!bytes_) rows_ = stored_rows(left, [&](std::size_t i) { return x[i].data; });
    if (left.form == LeftForm::numbered) numbers_ = &x[kRowNumbers];
  }

  template <typename F>
  void each_nonzero(std::int64_t i, F visit) const {
    if (bytes_) return each_byte(i, visit);
    const std::int64_t row = numbers_ != nullptr ? index_at(*numbers_, i) : i;
    for (std::int64_t k = rows_.begins[row]; k < rows_.ends[row]; ++k) {
      const std::int64_t column = rows_.wide_columns
                                      ? std::int64_t{static_cast<const std::int32_t*>(rows_.columns)[k]}
                                      : static_cast<const std::uint16_t*>(rows_.columns)[k];
      visit(column, rows_.byte_values ? static_cast<double>(static_cast<const std::uint8_t*>(rows_.values)[k])
                                      : static_cast<double>(static_cast<const float*>(rows_.values)[k]));
    }
  }

 private:
  template <typename F>
  void each_byte(std::int64_t i, F visit) const {
    const std::int64_t width = x_[0].sizes[1];
    const auto row = x_[0].as<const std::uint8_t>().subspan(static_cast<std::size_t>(i * width));
    for (std::int64_t column = 0; column < width; ++column) {
      const std::uint8_t value = row[static_cast<std::size_t>(column)];
      if (value != 0) visit(column, static_cast<double>(value));
    }
  }

  std::span<const ConstArg> x_;
  bool bytes_ = false;
  StoredRows rows_{};
  const ConstArg* numbers_ = nullptr;
};

/// alpha op(A) B over the non-zeros of some columns of A, [m, n], or of A^T B [k, n].
Tensor multiply_nonzeros(const GemmFormula& formula, std::span<const ConstArg> x, std::int64_t rows,
                         std::int64_t columns, const Tensor& b, Range taken) {
  const RowReader reader(formula.left, x);
  const std::int64_t n = b.sizes()[1];
  const bool transposed = formula.product.transpose_a;
  Tensor y = Tensor::uninitialized(DType::f32, {transposed ? columns : rows, n});
  std::vector<double> sums(static_cast<std::size_t>(y.elements()), 0.0);
  const auto from = b.values<float>();
  for (std::int64_t i = 0; i < rows; ++i) {
    reader.each_nonzero(i, [&](std::int64_t column, double value) {
      if (column < taken.begin || column >= taken.end) return;
      double* const sum = sums.data() + (transposed ? column : i) * n;
      const float* const row = from.data() + (transposed ? i : column) * n;
      for (std::int64_t j = 0; j < n; ++j) sum[j] += value * static_cast<double>(row[j]);
    });
  }
  std::ranges::transform(sums, y.mutable_values<float>().begin(),
                         [&](double sum) { return static_cast<float>(formula.alpha * sum); });
  return y;
}

Tensor scaled(const Tensor& product, double alpha) {
  if (alpha == 1.0) return product;
  return visit_float(product.dtype(), [&]<typename T>(T) {
    Tensor y = product.clone();
    for (T& number : y.mutable_values<T>()) number = static_cast<T>(static_cast<T>(alpha) * number);
    return y;
  });
}

/// The right side as a matrix of its own.
Tensor right_side(const GemmFormula& formula, const ConstArg& b) {
  if (formula.packed.is_packed()) return unpacked(formula.packed, b);
  return blocks_are_read(formula) ? without_column_blocks(borrow(b)) : borrow(b);
}

// --- text ---

std::string text_of(const LeftSide& left) {
  switch (left.form) {
    case LeftForm::dense:
      return "a";
    case LeftForm::bytes:
      return "bytes";
    case LeftForm::rows:
      return "sparse";
    case LeftForm::numbered:
      return "sparse[i]";
  }
  return "?";
}

std::string text_of_sum(const GemmFormula& formula) {
  const std::string product =
      fmt::format("{}{} {}", text_of(formula.left), formula.product.transpose_a ? "^T" : "",
                  formula.product.transpose_b ? "b^T" : "b");
  const bool accumulates = formula.addend == Addend::accumulator;
  const double factor = accumulates ? std::abs(formula.alpha) : formula.alpha;
  std::string text = factor == 1.0 ? product : fmt::format("{:.6g} {}", factor, product);
  if (accumulates) return fmt::format("c {} {}", std::signbit(formula.alpha) ? "-" : "+", text);
  return formula.addend == Addend::bias ? text + " + bias" : text;
}

}  // namespace

std::string attribute_text(const GemmFormula& formula) {
  std::string text = text_of_sum(formula);
  if (formula.activation.op) text = fmt::format("{}({})", attribute_text(formula.activation), text);
  if (formula.column_blocks > 1)
    text +=
        fmt::format(", {} in {} column blocks", blocks_are_read(formula) ? "b" : "y", formula.column_blocks);
  if (formula.terms > 1) text += fmt::format(", {} terms", formula.terms);
  if (formula.left.is_stored()) text += fmt::format(", {}", attribute_text(formula.left.rows));
  if (formula.packed.is_packed()) text += fmt::format(", b packed: {}", attribute_text(formula.packed));
  return text;
}

TensorType in_column_blocks(const TensorType& matrix, std::int64_t column_blocks) {
  if (matrix.shape.rank() != 2 || column_blocks < 2 || matrix.shape[1].size() % column_blocks != 0)
    throw Error(ErrorCode::internal,
                "only a matrix whose width is a multiple of their number has that many column blocks");
  return {matrix.dtype, {column_blocks, matrix.shape[0], matrix.shape[1].size() / column_blocks}};
}

Tensor in_column_blocks(const Tensor& matrix, std::int64_t column_blocks) {
  const std::int64_t rows = matrix.sizes()[0];
  const std::int64_t width = matrix.sizes()[1] / column_blocks;
  const Tensor apart = matrix.reshaped(std::array{rows, column_blocks, width});
  return evaluate(Transpose{.permutation = {1, 0, 2}}, {{apart}})[0];
}

std::vector<TensorType> Gemm::infer(std::span<const TensorType> inputs) const {
  if (inputs.size() != formula.inputs()) throw_lost("number of inputs");
  TensorType b = inputs[formula.b()];
  if (formula.packed.is_packed()) b = unpacked_type(formula.packed, b);
  if (blocks_are_read(formula)) b = without_column_blocks(b, formula.column_blocks);
  TensorType y =
      formula.product.infer(type_of(formula.left, inputs.subspan(formula.a(), formula.left.inputs())), b);
  if (formula.addend == Addend::bias) y = broadcast_type(y, inputs.back());
  if (formula.addend == Addend::accumulator && inputs[0] != y) throw_lost("accumulator");
  if (formula.column_blocks > 1 && !blocks_are_read(formula)) y = in_column_blocks(y, formula.column_blocks);
  return {static_cast<std::size_t>(formula.terms), y};
}

void Gemm::forward(const KernelArgs& args) const {
  const Tensor b = right_side(formula, args.inputs[formula.b()]);
  const auto x = args.inputs.subspan(formula.a(), formula.left.inputs());
  const std::int64_t rows = formula.product.transpose_a ? b.sizes()[0] : args.outputs[0].sizes.end()[-2];
  const std::int64_t columns = formula.product.transpose_a ? args.outputs[0].sizes[0] : b.sizes()[0];
  for (int term = 0; term < static_cast<int>(formula.terms); ++term) {
    const Arg& y = args.outputs[static_cast<std::size_t>(term)];
    Tensor result = formula.is_dense()
                        ? scaled(evaluate(formula.product, {{borrow(x[0]), b}})[0], formula.alpha)
                        : multiply_nonzeros(formula, x, rows, columns, b, columns_of_term(formula, term));
    if (formula.addend == Addend::bias) result = evaluate(Add{}, {{result, borrow(args.inputs.back())}})[0];
    if (formula.addend == Addend::accumulator)
      result = evaluate(Add{}, {{borrow(args.inputs[0]), result}})[0];
    if (formula.column_blocks > 1 && !blocks_are_read(formula))
      result = in_column_blocks(result, formula.column_blocks);
    copy_into(result, y);
    apply(formula.activation, y);
  }
}

std::vector<TensorType> CheckedGemm::infer(std::span<const TensorType> inputs) const {
  std::vector<TensorType> checked(inputs.begin(), inputs.end());
  const std::size_t numbers = formula.a() + kRowNumbers;
  if (formula.left.form != LeftForm::numbered || checked.size() <= numbers) throw_lost("left side");
  checked[numbers] = CheckedRows{formula.left.rows.rows}.infer(checked[numbers]);
  return Gemm{formula}.infer(checked);
}

void CheckedGemm::forward(const KernelArgs& args) const {
  check_indices(args.inputs[formula.a() + kRowNumbers], formula.left.rows.rows, "index", 0);
  Gemm{formula}.forward(args);
}

std::optional<GemmFormula> formula_of(const Op& op) {
  if (const auto* plain = op.as<MatMul>()) return GemmFormula{.product = *plain};
  if (const auto* gemm = op.as<Gemm>()) return gemm->formula;
  if (const auto* checked = op.as<CheckedGemm>()) return checked->formula;
  return std::nullopt;
}

Op with_given_numbers(const GemmFormula& formula, std::vector<Value>& inputs) {
  if (formula.left.form != LeftForm::numbered) return Gemm{formula};
  Value& numbers = inputs[formula.a() + kRowNumbers];
  numbers = operand(numbers, 0);
  return CheckedGemm{formula};
}

Range columns_of_term(const GemmFormula& formula, int term) {
  const RowLayout& rows = formula.left.rows;
  const int terms = static_cast<int>(formula.terms);
  if (terms == 1) return {.begin = 0, .end = std::numeric_limits<std::int64_t>::max()};
  return rows.column_load ? share_of_load(*rows.column_load, terms, term) : share(rows.columns, terms, term);
}

template detail::Model detail::model_of(Gemm);
template detail::Model detail::model_of(CheckedGemm);

}  // namespace weft
