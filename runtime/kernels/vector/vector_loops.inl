// The loops behind VectorFunctions, written once over the compiler's vector types. A file that includes this
// defines WEFT_VECTOR_WIDTH (floats in a register), WEFT_VECTOR_MATH(name) and WEFT_VECTOR_MATH_DOUBLE(name)
// (glibc's functions for that many floats, and for half as many doubles), and WEFT_VECTOR_TABLE and
// WEFT_VECTOR_NAME. Everything here has internal linkage and uses no inline
// function of a library: code for one instruction set must never be picked by the linker for another.

#include <immintrin.h>

#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {
namespace {

constexpr std::size_t kWidth = WEFT_VECTOR_WIDTH;
typedef float Vector __attribute__((vector_size(kWidth * sizeof(float))));
typedef std::int32_t Mask __attribute__((vector_size(kWidth * sizeof(std::int32_t))));
// Half as many numbers, in double.
typedef double Half __attribute__((vector_size(kWidth / 2 * sizeof(double))));
typedef float HalfFloats __attribute__((vector_size(kWidth / 2 * sizeof(float))));
}  // namespace

extern "C" {
Vector WEFT_VECTOR_MATH(logf)(Vector);
Vector WEFT_VECTOR_MATH(log1pf)(Vector);
Vector WEFT_VECTOR_MATH(expm1f)(Vector);
Vector WEFT_VECTOR_MATH(erff)(Vector);
Half WEFT_VECTOR_MATH_DOUBLE(log1p)(Half);
}

namespace {

Vector load(const float* x) {
  Vector v;
  __builtin_memcpy(&v, x, sizeof(v));
  return v;
}
void store(float* y, Vector v) { __builtin_memcpy(y, &v, sizeof(v)); }
Vector fill(float x) { return Vector{} + x; }
Vector select(Mask mask, Vector a, Vector b) { return mask ? a : b; }

constexpr std::int32_t kSignBit = static_cast<std::int32_t>(0x80000000);
Vector absolute(Vector v) { return reinterpret_cast<Vector>(reinterpret_cast<Mask>(v) & ~kSignBit); }
/// The number `size`, which is not negative, with the sign of `v`.
Vector with_sign_of(Vector v, Vector size) {
  return reinterpret_cast<Vector>((reinterpret_cast<Mask>(v) & kSignBit) | reinterpret_cast<Mask>(size));
}
// a * b + c, rounded once where the instruction set can.
Vector multiply_add(Vector a, Vector b, Vector c) {
#if WEFT_VECTOR_WIDTH == 16
  return reinterpret_cast<Vector>(_mm512_fmadd_ps(a, b, c));
#elif WEFT_VECTOR_WIDTH == 8
  return reinterpret_cast<Vector>(_mm256_fmadd_ps(a, b, c));
#else
  return a * b + c;
#endif
}

// v * v - squared: what the square loses when it is rounded. Without an instruction for it, by Dekker's
// product of the high and the low half of the digits.
Vector lost_of_square(Vector v, Vector squared) {
#if WEFT_VECTOR_WIDTH > 4
  return multiply_add(v, v, -squared);
#else
  constexpr std::int32_t kHighHalf = static_cast<std::int32_t>(0xFFFFF000);
  const Vector high = reinterpret_cast<Vector>(reinterpret_cast<Mask>(v) & kHighHalf);
  const Vector low = v - high;
  return ((high * high - squared) + (high + high) * low) + low * low;
#endif
}

// e^x = 2^k (1 + u) with u = e^r - 1, |r| <= ln(2) / 2, and the polynomial of Cephes' expf for u. The factor
// 2^k comes in two steps, since it may itself be no normal number. No element takes longer than another: what
// underflows is not computed at all.
struct Power {
  Vector u;
  Vector first;  // 2^k = first * second
  Vector second;
  Mask underflows;

