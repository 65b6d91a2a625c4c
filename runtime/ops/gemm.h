#pragma once
// The one product that the compiler makes, named after BLAS's gemm (Dongarra et al., 1990): a product of
// matrices with all that its kernels can do in the same pass over memory. What the left side is, what is
// added, the activation and the layout of the result are factors of one formula, so that a pass that changes
// one of them needs to know nothing of the others.

#include <optional>

#include "weft/ops/matmul.h"
#include "weft/runtime/ops/fused_ops.h"
#include "weft/runtime/ops/left_side.h"
#include "weft/runtime/ops/packed_ops.h"
#include "weft/runtime/ops/share.h"

namespace weft {

inline bool operator==(const MatMul& a, const MatMul& b) {
  return a.transpose_a == b.transpose_a && a.transpose_b == b.transpose_b;
}

enum class Addend : std::uint8_t {
  nothing,
  bias,         // [n], the last input
  accumulator,  // c, of the result's type, the first input; kernels add to it where it lies
};

/// y = activation(alpha op(A) op(B) + addend).
struct GemmFormula {
  LeftSide left{};
  MatMul product{};
  double alpha = 1.0;
  Addend addend = Addend::nothing;
  Epilogue activation{};
  /// Matrices [m, n] in column blocks are [column_blocks, m, n / column_blocks]. The result is stored so, and
  /// the thread that computes a block reads no other columns of B; or of A^T B the right side is, and each
  /// thread updates the columns of c that it reads there.
  std::int64_t column_blocks = 1;
  /// The sum along k as so many outputs (split-K): output i takes the i-th shard of the columns of A, by the
  /// load of its layout, and the same rows of B.
  std::int64_t terms = 1;
  PackedWeight packed{};  // the order of B

  /// Where A and B begin among the inputs, and how many inputs there are.
  std::size_t a() const { return addend == Addend::accumulator ? 1 : 0; }
  std::size_t b() const { return a() + left.inputs(); }
  std::size_t inputs() const { return b() + (addend == Addend::bias ? 2 : 1); }

  bool is_dense() const { return left.form == LeftForm::dense; }
  /// op(A) op(B) with both as they are.
  bool is_plain() const { return !product.transpose_a && !product.transpose_b; }
  /// c + alpha A^T B, as the update of a weight.
  bool is_update() const {
    return addend == Addend::accumulator && product.transpose_a && !product.transpose_b;
  }
  /// Whether it is a whole product, of operands as they come: one that can still be changed.
  bool is_whole() const { return column_blocks == 1 && terms == 1 && !packed.is_packed(); }
  friend bool operator==(const GemmFormula&, const GemmFormula&) = default;
};
/// "relu(a b + bias)", "c - 0.1 a^T b".
std::string attribute_text(const GemmFormula& formula);

struct Gemm {
  static constexpr std::string_view name = "gemm";
  static constexpr Traits traits{.can_fail = false};
  GemmFormula formula;
  static constexpr auto attributes = weft::attributes(&Gemm::formula);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// The same for a left side of numbered rows whose numbers may be any integers: every shard checks those that
/// it reads, so that no barrier is needed behind a check of all. Errors: as gather's.
struct CheckedGemm {
  static constexpr std::string_view name = "checked_gemm";
  static constexpr Traits traits{.can_fail = true};
  GemmFormula formula;
  static constexpr auto attributes = weft::attributes(&CheckedGemm::formula);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// The formula of any product: matmul's own, or that of a gemm. Nothing for other ops.
std::optional<GemmFormula> formula_of(const Op& op);

/// A gemm of rows by number reads them where `inputs`, those of a gemm, got them from: unchecked, to check
/// them itself. Any other stays a gemm.
Op with_given_numbers(const GemmFormula& formula, std::vector<Value>& inputs);

/// The columns of A that the shard of a term takes.
Range columns_of_term(const GemmFormula& formula, int term);

/// A matrix [m, n] in two or more column blocks.
TensorType in_column_blocks(const TensorType& matrix, std::int64_t column_blocks);
Tensor in_column_blocks(const Tensor& matrix, std::int64_t column_blocks);

// Compiled once, in gemm.cpp.
extern template detail::Model detail::model_of(Gemm);
extern template detail::Model detail::model_of(CheckedGemm);

}  // namespace weft
