#pragma once
// The ops that take the place of products whose left side X is resident and mostly zeros, see skip_zeros.h,
// or sparse, see sparse_products.h. They are ordinary ops with reference kernels; the compiler makes them. A
// zero counts as absent: 0 times infinity is 0 here, unless FiniteColumns is added. What can be wrong with
// data is checked by ops of its own, so that the products may write over what they update.

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/ops/fused_ops.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

struct CheckedRows {  // integers [m] as i32, each in [0, limit)
  static constexpr std::string_view name = "checked_rows";
  static constexpr Traits traits{.can_fail = true};
  std::int64_t limit = 0;
  static constexpr auto attributes = weft::attributes(&CheckedRows::limit);
  TensorType infer(const TensorType& rows) const;
  void forward(const KernelArgs& args) const { check(args.inputs[0], args.outputs[0], 0); }
  /// Some of the rows, the first of which is number `first`.
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

/// The inputs that are X.
enum class RowsForm : std::uint8_t {
  store,     // a store of rows, u8 [bytes], see row_store.h
  numbered,  // a store and which of its rows, as CheckedRows gives them
  entries,   // begins and ends, as CheckedEntries gives them, columns i32 and values: a sparse matrix
};
constexpr std::size_t inputs_of(RowsForm form) {
  return form == RowsForm::store ? 1 : form == RowsForm::numbered ? 2 : 4;
}
std::string attribute_text(RowsForm form);

/// Where the rows lie; `at` gives the memory of those inputs. Of numbered ones these are all in the store.
template <typename At>
StoredRows stored_rows(const RowLayout& layout, RowsForm form, const At& at) {
  if (form != RowsForm::entries) return layout.view(at(0));
  return {.begins = static_cast<const std::int64_t*>(at(0)),
          .ends = static_cast<const std::int64_t*>(at(1)),
          .columns = at(2),
          .values = at(3),
          .wide_columns = true,
          .byte_values = layout.values == DType::u8};
}

/// y = activation(scale * X w + bias), X [m, k]. Inputs: X, w [k, n], bias [n] if it has one.
struct ResidentMatMul {
  static constexpr std::string_view name = "resident_matmul";
  static constexpr Traits traits{.can_fail = false};
  RowLayout layout;
  RowsForm form = RowsForm::store;
  double scale = 1.0;
  bool bias = false;
  Epilogue activation;
  static constexpr auto attributes =
      weft::attributes(&ResidentMatMul::layout, &ResidentMatMul::form, &ResidentMatMul::scale,
                       &ResidentMatMul::bias, &ResidentMatMul::activation);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};
std::string attribute_text(const ResidentMatMul& product);
bool operator==(const ResidentMatMul& a, const ResidentMatMul& b);

/// y[j] = the sum of 0 * w[i, j] over i: 0, or NaN where column j of w [k, n] holds an infinity or a NaN.
/// Added to a product that skips zeros, it gives what the skipped terms would have given.
struct FiniteColumns {
  static constexpr std::string_view name = "finite_columns";
  TensorType infer(const TensorType& w) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// A cut along the columns of X: parts get about as many non-zeros each.
Cut column_cut(const RowLayout& layout);

/// scale * X w as a sum along k, X [m, k] (split-K): output i is scale * X[:, K] w[K, :] where K is the i-th
/// part of the columns of X. Whoever computes it reads no other rows of w than the same part of a gradient
/// updates. Inputs: X, w [k, n]. Of numbered rows the numbers may be any integers; they are checked here, so
/// that nobody need wait for all of them to be checked.
struct ResidentSplitMatMul {
  static constexpr std::string_view name = "resident_split_matmul";
  static constexpr Traits traits{.can_fail = true};
  RowLayout layout;
  RowsForm form = RowsForm::numbered;
  std::int64_t terms = 1;
  double scale = 1.0;
  static constexpr auto attributes =
      weft::attributes(&ResidentSplitMatMul::layout, &ResidentSplitMatMul::form, &ResidentSplitMatMul::terms,
                       &ResidentSplitMatMul::scale);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// A product [m, n] with its columns in panels: [panels, m, n / panels]. Whoever computes a panel reads no
/// other columns of w than the same panel of a gradient updates. Inputs as those of the product, but that
/// numbered rows are checked here, as by ResidentSplitMatMul.
struct ResidentPanelMatMul {
  static constexpr std::string_view name = "resident_panel_matmul";
  static constexpr Traits traits{.can_fail = true};
  ResidentMatMul product;
  std::int64_t panels = 2;
  static constexpr auto attributes =
      weft::attributes(&ResidentPanelMatMul::product, &ResidentPanelMatMul::panels);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// y = c + scale * X^T d, with d [m, n]: the gradient of a weight, and its update where c is the weight.
/// Inputs: c [k, n] if it `accumulates`, X, d; in several panels, d is [panels, m, n / panels].
struct ResidentGradient {
  static constexpr std::string_view name = "resident_gradient";
  static constexpr Traits traits{.can_fail = false};
  RowLayout layout;
  RowsForm form = RowsForm::store;
  double scale = 1.0;
  bool accumulates = false;
  std::int64_t panels = 1;
  static constexpr auto attributes =
      weft::attributes(&ResidentGradient::layout, &ResidentGradient::form, &ResidentGradient::scale,
                       &ResidentGradient::accumulates, &ResidentGradient::panels);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

}  // namespace weft
