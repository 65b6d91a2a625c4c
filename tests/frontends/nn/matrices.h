#pragma once
// Matrices of doubles in plain loops, for tests of layers.

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "weft/tests/frontends/nn/moments.h"
#include "weft/tests/support/evaluate_values.h"

namespace weft::testing_support {

using Matrix = std::vector<std::vector<double>>;

/// The matrices of the last two axes of a tensor, one after the other.
inline std::vector<Matrix> matrices_of(const Tensor& tensor) {
  const std::vector<double> all = numbers(tensor);
  const auto rows = static_cast<std::size_t>(tensor.sizes()[tensor.rank() - 2]);
  const auto columns = static_cast<std::size_t>(tensor.sizes()[tensor.rank() - 1]);
  std::vector<Matrix> result(all.size() / (rows * columns), Matrix(rows, std::vector<double>(columns)));
  for (std::size_t i = 0; i < all.size(); ++i) {
    result[i / (rows * columns)][i / columns % rows][i % columns] = all[i];
  }
  return result;
}

inline Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.size(), std::vector<double>(b[0].size(), 0.0));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b[0].size(); ++j) {
      for (std::size_t k = 0; k < b.size(); ++k) c[i][j] += a[i][k] * b[k][j];
    }
  }
  return c;
}

inline Matrix sum_of(const Matrix& a, const Matrix& b) {
  Matrix c = a;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].size(); ++j) c[i][j] += b[i][j];
  }
  return c;
}

/// (x - mean) / sqrt(variance + epsilon) of each row.
inline Matrix normalized_rows(Matrix x, double epsilon) {
  for (auto& row : x) {
    const SampleMoments moments = moments_of(row);
    for (double& u : row) u = (u - moments.mean) / std::sqrt(moments.variance + epsilon);
  }
  return x;
}

/// Attention of one query after the other; `allowed(i, j)` says whether query i may look at key j.
inline Matrix attended(const Matrix& q, const Matrix& k, const Matrix& v, double scale,
                       const std::function<bool(std::size_t, std::size_t)>& allowed) {
  Matrix y(q.size(), std::vector<double>(v[0].size(), 0.0));
  for (std::size_t i = 0; i < q.size(); ++i) {
    double total = 0.0;
    for (std::size_t j = 0; j < k.size(); ++j) {
      double fit = 0.0;
      for (std::size_t f = 0; f < q[i].size(); ++f) fit += q[i][f] * k[j][f];
      const double weight = allowed(i, j) ? std::exp(scale * fit) : 0.0;
      total += weight;
      for (std::size_t f = 0; f < v[j].size(); ++f) y[i][f] += weight * v[j][f];
    }
    for (double& u : y[i]) u = total == 0.0 ? 0.0 : u / total;
  }
  return y;
}

}  // namespace weft::testing_support
