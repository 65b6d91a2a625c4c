#pragma once
// The ops that take the place of products whose left side is resident and mostly zeros. They are ordinary ops
// with reference kernels; the compiler makes them, see skip_zeros.h. A zero counts as absent: 0 times
// infinity is 0 here.
//
// Both read a store of rows (u8 [bytes], see row_store.h) and, where the product was taken of gathered rows,
// the row numbers as CheckedRows gives them.

#include "weft/runtime/fused_ops.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

struct CheckedRows {  // integers [m] as i32, each in [0, limit)
  static constexpr std::string_view name = "checked_rows";
  static constexpr Traits traits{.can_fail = true};
  std::int64_t limit = 0;
  static constexpr auto attributes = weft::attributes(&CheckedRows::limit);
  TensorType infer(const TensorType& rows) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// y = activation(scale * X w + bias), X [m, k] the store or the rows of it that were asked for. Inputs: the
/// store, the rows if `gathered`, w [k, n], bias [n] if it has one.
struct ResidentMatMul {
  static constexpr std::string_view name = "resident_matmul";
  RowLayout layout;
  bool gathered = false;
  double scale = 1.0;
  bool bias = false;
  Epilogue activation;
  static constexpr auto attributes =
      weft::attributes(&ResidentMatMul::layout, &ResidentMatMul::gathered, &ResidentMatMul::scale,
                       &ResidentMatMul::bias, &ResidentMatMul::activation);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// y = c + scale * X^T d, with d [m, n]: the gradient of a weight, and its update where c is the weight.
/// Inputs: c [k, n] if it `accumulates`, the store, the rows if `gathered`, d.
struct ResidentGradient {
  static constexpr std::string_view name = "resident_gradient";
  RowLayout layout;
  bool gathered = false;
  double scale = 1.0;
  bool accumulates = false;
  static constexpr auto attributes =
      weft::attributes(&ResidentGradient::layout, &ResidentGradient::gathered, &ResidentGradient::scale,
                       &ResidentGradient::accumulates);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

}  // namespace weft
