#include "weft/ops/linalg.h"

#include <fmt/format.h>

#include <Eigen/Dense>

#include <cmath>

#include "weft/graph/located.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Dims = std::vector<Dim>;

// --- shapes ---

const TensorType& expect_matrices(const TensorType& a) {
  if (!is_float(a.dtype)) throw Error(ErrorCode::dtype_mismatch, "matrices here are of floats");
  if (a.shape.rank() < 2) {
    throw Error(ErrorCode::shape_mismatch, "a matrix has two axes",
                {.expected = "[..., m, n]", .actual = to_string(a.shape)});
  }
  return a;
}
const Dim& rows_of(const Shape& shape) { return shape[shape.rank() - 2]; }
const Dim& columns_of(const Shape& shape) { return shape[shape.rank() - 1]; }

const TensorType& expect_square(const TensorType& a) {
  expect_matrices(a);
  if (!may_be_equal(rows_of(a.shape), columns_of(a.shape))) {
    throw Error(ErrorCode::shape_mismatch, "the matrices must be square",
                {.expected = "[..., n, n]", .actual = to_string(a.shape)});
  }
  return a;
}

/// The leading axes, and `last` after them.
Shape with_last(const Shape& shape, std::initializer_list<Dim> last) {
  Dims dims(shape.begin(), shape.end() - 2);
  dims.insert(dims.end(), last);
  return Shape(std::move(dims));
}

TensorType solution_type(const TensorType& a, const TensorType& b) {
  expect_square(a);
  expect_matrices(b);
  if (a.dtype != b.dtype)
    throw Error(ErrorCode::dtype_mismatch, "matrix and right side have different dtypes");
  if (with_last(a.shape, {columns_of(a.shape), columns_of(b.shape)}) != b.shape) {
    throw Error(ErrorCode::shape_mismatch, "the right side does not fit the matrix",
                {.expected = to_string(with_last(a.shape, {columns_of(a.shape), columns_of(b.shape)})),
                 .actual = to_string(b.shape)});
  }
  return b;
}

/// The smaller of two sizes, which are known.
Dim smaller(const Shape& shape) {
  const Dim& m = rows_of(shape);
  const Dim& n = columns_of(shape);
  if (const auto fits = at_most(m, n)) return *fits ? m : n;
  throw Error(ErrorCode::shape_mismatch, "it is not known which side of the matrices is shorter",
              {.actual = to_string(shape)});
}

// --- numbers ---

/// Matrix `index` of an operand, in f64.
Matrix matrix_at(const ConstArg& a, std::int64_t index) {
  const std::int64_t rows = a.sizes[a.sizes.size() - 2];
  const std::int64_t columns = a.sizes.back();
  Matrix matrix(rows, columns);
  const auto copy = [&]<typename T>(T) {
    const auto values = a.as<const T>().subspan(static_cast<std::size_t>(index * rows * columns));
    for (std::int64_t i = 0; i < rows * columns; ++i)
      matrix.data()[i] = static_cast<double>(values[static_cast<std::size_t>(i)]);
  };
  visit_float(a.dtype, copy);
  return matrix;
}
Matrix symmetric_at(const ConstArg& a, std::int64_t index) {
  const Matrix matrix = matrix_at(a, index);
  return 0.5 * (matrix + matrix.transpose());
}

/// Writes the numbers of result `index`, in whose order they stand row by row.
template <typename Derived>
void put(const Arg& y, std::int64_t index, const Eigen::MatrixBase<Derived>& result) {
  const Matrix matrix = result;
  const auto copy = [&]<typename T>(T) {
    const auto values = y.as<T>().subspan(static_cast<std::size_t>(index * matrix.size()));
    for (Eigen::Index i = 0; i < matrix.size(); ++i)
      values[static_cast<std::size_t>(i)] = static_cast<T>(matrix.data()[i]);
  };
  visit_float(y.dtype, copy);
}
void put_number(const Arg& y, std::int64_t index, double number) {
  put(y, index, Eigen::Matrix<double, 1, 1>::Constant(number));
}

std::int64_t matrices_in(const ConstArg& a) {
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis + 2 < a.sizes.size(); ++axis) count *= a.sizes[axis];
  return count;
}
bool is_empty(const ConstArg& a) { return a.sizes.back() == 0 || a.sizes[a.sizes.size() - 2] == 0; }

