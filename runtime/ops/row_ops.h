#pragma once
// Ops on single rows of a table, which the fuse stage makes of ops that would read or write all of it.
// Indices are known to be rows of the table: a CheckedIndices step stands before.

#include "weft/runtime/ops/fused_ops.h"

namespace weft {

struct SumEqualRows {  // y[i] = sum of x[j] over the j with indices[j] = indices[i]: a row of their
                       // scatter_add
  static constexpr std::string_view name = "sum_equal_rows";
  static constexpr Traits traits{.can_fail = false};
  TensorType infer(const TensorType& x, const TensorType& indices) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

struct ReplaceRows {  // y = c with row indices[i] replaced by x[i]; of equal indices the last one counts
  static constexpr std::string_view name = "replace_rows";
  static constexpr Traits traits{.can_fail = false};
  TensorType infer(const TensorType& c, const TensorType& x, const TensorType& indices) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

// Compiled once, in row_ops.cpp.
extern template detail::Model detail::model_of(SumEqualRows);
extern template detail::Model detail::model_of(ReplaceRows);

}  // namespace weft