  // factor e^x
  Vector times(Vector factor) const {
    return select(underflows, Vector{}, multiply_add(factor, u, factor) * first * second);
  }
};

// Of e^(x + rest), where the rest is less than an ulp of x.
Power power_of_e(Vector x, Vector rest) {
  constexpr float kLowest = -104.0F;  // below it e^x is 0
  constexpr float kHighest = 89.0F;   // above it e^x is infinite
  constexpr float kLog2E = 1.44269504088896341F;
  constexpr float kLn2High = 0.693359375F;  // few bits, so that k times it is exact
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kWholeNumbers = 12582912.0F;  // 1.5 * 2^23: next to it floats are whole numbers
  constexpr std::int32_t kBias = 127;
  constexpr std::int32_t kMantissaBits = 23;
  const Mask underflows = x < fill(kLowest);
  const Vector within = select(underflows, Vector{}, select(x > fill(kHighest), fill(kHighest), x));
  const Vector shifted = multiply_add(within, fill(kLog2E), fill(kWholeNumbers));
  const Vector k = shifted - kWholeNumbers;
  const Vector r = multiply_add(k, fill(-kLn2Low), multiply_add(k, fill(-kLn2High), within)) + rest;
  Vector p = fill(1.9875691500e-4F);
  for (const float c :
       {1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F})
    p = multiply_add(p, r, fill(c));
  const Mask number = reinterpret_cast<Mask>(shifted) - reinterpret_cast<Mask>(fill(kWholeNumbers));
  const Mask half = number >> 1;
  return {.u = multiply_add(p, r * r, r),
          .first = reinterpret_cast<Vector>((half + kBias) << kMantissaBits),
          .second = reinterpret_cast<Vector>((number - half + kBias) << kMantissaBits),
          .underflows = underflows};
}

// Within 2 ulp, which is what every float gives, denormal results included.
Vector exponential(Vector x) {
  const Power power = power_of_e(x, Vector{});
  return select(power.underflows, Vector{}, (power.u + 1.0F) * power.first * power.second);
}

// The larger of two numbers; where one is no number, `b`.
Vector larger(Vector a, Vector b) {
#if WEFT_VECTOR_WIDTH == 16
  constexpr __mmask16 kAll = 0xFFFF;  // see widened()
  return reinterpret_cast<Vector>(_mm512_maskz_max_ps(kAll, a, b));
#elif WEFT_VECTOR_WIDTH == 8
  return reinterpret_cast<Vector>(_mm256_max_ps(a, b));
#else
  return reinterpret_cast<Vector>(_mm_max_ps(a, b));
#endif
}

// The first n < kWidth elements, and `rest` in the other lanes.
Vector load_part(const float* x, std::size_t n, float rest) {
#if WEFT_VECTOR_WIDTH == 16
  return reinterpret_cast<Vector>(
      _mm512_mask_loadu_ps(fill(rest), static_cast<__mmask16>((1U << n) - 1U), x));
#else
  Vector v = fill(rest);
  for (std::size_t lane = 0; lane < n; ++lane) v[lane] = x[lane];
  return v;
#endif
}
void store_part(float* y, Vector v, std::size_t n) {
#if WEFT_VECTOR_WIDTH == 16
  _mm512_mask_storeu_ps(y, static_cast<__mmask16>((1U << n) - 1U), v);
#else
  for (std::size_t lane = 0; lane < n; ++lane) y[lane] = v[lane];
#endif
}

// A register of bytes as integers, by intrinsics: g++ 12 would convert one byte at a time, or, for a loop, in
// half registers and through 16 bits.
Mask widened(const std::uint8_t* x) {
#if WEFT_VECTOR_WIDTH == 16
  constexpr __mmask16 kAll = 0xFFFF;  // unmasked, it starts from a register that g++ 12 calls uninitialized
  return reinterpret_cast<Mask>(
      _mm512_maskz_cvtepu8_epi32(kAll, _mm_loadu_si128(reinterpret_cast<const __m128i*>(x))));
#elif WEFT_VECTOR_WIDTH == 8
  return reinterpret_cast<Mask>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x))));
#else
  int four = 0;
  __builtin_memcpy(&four, x, sizeof(four));
  const __m128i zero = _mm_setzero_si128();
  const __m128i halves = _mm_unpacklo_epi8(_mm_cvtsi32_si128(four), zero);
  return reinterpret_cast<Mask>(_mm_unpacklo_epi16(halves, zero));