[[noreturn]] void throw_at(std::int64_t index, const char* message) {
  throw Error(ErrorCode::numeric, fmt::format("matrix {} {}", index, message));
}

/// -1 for the columns whose element of largest size is negative, else 1.
Eigen::VectorXd signs_of_columns(const Matrix& matrix) {
  Eigen::VectorXd signs(matrix.cols());
  for (Eigen::Index column = 0; column < matrix.cols(); ++column) {
    Eigen::Index row = 0;
    matrix.col(column).cwiseAbs().maxCoeff(&row);
    signs[column] = matrix(row, column) < 0.0 ? -1.0 : 1.0;
  }
  return signs;
}

// --- gradients ---

Value turned(const Value& a) {
  const auto rank = static_cast<std::int64_t>(a.shape().rank());
  return move_axis(a, rank - 2, rank - 1);
}
Value symmetric(const Value& a) { return (a + turned(a)) * 0.5; }

/// A value that may not be there, as zeros.
Value or_zeros(const Value& gradient, const Value& like) {
  return gradient.has_value() ? gradient
                              : broadcast_to(constant(like.graph(), 0.0, like.dtype()), like.shape());
}

/// 1 / x, and 0 where x is 0.
Value inverse_or_zero(const Value& x) {
  const Value none = equal(x, 0.0);
  return where(none, 0.0, 1.0 / where(none, 1.0, x));
}

/// Of numbers x[..., n]: 1 / (x[j] - x[i]) at row i and column j, and 0 where they are equal.
Value inverse_gaps(const Value& x) { return inverse_or_zero(expand_dims(x, -2) - expand_dims(x, -1)); }

Value identity_like(const Value& a) {
  const Value place = positions(a, -1);
  return cast(equal(expand_dims(positions(a, -2), -1), place), a.dtype());
}

}  // namespace

TensorType Cholesky::infer(const TensorType& a) const { return expect_square(a); }
void Cholesky::forward(const KernelArgs& args) const {
  for (std::int64_t i = 0; i < matrices_in(args.inputs[0]) && !is_empty(args.inputs[0]); ++i) {
    const Eigen::LLT<Matrix> factors(symmetric_at(args.inputs[0], i));
    if (factors.info() != Eigen::Success) throw_at(i, "is not positive definite");
    const Matrix lower = factors.matrixL();
    put(args.outputs[0], i, lower);
  }
}
// dA = L^-T S L^-1, where S is the symmetric part of phi(L^T dL) and phi takes the lower triangle with half
// of the diagonal.
Value Cholesky::gradient(Value, Value l, Value dl) const {
  const Value m = matmul(l, dl, true, false);
  const Value inner = (tril(m) + turned(tril(m, -1))) * 0.5;
  return triangular_solve(l, turned(triangular_solve(l, inner, true, true)), true, true);
}

TensorType TriangularSolve::infer(const TensorType& a, const TensorType& b) const {
  return solution_type(a, b);
}
void TriangularSolve::forward(const KernelArgs& args) const {
  if (is_empty(args.inputs[1])) return;
  for (std::int64_t i = 0; i < matrices_in(args.inputs[0]); ++i) {
    Matrix a = matrix_at(args.inputs[0], i);
    if (unit_diagonal) a.diagonal().setOnes();
    Matrix x = matrix_at(args.inputs[1], i);
    if (lower && transposed) a.transpose().triangularView<Eigen::Upper>().solveInPlace(x);
    if (lower && !transposed) a.triangularView<Eigen::Lower>().solveInPlace(x);
    if (!lower && transposed) a.transpose().triangularView<Eigen::Lower>().solveInPlace(x);
    if (!lower && !transposed) a.triangularView<Eigen::Upper>().solveInPlace(x);
    put(args.outputs[0], i, x);
  }
}
std::array<Value, 2> TriangularSolve::gradient(Value a, Value, Value x, Value dx) const {
  const Value db = triangular_solve(a, dx, lower, !transposed, unit_diagonal);
  const Value da = transposed ? matmul(x, db, false, true) : matmul(db, x, false, true);
  const std::int64_t offset = unit_diagonal ? 1 : 0;
  return {-(lower ? tril(da, -offset) : triu(da, offset)), db};
}

