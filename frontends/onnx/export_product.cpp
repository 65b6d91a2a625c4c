// Products, determinants, samples, and what is linear along an axis: a product with the matrix that it is.

#include <array>
#include <numeric>

#include "weft/frontends/onnx/export_node.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/fourier.h"
#include "weft/ops/grid_sample.h"
#include "weft/ops/linalg.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/resize.h"

namespace weft::onnx {
namespace {

constexpr std::int64_t kMostMatrix = 1 << 22;  // elements of a matrix that is written for an op

/// An operand of a product, which adds floats of 16 bits in f32.
std::string factor(ExportNode& n, std::size_t i) {
  return is_half(n.dtype(i)) ? n.cast(n.in(i), DType::f32) : n.in(i);
}

/// The same with its last two axes changed.
std::string last_transposed(ExportNode& n, std::size_t i) {
  std::vector<std::int64_t> permutation(n.rank(i));
  std::iota(permutation.begin(), permutation.end(), std::int64_t{0});
  std::swap(permutation[permutation.size() - 1], permutation[permutation.size() - 2]);
  return n.transpose(factor(n, i), std::move(permutation));
}

NameList export_matmul(ExportNode& n, std::string_view) {
  const auto& op = n.op<MatMul>();
  if (!op.transpose_a && !op.transpose_b) return {n("MatMul", factor(n, 0), factor(n, 1))};
  if (n.rank(0) == 2 && n.rank(1) == 2) {
    return {n.add("Gemm", {factor(n, 0), factor(n, 1)},
                  {attr_number("alpha", 1.0), attr_number("beta", 1.0),
                   attr("transA", op.transpose_a ? 1 : 0), attr("transB", op.transpose_b ? 1 : 0)})};
  }
  const std::string a = op.transpose_a ? last_transposed(n, 0) : factor(n, 0);
  const std::string b = op.transpose_b ? last_transposed(n, 1) : factor(n, 1);
  return {n("MatMul", a, b)};
}

Tensor identity_matrix(std::int64_t size, DType dtype) {
  Tensor made = Tensor::zeros(dtype, {size, size});
  visit_float(dtype, [&]<typename T>(T) {
    for (std::int64_t i = 0; i < size; ++i)
      made.mutable_values<T>()[static_cast<std::size_t>(i * size + i)] = T{1};
  });
  return made;
}

std::int64_t number_of(ExportNode& n, const Dim& size) {
  if (!size.is_number()) n.refuse("the size along its axis must be a number");
  return size.size();
}

/// An op along one axis but the first, which it takes to another size.
template <typename O>
NameList export_along_axis(ExportNode& n, std::string_view) {
  O op = n.op<O>();
  const std::int64_t axis = n.axis(op.axis);
  const std::int64_t from = number_of(n, n.shape(0)[static_cast<std::size_t>(axis)]);
  if (from * number_of(n, op.size) > kMostMatrix) n.refuse("as a matrix it is too large");
  op.axis = 1;
  const std::string matrix = n.constant(evaluate(op, std::array{identity_matrix(from, n.dtype())})[0]);
  std::vector<std::int64_t> last(n.rank());
  std::iota(last.begin(), last.end(), std::int64_t{0});
  std::swap(last[static_cast<std::size_t>(axis)], last.back());
  return {n.transpose(n("MatMul", n.transpose(n.in(0), last), matrix), last)};
}

/// A Fourier transform of rows: complex numbers are two real ones each.
template <typename O, bool FromComplex, bool ToComplex>
NameList export_fourier(ExportNode& n, std::string_view) {
  const std::int64_t from = number_of(n, n.shape(0)[1]) * (FromComplex ? 2 : 1);
  const std::int64_t to = number_of(n, n.out().shape[1]) * (ToComplex ? 2 : 1);
  if (from * to > kMostMatrix) n.refuse("as a matrix it is too large");
  Tensor rows = identity_matrix(from, n.dtype());
  if constexpr (FromComplex) rows = rows.reshaped({from, from / 2, 2});
  const Tensor matrix = evaluate(n.op<O>(), std::array{rows})[0];
  std::string x = n.in(0);
  if constexpr (FromComplex) x = n.reshape(x, {n.shape(0)[0], from});
  const std::string y = n("MatMul", x, n.constant(matrix.reshaped({from, to})));
  return {n.reshape(y, n.out().shape)};
}

NameList export_grid_sample(ExportNode& n, std::string_view) {
  const auto& op = n.op<GridSample>();
  if (op.column_order != 0 || op.row_order != 0) n.refuse("it is a derivative of sampling");
  const std::string mode = attribute_text(op.mode);
  const std::string border = attribute_text(op.border);
  return {n.add("GridSample", n.inputs(),
                {attr_text("mode", mode), attr_text("padding_mode", border),
                 attr("align_corners", op.align_corners ? 1 : 0)})};
}

/// Numbers of the runtime's own; the key is not needed.
template <typename O>
NameList export_random(ExportNode& n, std::string_view name) {
  const TensorType& type = n.op<O>().type;
  Attributes attributes{attr("dtype", static_cast<std::int64_t>(data_type_of(type.dtype)))};
  if (type.shape.is_concrete()) {
    attributes.push_back(attr("shape", type.shape.sizes()));
    return {n.add(name, {}, std::move(attributes))};
  }
  return {n.add(std::string(name) + "Like", {n.full(type.shape, 0.0, type.dtype)}, std::move(attributes))};
}

constexpr std::array kProductExports{
    exported<MatMul>(export_matmul),
    exported<Det>(same_operator, "Det"),
    exported<ResizeAxis>(export_along_axis<ResizeAxis>),
    exported<ResizeAxisGradient>(export_along_axis<ResizeAxisGradient>),
    exported<Fft>(export_fourier<Fft, true, true>),
    exported<Rfft>(export_fourier<Rfft, false, true>),
    exported<Irfft>(export_fourier<Irfft, true, false>),
    exported<GridSample>(export_grid_sample),
    exported<RandomUniform>(export_random<RandomUniform>, "RandomUniform"),
    exported<RandomNormal>(export_random<RandomNormal>, "RandomNormal"),
};

}  // namespace

std::span<const ExportEntry> product_exports() { return kProductExports; }

}  // namespace weft::onnx