#endif
}

// The last, incomplete register goes through a padded copy, so that it takes the same instructions.
template <typename F>
void each(const float* x, float* y, std::size_t n, F f) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(y + i, f(load(x + i)));
  if (i == n) return;
  float tail[kWidth] = {};
  __builtin_memcpy(tail, x + i, (n - i) * sizeof(float));
  store(tail, f(load(tail)));
  __builtin_memcpy(y + i, tail, (n - i) * sizeof(float));
}

// Written for registers and not left to the compiler, which would fall back to single elements where y is a
// or b.
template <typename F>
void each2(const float* a, const float* b, float* y, std::size_t n, F f) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(y + i, f(load(a + i), load(b + i)));
  if (i == n) return;
  float left[kWidth] = {};
  float right[kWidth] = {};
  __builtin_memcpy(left, a + i, (n - i) * sizeof(float));
  __builtin_memcpy(right, b + i, (n - i) * sizeof(float));
  store(left, f(load(left), load(right)));
  __builtin_memcpy(y + i, left, (n - i) * sizeof(float));
}
template <typename F>
void compare(const float* a, const float* b, bool* y, std::size_t n, F f) {
  for (std::size_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
}

void neg(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return -v; });
}
void square(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return v * v; });
}
void sqrt(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = __builtin_sqrtf(x[i]);
}
void exp(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return exponential(v); });
}
void log(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return WEFT_VECTOR_MATH(logf)(v); });
}
void log1p(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return WEFT_VECTOR_MATH(log1pf)(v); });
}
void expm1(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return WEFT_VECTOR_MATH(expm1f)(v); });
}
void erf(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return WEFT_VECTOR_MATH(erff)(v); });
}
// tanh(x) = 1 - (q - a)^2 / (q^2 + a^2) with a / q = tanh(x / 2), a rational function of x that must be
// accurate only where tanh is not yet near 1; below kNear it is an odd polynomial. Both were fitted for this
// file, for the least relative error. Within 3 ulp, measured over all floats; beyond kLimit it is 1. A NaN
// passes all bounds.
void tanh(const float* x, float* y, std::size_t n) {
  constexpr float kLimit = 9.2F;
  constexpr float kNear = 0.7F;
  each(x, y, n, [](Vector v) {
    const Vector size = absolute(v);
    const Vector t = select(size > fill(kLimit), fill(kLimit), size);
    const Vector s = t * t;
    const Vector p = multiply_add(multiply_add(fill(0.000114156436F), s, fill(0.0297693569F)), s, fill(1.0F));
    Vector q = fill(1.22691854e-06F);
    for (const float c : {0.00120608194F, 0.113102652F, 1.0F}) q = multiply_add(q, s, fill(c));
    const Vector a = 0.5F * t * p;
    const Vector gap = q - a;
    const Vector far = 1.0F - gap * gap / multiply_add(q, q, a * a);
    Vector r = fill(-0.00514031528F);
    for (const float c : {0.0200957879F, -0.0535612032F, 0.133291617F, -0.333331943F})
      r = multiply_add(r, s, fill(c));
    return with_sign_of(v, select(size < fill(kNear), multiply_add(size, s * r, size), far));
  });
}
void abs(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return absolute(v); });
}
void relu(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return select(v <= Vector{}, Vector{}, v); });
}
void sigmoid(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) {
    const Vector e = exponential(-absolute(v));
    return select(v < Vector{}, e, fill(1.0F)) / (1.0F + e);
  });
}
// The normal distribution function below 0 is Phi(-a) = e^(-a^2 / 2) q(a) for a >= 0, where q falls from 1/2
// like 1 / a and is a rational function to 0.1 ulp, fitted for this file for the least relative error up to
// kGeluLimit, beyond which e^(-a^2 / 2) is 0 in floats. All its coefficients are positive, so nothing
// cancels.
constexpr float kGeluLimit = 14.5F;
struct Tail {
  Power density;  // e^(-a^2 / 2)
  Vector factor;  // q(a)
};
Tail normal_tail(Vector a) {
  Vector above = fill(0.004116421471649305F);
  for (const float c : {0.040633994814305886F, 0.18323741768039353F, 0.43829801796986484F, 0.5F})
    above = multiply_add(above, a, fill(c));
  Vector below = fill(0.01031821872589832F);
  for (const float c :
       {0.10186076653817798F, 0.4694766422041833F, 1.2025125975054263F, 1.674481016716012F, 1.0F})
    below = multiply_add(below, a, fill(c));
  const Vector squared = a * a;
  return {.density = power_of_e(-0.5F * squared, -0.5F * lost_of_square(a, squared)),
          .factor = above / below};
}
Vector within_gelu_limit(Vector v) {
  const Vector size = absolute(v);
  return select(size > fill(kGeluLimit), fill(kGeluLimit), size);
}
// x Phi(x), which is -a Phi(-a) below 0 and x - a Phi(-a) above.
void gelu(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) {
    const Vector a = within_gelu_limit(v);
    const Tail tail = normal_tail(a);
    const Vector lost = tail.density.times(a * tail.factor);
    return select(v < Vector{}, -lost, v - lost);
  });
}
// Phi(x) + x phi(x), with the density phi(x) = e^(-x^2 / 2) / sqrt(2 pi).
void gelu_slope(const float* x, float* y, std::size_t n) {
  constexpr float kDensityAtZero = 0.39894228040143267794F;  // 1 / sqrt(2 pi)
  each(x, y, n, [](Vector v) {
    const Vector a = within_gelu_limit(v);
    const Tail tail = normal_tail(a);
    const Vector below = tail.density.times(multiply_add(a, fill(-kDensityAtZero), tail.factor));
    return select(v < Vector{}, below, 1.0F - below);
  });
}