TensorType Solve::infer(const TensorType& a, const TensorType& b) const { return solution_type(a, b); }
void Solve::forward(const KernelArgs& args) const {
  if (is_empty(args.inputs[0])) return;
  for (std::int64_t i = 0; i < matrices_in(args.inputs[0]); ++i) {
    const Matrix a = matrix_at(args.inputs[0], i);
    const Eigen::PartialPivLU<Matrix> factors(transposed ? Matrix(a.transpose()) : a);
    if ((factors.matrixLU().diagonal().array() == 0.0).any()) throw_at(i, "is singular");
    if (!is_empty(args.inputs[1])) put(args.outputs[0], i, factors.solve(matrix_at(args.inputs[1], i)));
  }
}
std::array<Value, 2> Solve::gradient(Value a, Value, Value x, Value dx) const {
  const Value db = apply(Solve{!transposed}, a, dx);
  return {-(transposed ? matmul(x, db, false, true) : matmul(db, x, false, true)), db};
}

TensorType Det::infer(const TensorType& a) const { return {expect_square(a).dtype, with_last(a.shape, {})}; }
void Det::forward(const KernelArgs& args) const {
  for (std::int64_t i = 0; i < matrices_in(args.inputs[0]); ++i)
    put_number(args.outputs[0], i,
               is_empty(args.inputs[0]) ? 1.0 : matrix_at(args.inputs[0], i).partialPivLu().determinant());
}
Value Det::gradient(Value a, Value y, Value dy) const {
  return turned(inverse(a)) * expand_dims(expand_dims(dy * y, -1), -1);
}

std::array<TensorType, 2> Slogdet::infer(const TensorType& a) const {
  const TensorType type{expect_square(a).dtype, with_last(a.shape, {})};
  return {type, type};
}
void Slogdet::forward(const KernelArgs& args) const {
  for (std::int64_t i = 0; i < matrices_in(args.inputs[0]); ++i) {
    double sign = 1.0;
    double log = 0.0;
    if (!is_empty(args.inputs[0])) {
      const Eigen::PartialPivLU<Matrix> factors(matrix_at(args.inputs[0], i));
      sign = static_cast<double>(factors.permutationP().determinant());
      for (const double pivot : factors.matrixLU().diagonal()) {
        sign *= pivot > 0.0 ? 1.0 : pivot < 0.0 ? -1.0 : pivot;
        log += std::log(std::abs(pivot));
      }
    }
    put_number(args.outputs[0], i, sign);
    put_number(args.outputs[1], i, log);
  }
}
// The sign is constant between its steps.
std::vector<Value> Slogdet::gradient(const GradientArgs& args) const {
  const Value& dlog = args.output_gradients[1];
  if (!dlog.has_value()) return {Value()};
  return {turned(inverse(args.inputs[0])) * expand_dims(expand_dims(dlog, -1), -1)};
}

std::array<TensorType, 2> Qr::infer(const TensorType& a) const {
  const Dim k = smaller(expect_matrices(a).shape);
  return {TensorType{a.dtype, with_last(a.shape, {rows_of(a.shape), k})},
          TensorType{a.dtype, with_last(a.shape, {k, columns_of(a.shape)})}};
}
void Qr::forward(const KernelArgs& args) const {
  for (std::int64_t i = 0; i < matrices_in(args.inputs[0]) && !is_empty(args.inputs[0]); ++i) {
    const Matrix a = matrix_at(args.inputs[0], i);
    const Eigen::Index k = std::min(a.rows(), a.cols());
    const Eigen::HouseholderQR<Matrix> factors(a);
    Matrix q = factors.householderQ() * Matrix::Identity(a.rows(), k);
    Matrix r = factors.matrixQR().topRows(k).triangularView<Eigen::Upper>();
    for (Eigen::Index j = 0; j < k; ++j) {
      if (!(r(j, j) < 0.0)) continue;
      r.row(j) *= -1.0;
      q.col(j) *= -1.0;
    }
    put(args.outputs[0], i, q);
    put(args.outputs[1], i, r);
  }
}
// dA = (dQ + Q c(M)) R^-T with M = R dR^T - dQ^T Q, where c copies the lower triangle to the upper one.
std::vector<Value> Qr::gradient(const GradientArgs& args) const {
  const Shape& shape = args.inputs[0].shape();
  if (!at_most(columns_of(shape), rows_of(shape)).value_or(false)) {
    throw Error(ErrorCode::unsupported, "the gradient of qr wants matrices with no more columns than rows",
                {.op = "qr", .actual = to_string(shape)});
  }
  const Value& q = args.outputs[0];
  const Value& r = args.outputs[1];
  const Value dq = or_zeros(args.output_gradients[0], q);
  const Value dr = or_zeros(args.output_gradients[1], r);
  const Value m = matmul(r, dr, false, true) - matmul(dq, q, true, false);
  const Value copied = tril(m) + turned(tril(m, -1));
  return {turned(triangular_solve(r, turned(dq + matmul(q, copied)), false))};
}

