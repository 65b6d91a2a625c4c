#pragma once
// Logic on bools, bits of integers, and what kind of number a float is. None of it has a gradient;
// differentiating through it is an error (see stop_gradient).

#include "weft/ops/compare.h"

namespace weft {

template <typename T>
concept Whole = Number<T> && std::is_integral_v<T>;

/// Functions of two bools or of two integers that differ in their formula only.
template <typename F>
struct BitFunction {  // y = F::of(a, b)
  static constexpr std::string_view name = F::name;
  static constexpr Traits traits{.elementwise = true, .commutative = F::commutative};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <typename T>
    requires(F::template takes<T>)
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, [](T u, T v) { return F::of(u, v); });
  }
  static constexpr NoGradient gradient = kPiecewiseConstant;
};

struct OfBools {
  static constexpr bool commutative = true;
  template <typename T>
  static constexpr bool takes = std::is_same_v<T, bool>;
};
struct OfIntegers {
  static constexpr bool commutative = true;
  template <typename T>
  static constexpr bool takes = Whole<T>;
};

struct LogicalAndFunction : OfBools {
  static constexpr std::string_view name = "logical_and";
  static bool of(bool a, bool b) { return a && b; }
};
struct LogicalOrFunction : OfBools {
  static constexpr std::string_view name = "logical_or";
  static bool of(bool a, bool b) { return a || b; }
};
struct LogicalXorFunction : OfBools {
  static constexpr std::string_view name = "logical_xor";
  static bool of(bool a, bool b) { return a != b; }
};
struct BitwiseAndFunction : OfIntegers {
  static constexpr std::string_view name = "bitwise_and";
  template <Whole T>
  static T of(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct BitwiseOrFunction : OfIntegers {
  static constexpr std::string_view name = "bitwise_or";
  template <Whole T>
  static T of(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct BitwiseXorFunction : OfIntegers {
  static constexpr std::string_view name = "bitwise_xor";
  template <Whole T>
  static T of(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};
struct ShiftLeftFunction : OfIntegers {  // a 2^b, modulo 2 to the power of the bits; see shift_left()
  static constexpr std::string_view name = "shift_left";
  static constexpr bool commutative = false;
  template <Whole T>
  static T of(T a, T b) {
    using Bits = std::make_unsigned_t<T>;
    return static_cast<Bits>(b) < std::numeric_limits<Bits>::digits
               ? static_cast<T>(static_cast<std::uint64_t>(a) << static_cast<unsigned>(b))
               : T{0};
  }
};
struct ShiftRightFunction : OfIntegers {  // a / 2^b rounded down; see shift_right()
  static constexpr std::string_view name = "shift_right";
  static constexpr bool commutative = false;
  template <Whole T>
  static T of(T a, T b) {
    using Bits = std::make_unsigned_t<T>;
    constexpr int kLast = std::numeric_limits<Bits>::digits - 1;
    const bool inside = static_cast<Bits>(b) <= kLast;
    const auto shifted = static_cast<T>(a >> (inside ? static_cast<int>(b) : kLast));
    return inside || a < T{0} ? shifted : T{0};
  }
};

using LogicalAnd = BitFunction<LogicalAndFunction>;
using LogicalOr = BitFunction<LogicalOrFunction>;
using LogicalXor = BitFunction<LogicalXorFunction>;
using BitwiseAnd = BitFunction<BitwiseAndFunction>;
using BitwiseOr = BitFunction<BitwiseOrFunction>;
using BitwiseXor = BitFunction<BitwiseXorFunction>;
using ShiftLeft = BitFunction<ShiftLeftFunction>;
using ShiftRight = BitFunction<ShiftRightFunction>;

struct LogicalNot {
  static constexpr std::string_view name = "logical_not";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <std::same_as<bool> T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](bool u) { return !u; });
  }
  static constexpr NoGradient gradient = kPiecewiseConstant;
};

struct BitwiseNot {
  static constexpr std::string_view name = "bitwise_not";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return x; }
  template <Whole T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return ~u; });
  }
  static constexpr NoGradient gradient = kPiecewiseConstant;
};

