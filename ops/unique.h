#pragma once
// Results whose number of elements depends on numbers: they have a stated largest size, and a count of what
// is in use. More than that is an Error(out_of_range) in the run.

#include "weft/graph/graph.h"

namespace weft {

struct NonZero {  // two outputs: the places [size, rank] of the true elements, and how many there are, i64
  static constexpr std::string_view name = "nonzero";
  static constexpr Traits traits{.can_fail = true};
  Dim size = 0;
  static constexpr auto attributes = weft::attributes(&NonZero::size);
  std::array<TensorType, 2> infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"its outputs are places"};
};

struct Unique {  // four outputs: values [size], where each x stands among them, how often each occurs, and
                 // their count
  static constexpr std::string_view name = "unique";
  static constexpr Traits traits{.can_fail = true};
  Dim size = 0;
  static constexpr auto attributes = weft::attributes(&Unique::size);
  std::array<TensorType, 4> infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"which elements are equal is piecewise constant"};
};

struct Places {
  Value indices;
  Value count;
};
/// The places of the true elements of a bool tensor in row-major order, i64 [size, rank], as gather_nd()
/// takes them, and their number, i64 []. The rows after these are 0.
Places nonzero(const Operand& x, const Dim& size);

struct Distinct {
  Value values;   // [size], ascending; those after the last are 0
  Value inverse;  // i64 in the shape of x: values[inverse] is x
  Value counts;   // i64 [size]: how often each occurs
  Value count;    // i64 []: how many values there are
};
/// The values that occur in x, once each, in ascending order. All NaNs count as one, the largest.
Distinct unique(const Operand& x, const Dim& size);

// Compiled once, in unique.cpp.
extern template detail::Model detail::model_of(NonZero);
extern template detail::Model detail::model_of(Unique);

}  // namespace weft
