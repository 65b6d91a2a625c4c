#pragma once
// Comparisons and logic: elementwise functions into bool. They are piecewise constant, so they have no
// gradient; differentiating through one is an error (see stop_gradient).

#include "weft/ops/elementwise.h"

namespace weft {

inline constexpr NoGradient kPiecewiseConstant{"it is piecewise constant; stop_gradient says so on purpose"};

/// The six comparisons differ only in their relation and their name.
template <typename Relation>
struct Comparison {  // y = a <relation> b
  static constexpr std::string_view name = Relation::name;
  static constexpr Traits traits{.elementwise = true, .commutative = Relation::commutative};
  TensorType infer(const TensorType& a, const TensorType& b) const { return predicate_type(a, b); }
  template <Element T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<bool> y) const {
    map(a, b, y, [](T u, T v) { return typename Relation::Call{}(u, v); });
  }
  static constexpr NoGradient gradient = kPiecewiseConstant;
};

struct EqualRelation {
  static constexpr std::string_view name = "equal";
  static constexpr bool commutative = true;
  using Call = std::equal_to<>;
};
struct NotEqualRelation {
  static constexpr std::string_view name = "not_equal";
  static constexpr bool commutative = true;
  using Call = std::not_equal_to<>;
};
struct LessRelation {
  static constexpr std::string_view name = "less";
  static constexpr bool commutative = false;
  using Call = std::less<>;
};
struct LessEqualRelation {
  static constexpr std::string_view name = "less_equal";
  static constexpr bool commutative = false;
  using Call = std::less_equal<>;
};
struct GreaterRelation {
  static constexpr std::string_view name = "greater";
  static constexpr bool commutative = false;
  using Call = std::greater<>;
};
struct GreaterEqualRelation {
  static constexpr std::string_view name = "greater_equal";
  static constexpr bool commutative = false;
  using Call = std::greater_equal<>;
};

using Equal = Comparison<EqualRelation>;
using NotEqual = Comparison<NotEqualRelation>;
using Less = Comparison<LessRelation>;
using LessEqual = Comparison<LessEqualRelation>;
using Greater = Comparison<GreaterRelation>;
using GreaterEqual = Comparison<GreaterEqualRelation>;

/// Elementwise comparisons of tensors of one dtype, into bool.
Value equal(const Operand& a, const Operand& b);
Value not_equal(const Operand& a, const Operand& b);
Value less(const Operand& a, const Operand& b);
Value less_equal(const Operand& a, const Operand& b);
Value greater(const Operand& a, const Operand& b);
Value greater_equal(const Operand& a, const Operand& b);

inline Value operator<(const Operand& a, const Operand& b) { return less(a, b); }
inline Value operator<=(const Operand& a, const Operand& b) { return less_equal(a, b); }
inline Value operator>(const Operand& a, const Operand& b) { return greater(a, b); }
inline Value operator>=(const Operand& a, const Operand& b) { return greater_equal(a, b); }

// Compiled once, in compare.cpp.
extern template detail::Model detail::model_of(Equal);
extern template detail::Model detail::model_of(NotEqual);
extern template detail::Model detail::model_of(Less);
extern template detail::Model detail::model_of(LessEqual);
extern template detail::Model detail::model_of(Greater);
extern template detail::Model detail::model_of(GreaterEqual);

}  // namespace weft
