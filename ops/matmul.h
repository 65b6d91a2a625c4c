#pragma once
// Matrix products.

#include "weft/graph/graph.h"

namespace weft {

struct MatMul {  // C = op(A) op(B), where op transposes the last two axes if its flag says so
  static constexpr std::string_view name = "matmul";
  bool transpose_a = false;
  bool transpose_b = false;
  static constexpr auto attributes = weft::attributes(&MatMul::transpose_a, &MatMul::transpose_b);
  TensorType infer(const TensorType& a, const TensorType& b) const;
  template <std::floating_point T>
  void forward(View<const T> a, View<const T> b, View<T> c) const;
  std::array<Value, 2> gradient(Value a, Value b, Value c, Value dc) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

/// The product of the last two axes, f32 or f64: [..., m, k] x [..., k, n] -> [..., m, n]. Leading axes
/// broadcast. The flags transpose an operand at no cost. Errors: shape_mismatch, dtype_mismatch. Accuracy in
/// f32: the error of an element is at most (min(k, 2048) + 2) * 2^-24 of the sum of its terms' absolute
/// values; for two vectors, and for more than 2,048 terms with at most four rows or columns, it is two
/// roundings. Where terms or sums are denormal, each term may add 2^-150.
Value matmul(const Operand& a, const Operand& b, bool transpose_a = false, bool transpose_b = false);

/// The sizes of one matrix product inside a batch, read off the operands' concrete sizes.
struct MatMulSizes {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
};
MatMulSizes matmul_sizes(const MatMul& op, std::span<const std::int64_t> a, std::span<const std::int64_t> b);

/// Which matrix of an operand makes matrix `index` of the result, when leading axes broadcast.
std::int64_t broadcast_matrix(std::int64_t index, std::span<const std::int64_t> result,
                              std::span<const std::int64_t> operand);

template <std::floating_point T>
void MatMul::forward(View<const T> a, View<const T> b, View<T> c) const {
  const auto [m, n, k] = matmul_sizes(*this, a.sizes, b.sizes);
  const std::int64_t matrices = m * n == 0 ? 0 : static_cast<std::int64_t>(c.data.size()) / (m * n);
  for (std::int64_t index = 0; index < matrices; ++index) {
    const T* left = a.data.data() + broadcast_matrix(index, c.sizes, a.sizes) * m * k;
    const T* right = b.data.data() + broadcast_matrix(index, c.sizes, b.sizes) * k * n;
    T* result = c.data.data() + index * m * n;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0.0;
        for (std::int64_t p = 0; p < k; ++p) {
          sum += static_cast<double>(left[transpose_a ? p * m + i : i * k + p]) *
                 static_cast<double>(right[transpose_b ? j * k + p : p * n + j]);
        }
        result[i * n + j] = static_cast<T>(sum);
      }
    }
  }
}

}  // namespace weft