std::array<TensorType, 2> Eigh::infer(const TensorType& a) const {
  return {TensorType{expect_square(a).dtype, with_last(a.shape, {columns_of(a.shape)})}, a};
}
void Eigh::forward(const KernelArgs& args) const {
  for (std::int64_t i = 0; i < matrices_in(args.inputs[0]) && !is_empty(args.inputs[0]); ++i) {
    const Eigen::SelfAdjointEigenSolver<Matrix> factors(symmetric_at(args.inputs[0], i));
    if (factors.info() != Eigen::Success) throw_at(i, "has no eigenvalues that are found");
    const Matrix vectors = factors.eigenvectors();
    put(args.outputs[0], i, factors.eigenvalues().transpose());
    put(args.outputs[1], i, vectors * signs_of_columns(vectors).asDiagonal());
  }
}
// dA = V (diag(dw) + G * (V^T dV)) V^T, with G the inverse gaps of the eigenvalues.
std::vector<Value> Eigh::gradient(const GradientArgs& args) const {
  const Value& w = args.outputs[0];
  const Value& v = args.outputs[1];
  Value inner = diag(or_zeros(args.output_gradients[0], w));
  if (args.output_gradients[1].has_value())
    inner = inner + inverse_gaps(w) * matmul(v, args.output_gradients[1], true, false);
  return {symmetric(matmul(matmul(v, inner), v, false, true))};
}

