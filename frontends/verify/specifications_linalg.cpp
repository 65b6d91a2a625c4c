#include <algorithm>

#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/linalg.h"

namespace weft::verify::builtin {
namespace {

/// The shape of some matrices: none, one or two leading axes, and two sizes.
Sizes matrices(SampleSource& source, std::int64_t rows, std::int64_t columns) {
  Sizes sizes = source.sizes(source.below(3), 2);
  sizes.push_back(rows);
  sizes.push_back(columns);
  return sizes;
}

std::int64_t size(SampleSource& source) { return 1 + source.below(4); }

/// Small numbers, and `step` more from one place of the diagonal to the next, from `first` on: singular
/// values and eigenvalues far from 0 and from each other.
Tensor near_diagonal(SampleSource& source, const Sizes& sizes, double first, double step) {
  Tensor x = source.uniform(sizes, -0.3, 0.3);
  const std::int64_t rows = sizes[sizes.size() - 2];
  const std::int64_t columns = sizes.back();
  const auto values = x.mutable_values<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i) % (rows * columns);
    if (place / columns == place % columns) values[i] += first + step * static_cast<double>(place % columns);
  }
  return x;
}

template <typename Decomposition>
Sampler squares(double first, double step) {
  return [=](SampleSource& source) {
    const std::int64_t n = size(source);
    return Sample{Decomposition{}, {near_diagonal(source, matrices(source, n, n), first, step)}};
  };
}
template <typename Decomposition>
Sampler tall(double first, double step) {
  return [=](SampleSource& source) {
    const std::int64_t n = size(source);
    return Sample{Decomposition{},
                  {near_diagonal(source, matrices(source, n + source.below(3), n), first, step)}};
  };
}
Sampler system(const Op& op) {
  return [=](SampleSource& source) {
    const std::int64_t n = size(source);
    const Sizes sizes = matrices(source, n, n);
    Sizes side = sizes;
    side.back() = 1 + source.below(3);
    return Sample{op, {near_diagonal(source, sizes, 2, 0.5), source.uniform(side)}};
  };
}

/// Decompositions promise nothing of infinities and NaNs.
Sampler of_numbers(Sampler sampler) {
  return [sampler = std::move(sampler)](SampleSource& source) {
    Sample sample = sampler(source);
    sample.takes_special = false;
    return sample;
  };
}

Specification linear(const Op& op, std::string_view summary, std::vector<Sampler> samplers,
                     std::vector<Refusal> refusals) {
  for (Sampler& sampler : samplers) sampler = of_numbers(std::move(sampler));
  return {
      .op = op.name(), .summary = summary, .samplers = std::move(samplers), .refusals = std::move(refusals)};
}
std::vector<Refusal> not_matrices(const Op& op) {
  return {{op, {nothing(f64, {2})}, ErrorCode::shape_mismatch},
          {op, {nothing(i32, {2, 2})}, ErrorCode::dtype_mismatch}};
}
std::vector<Refusal> not_squares(const Op& op) {
  std::vector<Refusal> refusals = not_matrices(op);
  refusals.push_back({op, {nothing(f64, {2, 3})}, ErrorCode::shape_mismatch});
  return refusals;
}
std::vector<Refusal> no_system(const Op& op) {
  return {{op, {nothing(f64, {2, 3}), nothing(f64, {2, 1})}, ErrorCode::shape_mismatch},
          {op, {nothing(f64, {2, 2}), nothing(f64, {3, 1})}, ErrorCode::shape_mismatch},
          {op, {nothing(f64, {2, 2}), nothing(f32, {2, 1})}, ErrorCode::dtype_mismatch}};
}

}  // namespace

List linear_algebra() {
  auto not_positive = not_squares(Cholesky{});
  not_positive.push_back({Cholesky{}, {nothing(f64, {2, 2})}, ErrorCode::numeric});
  auto singular = no_system(Solve{});
  singular.push_back({Solve{}, {nothing(f64, {2, 2}), nothing(f64, {2, 1})}, ErrorCode::numeric});
  return {
      linear(Cholesky{}, "the triangle whose square is a matrix", {squares<Cholesky>(2, 0.5)}, not_positive),
      linear(TriangularSolve{}, "the solution of a triangle of equations",
             {system(TriangularSolve{}), system(TriangularSolve{.lower = false}),
              system(TriangularSolve{.transposed = true}),
              system(TriangularSolve{.lower = false, .transposed = true, .unit_diagonal = true})},
             no_system(TriangularSolve{})),
      linear(Solve{}, "the solution of linear equations", {system(Solve{}), system(Solve{true})}, singular),
      linear(Det{}, "the determinant", {squares<Det>(2, 0.5)}, not_squares(Det{})),
      linear(Slogdet{}, "sign and logarithm of the determinant", {squares<Slogdet>(-2, -0.5)},
             not_squares(Slogdet{})),
      linear(Qr{}, "orthonormal columns and a triangle", {tall<Qr>(2, 0.5)}, not_matrices(Qr{})),
      linear(Eigh{}, "eigenvalues and eigenvectors of a symmetric matrix", {squares<Eigh>(1, 2)},
             not_squares(Eigh{})),
      linear(Svd{}, "singular values and vectors", {tall<Svd>(2, 2)}, not_matrices(Svd{})),
  };
}

}  // namespace weft::verify::builtin
