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
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value a, Value b, Value c, Value dc) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

/// The product of the last two axes, of two f64, giving f64, or of operands of f32, f16 or bf16 each, giving
/// f32, in which the terms are added: [..., m, k] x [..., k, n] -> [..., m, n]. Leading axes broadcast. The
/// flags transpose an operand at no cost. Errors: shape_mismatch, dtype_mismatch. Accuracy in f32: the error
/// of an element is at most (min(k, 2048) + 2) * 2^-24 of the sum of its terms' absolute values; for two
/// vectors, and for more than 2,048 terms with at most four rows or columns, it is two roundings. Where terms
/// or sums are denormal, each term may add 2^-150. Products of two elements of 16 bits are exact in f32, so
/// that their sums are within k * 2^-24 of the sum of absolute values, and denormal bf16 may count as 0. Two
/// tensors of one integer dtype give that dtype, whose sums wrap around; there [..., m, k, n] products are
/// made before they are added.
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

// Compiled once, in matmul.cpp.
extern template detail::Model detail::model_of(MatMul);

}  // namespace weft
