#pragma once
// Rows by index. Every index is checked before it is used: one outside [0, rows) is an
// Error(out_of_range) that names it, and the run changes nothing.

#include "weft/graph/graph.h"

namespace weft {

struct Gather {  // y[i..., :] = table[indices[i...], :]
  static constexpr std::string_view name = "gather";
  static constexpr Traits traits{.can_fail = true};
  TensorType infer(const TensorType& table, const TensorType& indices) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value table, Value indices, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct ScatterAdd {  // zeros of `shape`, plus every row of x at its index; equal indices add up
  static constexpr std::string_view name = "scatter_add";
  static constexpr Traits traits{.can_fail = true};
  Shape shape;
  static constexpr auto attributes = weft::attributes(&ScatterAdd::shape);
  TensorType infer(const TensorType& x, const TensorType& indices) const;
  void forward(const KernelArgs& args) const;
  std::array<Value, 2> gradient(Value x, Value indices, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct OneHot {  // y[i..., c] = 1 where c == indices[i...], else 0
  static constexpr std::string_view name = "one_hot";
  static constexpr Traits traits{.row_wise = true, .can_fail = true};
  std::int64_t depth = 0;
  DType dtype = DType::f32;
  static constexpr auto attributes = weft::attributes(&OneHot::depth, &OneHot::dtype);
  TensorType infer(const TensorType& indices) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"its input is an index"};
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// The rows of a table [n, ...] at integer indices of any shape: [indices..., ...].
Value gather(const Operand& table, const Operand& indices);
/// The reverse: adds the rows of x into zeros of `shape` [n, ...]. Rows of one index are added in f64, so
/// that an element is within one rounding of the exact sum, up to 2^-53 of the sum of absolute values for
/// each term.
Value scatter_add(const Operand& x, const Operand& indices, const Shape& shape);
/// Integer indices in [0, depth) as rows of zeros and a one.
Value one_hot(const Operand& indices, std::int64_t depth, DType dtype = f32);

/// Reads element i of an integer tensor.
std::int64_t index_at(const ConstArg& indices, std::int64_t i);
/// Throws Error(out_of_range) for the first index outside [0, limit); `what` says what is indexed,
/// `first` the position of the first of these in the whole.
void check_indices(const ConstArg& indices, std::int64_t limit, std::string_view what,
                   std::int64_t first = 0);

// Compiled once, in gather.cpp.
extern template detail::Model detail::model_of(Gather);
extern template detail::Model detail::model_of(ScatterAdd);
extern template detail::Model detail::model_of(OneHot);

}  // namespace weft