/// Questions to a float, which differ in their formula only.
template <typename F>
struct FloatPredicate {  // y = F::of(x)
  static constexpr std::string_view name = F::name;
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return {DType::boolean, float_type(x).shape}; }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<bool> y) const {
    map(x, y, [](T u) { return F::of(u); });
  }
  static constexpr NoGradient gradient = kPiecewiseConstant;
};

struct IsNanFunction {
  static constexpr std::string_view name = "isnan";
  template <std::floating_point T>
  static bool of(T x) {
    return x != x;
  }
};
struct IsInfFunction {
  static constexpr std::string_view name = "isinf";
  template <std::floating_point T>
  static bool of(T x) {
    return std::abs(x) > std::numeric_limits<T>::max();
  }
};
struct IsFiniteFunction {
  static constexpr std::string_view name = "isfinite";
  template <std::floating_point T>
  static bool of(T x) {
    return std::abs(x) <= std::numeric_limits<T>::max();
  }
};
using IsNan = FloatPredicate<IsNanFunction>;
using IsInf = FloatPredicate<IsInfFunction>;
using IsFinite = FloatPredicate<IsFiniteFunction>;

/// Of bools, which broadcast. `a & b`, `a | b`, `a ^ b` and `~a` mean the same; C++'s `&&` does not compile,
/// for it would ask for bools while the graph is built.
Value logical_and(const Operand& a, const Operand& b);
Value logical_or(const Operand& a, const Operand& b);
Value logical_xor(const Operand& a, const Operand& b);
Value logical_not(const Operand& x);

/// Of integers of one dtype, which broadcast; operators as above.
Value bitwise_and(const Operand& a, const Operand& b);
Value bitwise_or(const Operand& a, const Operand& b);
Value bitwise_xor(const Operand& a, const Operand& b);
Value bitwise_not(const Operand& x);
/// Integers; bits that leave at the top are lost. A shift by the number of bits or more, or by a negative
/// number, leaves 0.
Value shift_left(const Operand& a, const Operand& b);
/// Integers, rounded down: negative numbers keep their sign. A shift by the number of bits or more, or by a
/// negative number, leaves 0, or -1 of a negative a.
Value shift_right(const Operand& a, const Operand& b);

/// Of floats.
Value isnan(const Operand& x);
/// Whether x is infinite, of either sign.
Value isinf(const Operand& x);
Value isfinite(const Operand& x);
/// Floats: `nan` in place of NaNs, `positive` and `negative` in place of infinities; without them, the
/// largest and the lowest number of the dtype. The gradient of what was replaced is 0.
Value nan_to_num(const Operand& x, double nan = 0.0, std::optional<double> positive = {},
                 std::optional<double> negative = {});

Value operator&(const Operand& a, const Operand& b);
Value operator|(const Operand& a, const Operand& b);
Value operator^(const Operand& a, const Operand& b);
Value operator~(const Operand& x);

// Compiled once, in bits.cpp.
extern template detail::Model detail::model_of(LogicalAnd);
extern template detail::Model detail::model_of(LogicalOr);
extern template detail::Model detail::model_of(LogicalXor);
extern template detail::Model detail::model_of(BitwiseAnd);
extern template detail::Model detail::model_of(BitwiseOr);
extern template detail::Model detail::model_of(BitwiseXor);
extern template detail::Model detail::model_of(ShiftLeft);
extern template detail::Model detail::model_of(ShiftRight);
extern template detail::Model detail::model_of(LogicalNot);
extern template detail::Model detail::model_of(BitwiseNot);
extern template detail::Model detail::model_of(IsNan);
extern template detail::Model detail::model_of(IsInf);
extern template detail::Model detail::model_of(IsFinite);

}  // namespace weft
