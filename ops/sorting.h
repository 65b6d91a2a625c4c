#pragma once
// Orders along one axis. They are stable: equal elements keep their order, ascending and descending. A NaN
// counts as larger than any number, so that NaNs come last in ascending order, as in NumPy; 0 and -0 are
// equal.

#include "weft/graph/graph.h"

namespace weft {

struct Sort {  // two outputs: the elements in order, and where each stood, i64
  static constexpr std::string_view name = "sort";
  std::int64_t axis = -1;
  bool descending = false;
  static constexpr auto attributes = weft::attributes(&Sort::axis, &Sort::descending);
  std::array<TensorType, 2> infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct TopK {  // the first k of Sort
  static constexpr std::string_view name = "top_k";
  Dim k = 1;
  std::int64_t axis = -1;
  bool largest = true;
  static constexpr auto attributes = weft::attributes(&TopK::k, &TopK::axis, &TopK::largest);
  std::array<TensorType, 2> infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct SearchSorted {  // how many of a sorted vector are below each element, or not above it if `right`; i64
  static constexpr std::string_view name = "searchsorted";
  bool right = false;
  static constexpr auto attributes = weft::attributes(&SearchSorted::right);
  TensorType infer(const TensorType& sorted, const TensorType& values) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"it is piecewise constant"};
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct Sorted {
  Value values;
  Value indices;
};

/// The elements along an axis in order, of any dtype. The gradient goes back to where each stood.
Value sort(const Operand& x, std::int64_t axis = -1, bool descending = false);
/// Where the elements in order stand, i64.
Value argsort(const Operand& x, std::int64_t axis = -1, bool descending = false);
/// The k largest elements along an axis, the largest first, or the smallest if not `largest`, with their
/// places, i64. Of equal ones the earlier comes first. Error(out_of_range) for a k above the size of the
/// axis.
Sorted top_k(const Operand& x, const Dim& k, std::int64_t axis = -1, bool largest = true);
/// Where each value would be put into a sorted vector of its dtype: before the elements that are equal to it,
/// or after them if `right`; i64 in the shape of the values. Of a vector that is not sorted the result is
/// some place.
Value searchsorted(const Operand& sorted, const Operand& values, bool right = false);

// Compiled once, in sorting.cpp.
extern template detail::Model detail::model_of(Sort);
extern template detail::Model detail::model_of(TopK);
extern template detail::Model detail::model_of(SearchSorted);

}  // namespace weft
