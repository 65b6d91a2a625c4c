// The loops behind VectorMath. Included after vector_loops.inl, whose rules hold here too, by a file that
// also defines WEFT_VECTOR_MATH_TABLE, and WEFT_VECTOR_MATH_OF_TWO(name) for glibc's functions of two
// registers.

#include "weft/runtime/kernels/vector/vector_math.h"

namespace weft {

extern "C" {
Vector WEFT_VECTOR_MATH(sinf)(Vector);
Vector WEFT_VECTOR_MATH(cosf)(Vector);
Vector WEFT_VECTOR_MATH(tanf)(Vector);
Vector WEFT_VECTOR_MATH(asinf)(Vector);
Vector WEFT_VECTOR_MATH(acosf)(Vector);
Vector WEFT_VECTOR_MATH(atanf)(Vector);
Vector WEFT_VECTOR_MATH(sinhf)(Vector);
Vector WEFT_VECTOR_MATH(coshf)(Vector);
Vector WEFT_VECTOR_MATH(asinhf)(Vector);
Vector WEFT_VECTOR_MATH(acoshf)(Vector);
Vector WEFT_VECTOR_MATH(atanhf)(Vector);
Vector WEFT_VECTOR_MATH(exp2f)(Vector);
Vector WEFT_VECTOR_MATH(log2f)(Vector);
Vector WEFT_VECTOR_MATH(log10f)(Vector);
Vector WEFT_VECTOR_MATH(cbrtf)(Vector);
Vector WEFT_VECTOR_MATH(erfcf)(Vector);
Vector WEFT_VECTOR_MATH_OF_TWO(atan2f)(Vector, Vector);
Vector WEFT_VECTOR_MATH_OF_TWO(hypotf)(Vector, Vector);
Half WEFT_VECTOR_MATH_DOUBLE(exp)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(log)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(log1p)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(expm1)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(erf)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(erfc)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(tanh)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(sin)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(cos)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(tan)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(asin)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(acos)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(atan)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(sinh)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(cosh)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(asinh)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(acosh)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(atanh)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(exp2)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(log2)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(log10)(Half);
Half WEFT_VECTOR_MATH_DOUBLE(cbrt)(Half);
}

namespace {

/// The loop of one of glibc's functions.
template <Vector (*F)(Vector)>
void of_one(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return F(v); });
}
template <Vector (*F)(Vector, Vector)>
void of_two(const float* a, const float* b, float* y, std::size_t n) {
  each2(a, b, y, n, [](Vector u, Vector v) { return F(u, v); });
}

/// The same on doubles, half as many at a time.
template <Half (*F)(Half)>
void of_doubles(const double* x, double* y, std::size_t n) {
  Half v;
  std::size_t i = 0;
  for (; i + kWidth / 2 <= n; i += kWidth / 2) {
    __builtin_memcpy(&v, x + i, sizeof(v));
    v = F(v);
    __builtin_memcpy(y + i, &v, sizeof(v));
  }
  if (i == n) return;
  v = Half{};
  __builtin_memcpy(&v, x + i, (n - i) * sizeof(double));
  v = F(v);
  __builtin_memcpy(y + i, &v, (n - i) * sizeof(double));
}

Half sigmoid_of_doubles(Half v) {
  const Half e = WEFT_VECTOR_MATH_DOUBLE(exp)(v < 0.0 ? v : -v);
  return (v < 0.0 ? e : Half{} + 1.0) / (1.0 + e);
}

// Rounds by the instruction for it where the instruction set has one, which sse2 has not: from 2^23 on floats
// are whole, and below, adding and taking away that number rounds to the even neighbour.
#if WEFT_VECTOR_WIDTH == 16
template <int Mode>
Vector rounded(Vector v) {
  constexpr __mmask16 kAll = 0xFFFF;  // as in widened()
  return reinterpret_cast<Vector>(_mm512_maskz_roundscale_ps(kAll, v, Mode | _MM_FROUND_NO_EXC));
}
#elif WEFT_VECTOR_WIDTH == 8
template <int Mode>
Vector rounded(Vector v) {
  return reinterpret_cast<Vector>(_mm256_round_ps(v, Mode | _MM_FROUND_NO_EXC));
}
#else
template <int Mode>
Vector rounded(Vector v) {
  constexpr float kWhole = 8388608.0F;
  const Vector size = absolute(v);
  const Vector nearest = (size + kWhole) - kWhole;
  Vector whole = nearest;
  const Vector one = fill(1.0F);
  const bool outwards = Mode == _MM_FROUND_TO_NEG_INF || Mode == _MM_FROUND_TO_POS_INF;
  if (Mode != _MM_FROUND_TO_NEAREST_INT)
    whole = select(nearest > size, nearest - one, nearest);  // toward zero
  if (outwards) {
    const Mask away = Mode == _MM_FROUND_TO_NEG_INF ? v < Vector{} : v > Vector{};
    whole = select(away & (whole < size), whole + one, whole);
  }
  return select(size < fill(kWhole), with_sign_of(v, whole), v);
}
#endif
template <int Mode>
void round_all(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return rounded<Mode>(v); });
}

void sign(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) {
    const Vector one = select(v > Vector{}, fill(1.0F), v);
    return select(v < Vector{}, fill(-1.0F), one);
  });
}