template <typename F>
Vector in_halves(Vector v, F f) {
  HalfFloats halves[2];
  __builtin_memcpy(halves, &v, sizeof(v));
  for (HalfFloats& half : halves)
    half = __builtin_convertvector(f(__builtin_convertvector(half, Half)), HalfFloats);
  __builtin_memcpy(&v, halves, sizeof(v));
  return v;
}

void add(const float* a, const float* b, float* y, std::size_t n) {
  each2(a, b, y, n, [](Vector u, Vector v) { return u + v; });
}
void sub(const float* a, const float* b, float* y, std::size_t n) {
  each2(a, b, y, n, [](Vector u, Vector v) { return u - v; });
}
void mul(const float* a, const float* b, float* y, std::size_t n) {
  each2(a, b, y, n, [](Vector u, Vector v) { return u * v; });
}
void div(const float* a, const float* b, float* y, std::size_t n) {
  each2(a, b, y, n, [](Vector u, Vector v) { return u / v; });
}
void minimum(const float* a, const float* b, float* y, std::size_t n) {
  each2(a, b, y, n, [](Vector u, Vector v) { return select((u <= v) | (u != u), u, v); });
}
void maximum(const float* a, const float* b, float* y, std::size_t n) {
  each2(a, b, y, n, [](Vector u, Vector v) { return select((u >= v) | (u != u), u, v); });
}
void less(const float* a, const float* b, bool* y, std::size_t n) {
  compare(a, b, y, n, [](float u, float v) { return u < v; });
}
void less_equal(const float* a, const float* b, bool* y, std::size_t n) {
  compare(a, b, y, n, [](float u, float v) { return u <= v; });
}
void greater(const float* a, const float* b, bool* y, std::size_t n) {
  compare(a, b, y, n, [](float u, float v) { return u > v; });
}
void greater_equal(const float* a, const float* b, bool* y, std::size_t n) {
  compare(a, b, y, n, [](float u, float v) { return u >= v; });
}
void where(const bool* condition, const float* a, const float* b, float* y, std::size_t n) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Mask holds = widened(reinterpret_cast<const std::uint8_t*>(condition + i)) != 0;
    store(y + i, select(holds, load(a + i), load(b + i)));
  }
  for (; i < n; ++i) y[i] = condition[i] ? a[i] : b[i];
}
Vector numbers(const std::uint8_t* x) { return __builtin_convertvector(widened(x), Vector); }
void from_u8(const std::uint8_t* x, float* y, std::size_t n) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(y + i, numbers(x + i));
  for (; i < n; ++i) y[i] = static_cast<float>(x[i]);
}

