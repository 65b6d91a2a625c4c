#pragma once
// Checks of the data of products that skip zeros (ops/gemm.h). They are ops of their own, so that the
// products cannot fail and may write over what they update.

#include <array>

#include "weft/runtime/ops/fused_ops.h"

namespace weft {

struct CheckedRows {  // integers [m] as i32, each in [0, limit)
  static constexpr std::string_view name = "checked_rows";
  static constexpr Traits traits{.can_fail = true};
  std::int64_t limit = 0;
  static constexpr auto attributes = weft::attributes(&CheckedRows::limit);
  TensorType infer(const TensorType& rows) const;
  void forward(const KernelArgs& args) const { check(args.inputs[0], args.outputs[0], 0); }
  /// Checks some of the rows, starting with number `first`.
  void check(const ConstArg& rows, const Arg& checked, std::int64_t first) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// The rows of a sparse matrix [rows, width], begins and ends, as they are once they and their columns have
/// passed check_sparse_rows.
struct CheckedEntries {
  static constexpr std::string_view name = "checked_entries";
  static constexpr Traits traits{.can_fail = true};
  std::int64_t width = 0;
  static constexpr auto attributes = weft::attributes(&CheckedEntries::width);
  std::array<TensorType, 2> infer(const TensorType& begins, const TensorType& ends,
                                  const TensorType& columns) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// y[j] = the sum of 0 * w[i, j] over i: 0, or NaN where column j of w [k, n] holds an infinity or a NaN.
/// Added to a product that skips zeros, it gives what the skipped terms would have given.
struct FiniteColumns {
  static constexpr std::string_view name = "finite_columns";
  TensorType infer(const TensorType& w) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

// Compiled once, in sparse_ops.cpp.
extern template detail::Model detail::model_of(CheckedRows);
extern template detail::Model detail::model_of(CheckedEntries);
extern template detail::Model detail::model_of(FiniteColumns);

}  // namespace weft