std::array<TensorType, 3> Svd::infer(const TensorType& a) const {
  const Dim k = smaller(expect_matrices(a).shape);
  return {TensorType{a.dtype, with_last(a.shape, {rows_of(a.shape), k})},
          TensorType{a.dtype, with_last(a.shape, {k})},
          TensorType{a.dtype, with_last(a.shape, {k, columns_of(a.shape)})}};
}
void Svd::forward(const KernelArgs& args) const {
  for (std::int64_t i = 0; i < matrices_in(args.inputs[0]) && !is_empty(args.inputs[0]); ++i) {
    const Matrix a = matrix_at(args.inputs[0], i);
    const Eigen::JacobiSVD<Eigen::MatrixXd> factors(a, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Matrix u = factors.matrixU();
    // Eigen gives zeros for infinities and NaNs.
    const double unit = a.allFinite() ? 1.0 : std::numeric_limits<double>::quiet_NaN();
    const Eigen::VectorXd signs = unit * signs_of_columns(u);
    put(args.outputs[0], i, u * signs.asDiagonal());
    put(args.outputs[1], i, unit * factors.singularValues().transpose());
    put(args.outputs[2], i, signs.asDiagonal() * factors.matrixV().transpose());
  }
}
// dA = U ((J + J^T) S + S (K + K^T) + diag(ds)) V^T + (1 - U U^T) dU S^-1 V^T + U S^-1 dV^T (1 - V V^T),
// where J and K are U^T dU and V^T dV over the gaps of the squared singular values.
std::vector<Value> Svd::gradient(const GradientArgs& args) const {
  const Value& u = args.outputs[0];
  const Value& s = args.outputs[1];
  const Value& vt = args.outputs[2];
  const Value du = or_zeros(args.output_gradients[0], u);
  const Value ds = or_zeros(args.output_gradients[1], s);
  const Value dvt = or_zeros(args.output_gradients[2], vt);
  const Value gaps = inverse_gaps(square(s));
  const Value columns = expand_dims(s, -2);  // beside a matrix, each of its columns times s
  const Value rows = expand_dims(s, -1);
  const Value j = gaps * matmul(u, du, true, false);
  const Value k = gaps * matmul(vt, dvt, false, true);
  const Value inner = (j + turned(j)) * columns + rows * (k + turned(k)) + diag(ds);
  const Value inverse_s = inverse_or_zero(s);
  const Value u_rest = (du - matmul(u, matmul(u, du, true, false))) * expand_dims(inverse_s, -2);
  const Value v_rest = expand_dims(inverse_s, -1) * (dvt - matmul(matmul(dvt, vt, false, true), vt));
  return {matmul(matmul(u, inner) + u_rest, vt) + matmul(u, v_rest)};
}

namespace {

/// Both with the leading axes of the two together.
std::pair<Value, Value> with_common_axes(const Value& a, const Value& b) {
  const auto leading = [](const Shape& shape) { return Shape(Dims(shape.begin(), shape.end() - 2)); };
  const Dims common =
      broadcast(leading(expect_matrices(a.type()).shape), leading(expect_matrices(b.type()).shape)).dims();
  const auto widened = [&](const Value& x) {
    Dims dims = common;
    dims.insert(dims.end(), x.shape().end() - 2, x.shape().end());
    return x.shape() == Shape(dims) ? x : broadcast_to(x, Shape(std::move(dims)));
  };
  return {widened(a), widened(b)};
}

}  // namespace

Value cholesky(const Operand& a) { return apply(Cholesky{}, a); }

Value triangular_solve(const Operand& a, const Operand& b, bool lower, bool transposed, bool unit_diagonal) {
  return located("triangular_solve", a.where(), [&] {
    const auto [left, right] = with_common_axes(a.value("triangular_solve"), b.value("triangular_solve"));
    const TriangularSolve op{.lower = lower, .transposed = transposed, .unit_diagonal = unit_diagonal};
    return apply(op, Operand(left, a.where()), Operand(right, b.where()));
  });
}

Value solve(const Operand& a, const Operand& b) {
  return located("solve", a.where(), [&] {
    const Value matrix = a.value("solve");
    Value side = b.value("solve");
    const bool is_vector = side.shape().rank() == 1;
    const Scope origin(matrix.graph(), "solve", a.where());
    if (is_vector) side = expand_dims(side, -1);
    const auto [left, right] = with_common_axes(matrix, side);
    const Value x = apply(Solve{}, left, right);
    return is_vector ? squeeze(x, -1) : x;
  });
}

Value inverse(const Operand& a) {
  return located("inverse", a.where(), [&] {
    const Value matrix = a.value("inverse");
    expect_square(matrix.type());
    const Scope origin(matrix.graph(), "inverse", a.where());
    return solve(matrix, identity_like(matrix));
  });
}

Value det(const Operand& a) { return apply(Det{}, a); }
SignAndLog slogdet(const Operand& a) {
  const auto both = apply_all(Slogdet{}, {a});
  return {.sign = both[0], .log = both[1]};
}
QrFactors qr(const Operand& a) {
  const auto both = apply_all(Qr{}, {a});
  return {.q = both[0], .r = both[1]};
}
EighFactors eigh(const Operand& a) {
  const auto both = apply_all(Eigh{}, {a});
  return {.values = both[0], .vectors = both[1]};
}
SvdFactors svd(const Operand& a) {
  const auto all = apply_all(Svd{}, {a});
  return {.u = all[0], .values = all[1], .vt = all[2]};
}

Value pinv(const Operand& a, double tolerance) {
  const Value matrix = a.value("pinv");
  const Scope origin(matrix.graph(), "pinv", a.where());
  const auto [u, s, vt] = svd(matrix);
  const Value counts = greater(s, max(s, {-1}, true) * tolerance);
  const Value inverse_s = where(counts, 1.0 / where(counts, s, 1.0), 0.0);
  return matmul(vt, expand_dims(inverse_s, -1) * turned(u), true, false);
}

Value matrix_power(const Operand& a, std::int64_t power) {
  return located("matrix_power", a.where(), [&] {
    Value base = a.value("matrix_power");
    expect_square(base.type());
    const Scope origin(base.graph(), "matrix_power", a.where());
    if (power < 0) base = inverse(base);
    auto left = power < 0 ? 0 - static_cast<std::uint64_t>(power) : static_cast<std::uint64_t>(power);
    Value result;
    for (; left > 0; left /= 2) {
      if (left % 2 == 1) result = result.has_value() ? matmul(result, base) : base;
      if (left > 1) base = matmul(base, base);
    }
    return result.has_value() ? result : broadcast_to(identity_like(base), base.shape());
  });
}

template detail::Model detail::model_of(Cholesky);
template detail::Model detail::model_of(TriangularSolve);
template detail::Model detail::model_of(Solve);
template detail::Model detail::model_of(Det);
template detail::Model detail::model_of(Slogdet);
template detail::Model detail::model_of(Qr);
template detail::Model detail::model_of(Eigh);
template detail::Model detail::model_of(Svd);

}  // namespace weft
