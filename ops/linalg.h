#pragma once
// Linear algebra of matrices [..., n, n] and [..., m, n], one after the other along the leading axes, by
// decompositions in f64, whatever the dtype: results of f32 are rounded once at the end. Floats. The
// gradients are graph, of the same ops; where a formula divides by the difference of two eigenvalues or
// singular values, equal ones count as having no influence on each other's vectors. Formulas: Giles 2008,
// Townsend 2016, Seeger et al. 2017. A matrix that has no such decomposition is an Error(numeric) that says
// which.

#include "weft/graph/graph.h"

namespace weft {

struct Cholesky {
  static constexpr std::string_view name = "cholesky";
  static constexpr Traits traits{.can_fail = true};
  TensorType infer(const TensorType& a) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value a, Value l, Value dl) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct TriangularSolve {
  static constexpr std::string_view name = "triangular_solve";
  bool lower = true;
  bool transposed = false;
  bool unit_diagonal = false;
  static constexpr auto attributes = weft::attributes(&TriangularSolve::lower, &TriangularSolve::transposed,
                                                      &TriangularSolve::unit_diagonal);
  TensorType infer(const TensorType& a, const TensorType& b) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value a, Value b, Value x, Value dx) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Solve {
  static constexpr std::string_view name = "solve";
  static constexpr Traits traits{.can_fail = true};
  bool transposed = false;
  static constexpr auto attributes = weft::attributes(&Solve::transposed);
  TensorType infer(const TensorType& a, const TensorType& b) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value a, Value b, Value x, Value dx) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Det {
  static constexpr std::string_view name = "det";
  TensorType infer(const TensorType& a) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value a, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Slogdet {  // two outputs: the sign of the determinant, and the logarithm of its absolute value
  static constexpr std::string_view name = "slogdet";
  std::array<TensorType, 2> infer(const TensorType& a) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Qr {  // two outputs: Q [..., m, k] and R [..., k, n], where k is the smaller of m and n
  static constexpr std::string_view name = "qr";
  std::array<TensorType, 2> infer(const TensorType& a) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Eigh {  // two outputs: eigenvalues [..., n], ascending, and eigenvectors [..., n, n], in columns
  static constexpr std::string_view name = "eigh";
  static constexpr Traits traits{.can_fail = true};
  std::array<TensorType, 2> infer(const TensorType& a) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Svd {  // three outputs: U [..., m, k], singular values [..., k], descending, and V^T [..., k, n]
  static constexpr std::string_view name = "svd";
  std::array<TensorType, 3> infer(const TensorType& a) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// The lower triangle L with L L^T = the symmetric part of a. Error(numeric) where that is not positive
/// definite.
Value cholesky(const Operand& a);
/// X with A X = B, or A^T X = B if `transposed`, of a triangle A: the other one is not read, nor the diagonal
/// if `unit_diagonal`. B is [..., n, k]; leading axes broadcast. A zero on the diagonal gives infinities and
/// NaNs.
Value triangular_solve(const Operand& a, const Operand& b, bool lower = true, bool transposed = false,
                       bool unit_diagonal = false);
/// X with A X = B by LU decomposition with pivots. B is [..., n, k], or [n] for one vector; leading axes
/// broadcast. Error(numeric) where a pivot is 0.
Value solve(const Operand& a, const Operand& b);
/// solve(a, identity).
Value inverse(const Operand& a);
/// The determinant; of a singular matrix 0, whose gradient is an Error(numeric) in the run.
Value det(const Operand& a);
struct SignAndLog {
  Value sign;
  Value log;
};
/// The sign of the determinant, and the logarithm of its absolute value, which neither overflows nor
/// vanishes; of a singular matrix 0 and -inf.
SignAndLog slogdet(const Operand& a);
struct QrFactors {
  Value q;
  Value r;
};
/// A = Q R with orthonormal columns in Q and a triangle R whose diagonal is not negative. The gradient wants
/// m >= n: Error(unsupported) else.
QrFactors qr(const Operand& a);
struct EighFactors {
  Value values;
  Value vectors;
};
/// Eigenvalues and eigenvectors of the symmetric part of a. Of each vector the element of largest size is
/// positive.
EighFactors eigh(const Operand& a);
struct SvdFactors {
  Value u;
  Value values;
  Value vt;
};
/// A = U diag(values) V^T. Of each column of U the element of largest size is positive. NaNs for a matrix
/// with an infinity or a NaN.
SvdFactors svd(const Operand& a);
/// Moore's and Penrose's inverse [..., n, m] by svd; singular values below `tolerance` of the largest count
/// as 0.
Value pinv(const Operand& a, double tolerance = 1e-15);
/// A to a whole power, by squarings; of a negative one by inverse().
Value matrix_power(const Operand& a, std::int64_t power);

// Compiled once, in linalg.cpp.
extern template detail::Model detail::model_of(Cholesky);
extern template detail::Model detail::model_of(TriangularSolve);
extern template detail::Model detail::model_of(Solve);
extern template detail::Model detail::model_of(Det);
extern template detail::Model detail::model_of(Slogdet);
extern template detail::Model detail::model_of(Qr);
extern template detail::Model detail::model_of(Eigh);
extern template detail::Model detail::model_of(Svd);

}  // namespace weft