typedef std::uint32_t Words __attribute__((vector_size(kWidth * sizeof(std::uint32_t))));
typedef std::uint16_t HalfWords __attribute__((vector_size(kWidth * sizeof(std::uint16_t))));
Words words(Vector v) { return reinterpret_cast<Words>(v); }
Vector floats(Words v) { return reinterpret_cast<Vector>(v); }

// The formulas of graph/half.h.
Vector wide_bf16(Words x) { return floats(x << 16); }
Words narrow_bf16(Vector x) {
  const Words bits = words(x);
  return (x != x) ? (bits >> 16) | 0x40U : (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
}
Vector wide_f16(Words x) {
  const Words size = (x & 0x7FFFU) << 13;
  // Exponents are 112 apart; the product is exact, of denormal numbers too.
  const Words scaled = words(floats(size) * 0x1p112F);
  const Words number = (size >= 0x0F800000U) ? size | 0x7F800000U : scaled;
  return floats(number | ((x & 0x8000U) << 16));
}
Words narrow_f16(Vector x) {
  constexpr std::uint32_t kFirstInfinite = 0x477FF000;
  constexpr std::uint32_t kFirstNormal = 0x38800000;
  constexpr std::uint32_t kHalf = 0x3F000000;
  const Words bits = words(x) & 0x7FFFFFFFU;
  const Words small = words(floats(bits) + 0.5F) - kHalf;
  const Words normal = (bits - 0x38000000U + 0xFFFU + ((bits >> 13) & 1U)) >> 13;
  const Words finite = (bits >= kFirstNormal) ? normal : small;
  const Words number = (bits >= kFirstInfinite) ? Words{} + 0x7C00U : finite;
  const Words rounded = (x != x) ? ((bits >> 13) & 0x3FFU) | 0x7E00U : number;
  return rounded | ((words(x) >> 16) & 0x8000U);
}

template <Vector (*kWiden)(Words)>
void widen(const std::uint16_t* x, float* y, std::size_t n) {
  const auto widen_some = [](const std::uint16_t* from, float* to, std::size_t count) {
    HalfWords bits{};
    __builtin_memcpy(&bits, from, count * sizeof(*from));
    const Vector wide = kWiden(__builtin_convertvector(bits, Words));
    __builtin_memcpy(to, &wide, count * sizeof(*to));
  };
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) widen_some(x + i, y + i, kWidth);
  if (i < n) widen_some(x + i, y + i, n - i);
}
template <Words (*kNarrow)(Vector)>
void narrow(const float* x, std::uint16_t* y, std::size_t n) {
  const auto narrow_some = [](const float* from, std::uint16_t* to, std::size_t count) {
    Vector v{};
    __builtin_memcpy(&v, from, count * sizeof(*from));
    const HalfWords bits = __builtin_convertvector(kNarrow(v), HalfWords);
    __builtin_memcpy(to, &bits, count * sizeof(*to));
  };
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) narrow_some(x + i, y + i, kWidth);
  if (i < n) narrow_some(x + i, y + i, n - i);
}

// Sums kColumns registers of columns, block by block. It takes several at once because a single chain of
// additions would wait for its own latency.
template <std::size_t kColumns>
void sum_columns(const float* x, std::size_t rows, std::size_t stride, Vector (&totals)[kColumns]) {
  constexpr std::size_t kBlock = 16;
  for (std::size_t c = 0; c < kColumns; ++c) totals[c] = Vector{};
  for (std::size_t first = 0; first < rows; first += kBlock) {
    const std::size_t last = first + kBlock < rows ? first + kBlock : rows;
    Vector sums[kColumns] = {};
    for (std::size_t row = first; row < last; ++row, x += stride) {
      for (std::size_t c = 0; c < kColumns; ++c) sums[c] += load(x + c * kWidth);
    }
    for (std::size_t c = 0; c < kColumns; ++c) totals[c] += sums[c];
  }
}