// What the square loses corrects its exponential.
void gauss(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) {
    constexpr float kFar = 110.0F;  // beyond, the result is 0
    const Vector squared = v * v;
    const Power power = power_of_e(-squared, -lost_of_square(v, squared));
    return select(squared > fill(kFar), Vector{}, power.times(fill(1.0F)));
  });
}

// max(x, 0) + ln(1 + e^-|x|)
void softplus(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) {
    const Vector line = select(v <= Vector{}, Vector{}, v);
    return line + WEFT_VECTOR_MATH(log1pf)(exponential(-absolute(v)));
  });
}

// In double: where the sum is near 0, floats would lose all digits.
void logaddexp(const float* a, const float* b, float* y, std::size_t n) {
  each2(a, b, y, n, [](Vector u, Vector v) {
    const Vector larger = select((u >= v) | (u != u), u, v);
    const Mask equal = u == v;
    HalfFloats from[2];
    HalfFloats to[2];
    HalfFloats largest[2];
    // The gap of two equal infinities counts as 0; their difference would be NaN.
    const Vector left = select(equal, Vector{}, u);
    const Vector right = select(equal, Vector{}, v);
    __builtin_memcpy(from, &left, sizeof(left));
    __builtin_memcpy(to, &right, sizeof(right));
    __builtin_memcpy(largest, &larger, sizeof(larger));
    for (std::size_t i = 0; i < 2; ++i) {
      const Half gap = __builtin_convertvector(from[i], Half) - __builtin_convertvector(to[i], Half);
      const Half down = gap > 0.0 ? -gap : gap;
      const Half sum = __builtin_convertvector(largest[i], Half) +
                       WEFT_VECTOR_MATH_DOUBLE(log1p)(WEFT_VECTOR_MATH_DOUBLE(exp)(down));
      largest[i] = __builtin_convertvector(sum, HalfFloats);
    }
    Vector result;
    __builtin_memcpy(&result, largest, sizeof(result));
    return result;
  });
}

void xlogy(const float* a, const float* b, float* y, std::size_t n) {
  each2(a, b, y, n, [](Vector u, Vector v) {
    const Mask none = (u == Vector{}) & (v == v);
    return select(none, Vector{}, u * WEFT_VECTOR_MATH(logf)(v));
  });
}

}  // namespace

extern const VectorMath WEFT_VECTOR_MATH_TABLE = {
    .sin = of_one<WEFT_VECTOR_MATH(sinf)>,
    .cos = of_one<WEFT_VECTOR_MATH(cosf)>,
    .tan = of_one<WEFT_VECTOR_MATH(tanf)>,
    .asin = of_one<WEFT_VECTOR_MATH(asinf)>,
    .acos = of_one<WEFT_VECTOR_MATH(acosf)>,
    .atan = of_one<WEFT_VECTOR_MATH(atanf)>,
    .sinh = of_one<WEFT_VECTOR_MATH(sinhf)>,
    .cosh = of_one<WEFT_VECTOR_MATH(coshf)>,
    .asinh = of_one<WEFT_VECTOR_MATH(asinhf)>,
    .acosh = of_one<WEFT_VECTOR_MATH(acoshf)>,
    .atanh = of_one<WEFT_VECTOR_MATH(atanhf)>,
    .exp2 = of_one<WEFT_VECTOR_MATH(exp2f)>,
    .log2 = of_one<WEFT_VECTOR_MATH(log2f)>,
    .log10 = of_one<WEFT_VECTOR_MATH(log10f)>,
    .cbrt = of_one<WEFT_VECTOR_MATH(cbrtf)>,
    .erfc = of_one<WEFT_VECTOR_MATH(erfcf)>,
    .gauss = gauss,
    .floor = round_all<_MM_FROUND_TO_NEG_INF>,
    .ceil = round_all<_MM_FROUND_TO_POS_INF>,
    .round = round_all<_MM_FROUND_TO_NEAREST_INT>,
    .trunc = round_all<_MM_FROUND_TO_ZERO>,
    .sign = sign,
    .softplus = softplus,
    .exp_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(exp)>,
    .log_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(log)>,
    .log1p_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(log1p)>,
    .expm1_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(expm1)>,
    .erf_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(erf)>,
    .erfc_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(erfc)>,
    .tanh_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(tanh)>,
    .sin_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(sin)>,
    .cos_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(cos)>,
    .tan_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(tan)>,
    .asin_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(asin)>,
    .acos_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(acos)>,
    .atan_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(atan)>,
    .sinh_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(sinh)>,
    .cosh_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(cosh)>,
    .asinh_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(asinh)>,
    .acosh_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(acosh)>,
    .atanh_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(atanh)>,
    .exp2_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(exp2)>,
    .log2_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(log2)>,
    .log10_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(log10)>,
    .cbrt_of_doubles = of_doubles<WEFT_VECTOR_MATH_DOUBLE(cbrt)>,
    .sigmoid_of_doubles = of_doubles<sigmoid_of_doubles>,
    .atan2 = of_two<WEFT_VECTOR_MATH_OF_TWO(atan2f)>,
    .hypot = of_two<WEFT_VECTOR_MATH_OF_TWO(hypotf)>,
    .logaddexp = logaddexp,
    .xlogy = xlogy,
};

}  // namespace weft
