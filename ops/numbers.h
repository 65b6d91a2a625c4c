#pragma once
// Functions that look at a number's sign, its neighbours or its divisors, and extremes that pass over NaNs.
// Operands broadcast and share one dtype.

#include <bit>

#include "weft/ops/bits.h"
#include "weft/ops/float_function.h"

namespace weft {

struct CopySignFunction {  // y = |a| with the sign of b; da = dy where the signs agree, else -dy, and 0 at 0
  static constexpr std::string_view name = "copysign";
  static constexpr bool commutative = false;
  template <std::floating_point T>
  static T of(T a, T b) {
    return std::copysign(a, b);
  }
  static std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy);
};

struct HeavisideFunction {  // y = 0 below 0, v at 0, 1 above; NaN of a NaN; dv = dy at 0
  static constexpr std::string_view name = "heaviside";
  static constexpr bool commutative = false;
  template <std::floating_point T>
  static T of(T x, T v) {
    return x != x ? x : x < T{0} ? T{0} : x > T{0} ? T{1} : v;
  }
  static std::array<Value, 2> gradient(Value x, Value v, Value y, Value dy);
};

struct NextAfterFunction {  // the neighbour of a in the direction of b; da = dy
  static constexpr std::string_view name = "nextafter";
  static constexpr bool commutative = false;
  template <std::floating_point T>
  static T of(T a, T b) {
    return std::nextafter(a, b);
  }
  static std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy);
};

struct FmaxFunction {  // y = max(a, b), or the other one where one is NaN; a tie's gradient goes to a
  static constexpr std::string_view name = "fmax";
  static constexpr bool commutative = false;
  template <std::floating_point T>
  static T of(T a, T b) {
    return b != b || a >= b ? a : b;
  }
  static std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy);
};

struct FminFunction {  // y = min(a, b), or the other one where one is NaN; a tie's gradient goes to a
  static constexpr std::string_view name = "fmin";
  static constexpr bool commutative = false;
  template <std::floating_point T>
  static T of(T a, T b) {
    return b != b || a <= b ? a : b;
  }
  static std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy);
};

namespace detail {

/// |x| in the unsigned type of as many bits, which holds that of the lowest integer too.
template <Whole T>
auto magnitude(T x) {
  using Bits = std::make_unsigned_t<T>;
  const auto bits = static_cast<Bits>(x);
  return x < T{0} ? static_cast<Bits>(Bits{0} - bits) : bits;
}

/// Euclid's algorithm; gcd(0, 0) is 0.
template <std::unsigned_integral U>
U greatest_divisor(U a, U b) {
  while (b != 0) {
    const U rest = static_cast<U>(a % b);
    a = b;
    b = rest;
  }
  return a;
}

}  // namespace detail

struct GcdFunction : OfIntegers {  // the greatest common divisor of |a| and |b|
  static constexpr std::string_view name = "gcd";
  template <Whole T>
  static T of(T a, T b) {
    return static_cast<T>(detail::greatest_divisor(detail::magnitude(a), detail::magnitude(b)));
  }
};

struct LcmFunction : OfIntegers {  // the least common multiple of |a| and |b|; 0 where one is 0
  static constexpr std::string_view name = "lcm";
  template <Whole T>
  static T of(T a, T b) {
    const auto u = detail::magnitude(a);
    const auto v = detail::magnitude(b);
    if (u == 0 || v == 0) return T{0};
    // In 64 bits: in fewer, the factors of a product are promoted to signed integers.
    return static_cast<T>(std::uint64_t{u} / detail::greatest_divisor(u, v) * v);
  }
};

struct SignBitFunction {  // whether the sign bit is set: of -0 and of some NaNs too
  static constexpr std::string_view name = "signbit";
  template <std::floating_point T>
  static bool of(T x) {
    return std::signbit(x);
  }
};

using CopySign = FloatFunction2<CopySignFunction>;
using Heaviside = FloatFunction2<HeavisideFunction>;
using NextAfter = FloatFunction2<NextAfterFunction>;
using Fmax = FloatFunction2<FmaxFunction>;
using Fmin = FloatFunction2<FminFunction>;
using Gcd = BitFunction<GcdFunction>;
using Lcm = BitFunction<LcmFunction>;
using SignBit = FloatPredicate<SignBitFunction>;

struct BitwiseCount {  // y = how many bits of |x| are set, u8
  static constexpr std::string_view name = "bitwise_count";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return {DType::u8, x.shape}; }
  template <Whole T>
  void forward(std::span<const T> x, std::span<std::uint8_t> y) const {
    map(x, y, [](T u) { return std::popcount(detail::magnitude(u)); });
  }
  static constexpr NoGradient gradient = kPiecewiseConstant;
};

/// Floats: |a| with the sign of b, which may be that of a zero or a NaN.
Value copysign(const Operand& a, const Operand& b);
/// Floats: 0 where x < 0, `at_zero` where it is 0, 1 where x > 0.
Value heaviside(const Operand& x, const Operand& at_zero);
/// Floats: the next number after a towards b; b where they are equal.
Value nextafter(const Operand& a, const Operand& b);
/// Floats: the larger and the smaller of two, of which a NaN counts only beside another.
Value fmax(const Operand& a, const Operand& b);
Value fmin(const Operand& a, const Operand& b);
/// Integers: the greatest common divisor and the least common multiple, not negative but where they do not
/// fit and wrap around.
Value gcd(const Operand& a, const Operand& b);
Value lcm(const Operand& a, const Operand& b);
/// Floats, into bool.
Value signbit(const Operand& x);
/// Integers, into u8.
Value bitwise_count(const Operand& x);

// Compiled once, in numbers.cpp.
extern template detail::Model detail::model_of(CopySign);
extern template detail::Model detail::model_of(Heaviside);
extern template detail::Model detail::model_of(NextAfter);
extern template detail::Model detail::model_of(Fmax);
extern template detail::Model detail::model_of(Fmin);
extern template detail::Model detail::model_of(Gcd);
extern template detail::Model detail::model_of(Lcm);
extern template detail::Model detail::model_of(SignBit);
extern template detail::Model detail::model_of(BitwiseCount);

}  // namespace weft