// Sums a single column in the same order.
float sum_column(const float* x, std::size_t rows, std::size_t stride) {
  constexpr std::size_t kBlock = 16;
  float total = 0.0F;
  for (std::size_t first = 0; first < rows; first += kBlock) {
    const std::size_t last = first + kBlock < rows ? first + kBlock : rows;
    float sum = 0.0F;
    for (std::size_t row = first; row < last; ++row, x += stride) sum += *x;
    total += sum;
  }
  return total;
}

void add_rows(const float* x, std::size_t rows, std::size_t stride, float* y, std::size_t n) {
  constexpr std::size_t kColumns = 4;
  std::size_t j = 0;
  for (; j + kColumns * kWidth <= n; j += kColumns * kWidth) {
    Vector sums[kColumns];
    sum_columns<kColumns>(x + j, rows, stride, sums);
    for (std::size_t c = 0; c < kColumns; ++c) store(y + j + c * kWidth, load(y + j + c * kWidth) + sums[c]);
  }
  for (; j + kWidth <= n; j += kWidth) {
    Vector sums[1];
    sum_columns<1>(x + j, rows, stride, sums);
    store(y + j, load(y + j) + sums[0]);
  }
  if (j < n && n >= kWidth) {
    // The last columns are summed again together with some before them.
    Vector sums[1];
    sum_columns<1>(x + n - kWidth, rows, stride, sums);
    for (; j < n; ++j) y[j] += sums[0][j + kWidth - n];
  }
  for (; j < n; ++j) y[j] += sum_column(x + j, rows, stride);
}

// Half a register of f32 as a register of f64, in which the product of two f32 is exact.
constexpr std::size_t kHalf = kWidth / 2;
Half load_half(const float* x) {
  HalfFloats floats;
  __builtin_memcpy(&floats, x, sizeof(floats));
  return __builtin_convertvector(floats, Half);
}

template <std::size_t kColumns>
void add_wide_columns(const float* x, std::size_t rows, std::size_t stride, const float* factors,
                      std::size_t factor_stride, double* y) {
  Half sums[kColumns];
  __builtin_memcpy(sums, y, sizeof(sums));
  for (std::size_t row = 0; row < rows; ++row, x += stride) {
    if (factors == nullptr) {
      for (std::size_t c = 0; c < kColumns; ++c) sums[c] += load_half(x + c * kHalf);
    } else {
      const Half factor = Half{} + static_cast<double>(factors[row * factor_stride]);
      for (std::size_t c = 0; c < kColumns; ++c) sums[c] += factor * load_half(x + c * kHalf);
    }
  }
  __builtin_memcpy(y, sums, sizeof(sums));
}

// In blocks of rows, so that wide rows are read from pages that were looked up just now.
void add_many_rows(const float* x, std::size_t rows, std::size_t stride, const float* factors,
                   std::size_t factor_stride, double* y, std::size_t n) {
  constexpr std::size_t kBlock = 64;
  constexpr std::size_t kColumns = 4;
  for (std::size_t first = 0; first < rows; first += kBlock) {
    const std::size_t height = first + kBlock < rows ? kBlock : rows - first;
    const float* block = x + first * stride;
    const float* scales = factors != nullptr ? factors + first * factor_stride : nullptr;
    std::size_t j = 0;
    for (; j + kColumns * kHalf <= n; j += kColumns * kHalf)
      add_wide_columns<kColumns>(block + j, height, stride, scales, factor_stride, y + j);
    for (; j + kHalf <= n; j += kHalf)
      add_wide_columns<1>(block + j, height, stride, scales, factor_stride, y + j);
    for (; j < n; ++j) {
      double sum = y[j];
      for (std::size_t row = 0; row < height; ++row) {
        const double scale = scales != nullptr ? static_cast<double>(scales[row * factor_stride]) : 1.0;
        sum += scale * static_cast<double>(block[row * stride + j]);
      }
      y[j] = sum;
    }
  }
}

// The sum of f(i), a register of f64 over the elements from i on, and of g(i) for the elements that fill no
// register.
template <typename F, typename G>
double sum_wide(std::size_t n, F f, G g) {
  constexpr std::size_t kChains = 4;
  Half sums[kChains] = {};
  std::size_t i = 0;
  for (; i + kChains * kHalf <= n; i += kChains * kHalf) {
    for (std::size_t c = 0; c < kChains; ++c) sums[c] += f(i + c * kHalf);
  }
  for (; i + kHalf <= n; i += kHalf) sums[0] += f(i);
  const Half all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double total = 0.0;
  for (std::size_t lane = 0; lane < kHalf; ++lane) total += all[lane];
  for (; i < n; ++i) total += g(i);
  return total;
}

double sum(const float* x, std::size_t n) {
  return sum_wide(
      n, [x](std::size_t i) { return load_half(x + i); },
      [x](std::size_t i) { return static_cast<double>(x[i]); });
}

double dot(const float* a, const float* b, std::size_t n) {
  return sum_wide(
      n, [a, b](std::size_t i) { return load_half(a + i) * load_half(b + i); },
      [a, b](std::size_t i) { return static_cast<double>(a[i]) * static_cast<double>(b[i]); });
}

}  // namespace
}  // namespace weft

#include "weft/runtime/kernels/vector/fourier_loops.inl"
#include "weft/runtime/kernels/vector/row_loops.inl"

namespace weft {
namespace {

// In double, which has room for the squares of huge and of tiny floats.
double sum_squares(const float* x, std::size_t n) { return dot(x, x, n); }

void add_squares(const float* x, std::size_t rows, std::size_t stride, double* y, std::size_t n) {
  for (std::size_t row = 0; row < rows; ++row, x += stride) {
    for (std::size_t j = 0; j < n; ++j) y[j] += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  }
}

void add_bias(float* y, const float* bias, std::size_t rows, std::size_t n, bool rectify) {
  for (std::size_t row = 0; row < rows; ++row, y += n) {
    std::size_t j = 0;
    for (; j + kWidth <= n; j += kWidth) {
      const Vector v = load(y + j) + load(bias + j);
      store(y + j, rectify ? select(v <= Vector{}, Vector{}, v) : v);
    }
    for (; j < n; ++j) {
      const float v = y[j] + bias[j];
      y[j] = rectify && v <= 0.0F ? 0.0F : v;
    }
  }
}

}  // namespace

extern const VectorFunctions WEFT_VECTOR_TABLE = {
    .instruction_set = WEFT_VECTOR_NAME,
    .neg = neg,
    .square = square,
    .sqrt = sqrt,
    .exp = exp,
    .log = log,
    .log1p = log1p,
    .expm1 = expm1,
    .abs = abs,
    .erf = erf,
    .tanh = tanh,
    .relu = relu,
    .sigmoid = sigmoid,
    .gelu = gelu,
    .gelu_slope = gelu_slope,
    .add = add,
    .sub = sub,
    .mul = mul,
    .div = div,
    .minimum = minimum,
    .maximum = maximum,
    .less = less,
    .less_equal = less_equal,
    .greater = greater,
    .greater_equal = greater_equal,
    .where = where,
    .from_u8 = from_u8,
    .from_f16 = widen<wide_f16>,
    .from_bf16 = widen<wide_bf16>,
    .to_f16 = narrow<narrow_f16>,
    .to_bf16 = narrow<narrow_bf16>,
    .add_rows = add_rows,
    .add_many_rows = add_many_rows,
    .sum = sum,
    .dot = dot,
    .sum_squares = sum_squares,
    .sum_squared_gaps = sum_squared_gaps,
    .centred_sum = centred_sum,
    .add_squared_gaps = add_squared_gaps,
    .add_centred_sums = add_centred_sums,
    .add_squares = add_squares,
    .softmax = softmax,
    .log_softmax = log_softmax,
    .softmax_gradient = softmax_gradient,
    .add_softmax_block = add_softmax_block,
    .shifted_exp = shifted_exp,
    .softmax_slopes = softmax_slopes,
    .add_bias = add_bias,
    .fourier_lanes = kLanes,
    .fourier = fourier,
};

}  // namespace weft
