// The loops behind VectorFunctions, written once over the compiler's vector types. A file that includes this
// defines WEFT_VECTOR_WIDTH (floats in a register), WEFT_VECTOR_MATH(name) (glibc's function for that width),
// and WEFT_VECTOR_TABLE and WEFT_VECTOR_NAME. Everything here has internal linkage and uses no inline
// function of a library: code for one instruction set must never be picked by the linker for another.

#include <immintrin.h>

#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {
namespace {

constexpr std::size_t kWidth = WEFT_VECTOR_WIDTH;
typedef float Vector __attribute__((vector_size(kWidth * sizeof(float))));
typedef std::int32_t Mask __attribute__((vector_size(kWidth * sizeof(std::int32_t))));
}  // namespace

extern "C" {
Vector WEFT_VECTOR_MATH(expf)(Vector);
Vector WEFT_VECTOR_MATH(logf)(Vector);
Vector WEFT_VECTOR_MATH(log1pf)(Vector);
Vector WEFT_VECTOR_MATH(expm1f)(Vector);
Vector WEFT_VECTOR_MATH(erff)(Vector);
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

// A register of bytes as integers, by intrinsics: g++ 12 would convert one byte after the other, or a loop
// over them in half registers and by way of 16 bits.
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

// Written over registers and not left to the compiler: it would fall back to single elements where y is a or
// b.
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
  each(x, y, n, [](Vector v) { return WEFT_VECTOR_MATH(expf)(v); });
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
// tanh(x) = x p(x^2) / q(x^2), the rational approximation of Eigen's ptanh: below 5 ulp, a third of the time
// of glibc's. Beyond the limit tanh rounds to 1; small numbers are their own tanh. A NaN passes both bounds.
void tanh(const float* x, float* y, std::size_t n) {
  constexpr float kLimit = 7.90531110763549805F;
  constexpr float kSmall = 0.0004F;
  each(x, y, n, [](Vector v) {
    const Vector low = select(v < fill(-kLimit), fill(-kLimit), v);
    const Vector t = select(low > fill(kLimit), fill(kLimit), low);
    const Vector s = t * t;
    Vector p = fill(-2.76076847742355e-16F);
    for (const float c : {2.00018790482477e-13F, -8.60467152213735e-11F, 5.12229709037114e-08F,
                          1.48572235717979e-05F, 6.37261928875436e-04F, 4.89352455891786e-03F}) {
      p = p * s + c;
    }
    Vector q = fill(1.19825839466702e-06F);
    for (const float c : {1.18534705686654e-04F, 2.26843463243900e-03F, 4.89352518554385e-03F}) q = q * s + c;
    const Vector tiny = select(v < Vector{}, -v, v);
    return select(tiny < fill(kSmall), v, t * p / q);
  });
}
void abs(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = __builtin_fabsf(x[i]);
}
void relu(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return select(v <= Vector{}, Vector{}, v); });
}
void sigmoid(const float* x, float* y, std::size_t n) {
  each(x, y, n, [](Vector v) { return 1.0F / (1.0F + WEFT_VECTOR_MATH(expf)(-v)); });
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
template <typename F>
void choose(const float* u, const float* v, const float* a, const float* b, float* y, std::size_t n, F f) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth)
    store(y + i, select(f(load(u + i), load(v + i)), load(a + i), load(b + i)));
  for (; i < n; ++i) y[i] = f(u[i], v[i]) ? a[i] : b[i];
}
void select_less(const float* u, const float* v, const float* a, const float* b, float* y, std::size_t n) {
  choose(u, v, a, b, y, n, [](auto s, auto t) { return s < t; });
}
void select_less_equal(const float* u, const float* v, const float* a, const float* b, float* y,
                       std::size_t n) {
  choose(u, v, a, b, y, n, [](auto s, auto t) { return s <= t; });
}
void select_greater(const float* u, const float* v, const float* a, const float* b, float* y, std::size_t n) {
  choose(u, v, a, b, y, n, [](auto s, auto t) { return s > t; });
}
void select_greater_equal(const float* u, const float* v, const float* a, const float* b, float* y,
                          std::size_t n) {
  choose(u, v, a, b, y, n, [](auto s, auto t) { return s >= t; });
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
void scale_u8(const std::uint8_t* x, const float* factor, float* y, std::size_t n) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(y + i, numbers(x + i) * load(factor + i));
  for (; i < n; ++i) y[i] = static_cast<float>(x[i]) * factor[i];
}

// The sums of kColumns registers of columns, block by block. Several columns at once, because one chain of
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

// A column that fills no register, in the same order.
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
    // The last columns together with some before them, which are done already.
    Vector sums[1];
    sum_columns<1>(x + n - kWidth, rows, stride, sums);
    for (; j < n; ++j) y[j] += sums[0][j + kWidth - n];
  }
  for (; j < n; ++j) y[j] += sum_column(x + j, rows, stride);
}

// Half a register of f32 as a register of f64, in which the product of two f32 is exact.
constexpr std::size_t kHalf = kWidth / 2;
typedef float Half __attribute__((vector_size(kHalf * sizeof(float))));
typedef double Wide __attribute__((vector_size(kHalf * sizeof(double))));
Wide load_wide(const float* x) {
  Half half;
  __builtin_memcpy(&half, x, sizeof(half));
  return __builtin_convertvector(half, Wide);
}

template <std::size_t kColumns>
void add_wide_columns(const float* x, std::size_t rows, std::size_t stride, const float* factors,
                      std::size_t factor_stride, double* y) {
  Wide sums[kColumns];
  __builtin_memcpy(sums, y, sizeof(sums));
  for (std::size_t row = 0; row < rows; ++row, x += stride) {
    if (factors == nullptr) {
      for (std::size_t c = 0; c < kColumns; ++c) sums[c] += load_wide(x + c * kHalf);
    } else {
      const Wide factor = Wide{} + static_cast<double>(factors[row * factor_stride]);
      for (std::size_t c = 0; c < kColumns; ++c) sums[c] += factor * load_wide(x + c * kHalf);
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

// The sum of f(i), registers of f64 over the elements from i on, and of g(i) for those that fill none.
template <typename F, typename G>
double sum_wide(std::size_t n, F f, G g) {
  constexpr std::size_t kChains = 4;
  Wide sums[kChains] = {};
  std::size_t i = 0;
  for (; i + kChains * kHalf <= n; i += kChains * kHalf) {
    for (std::size_t c = 0; c < kChains; ++c) sums[c] += f(i + c * kHalf);
  }
  for (; i + kHalf <= n; i += kHalf) sums[0] += f(i);
  const Wide all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double total = 0.0;
  for (std::size_t lane = 0; lane < kHalf; ++lane) total += all[lane];
  for (; i < n; ++i) total += g(i);
  return total;
}

double sum(const float* x, std::size_t n) {
  return sum_wide(
      n, [x](std::size_t i) { return load_wide(x + i); },
      [x](std::size_t i) { return static_cast<double>(x[i]); });
}

double dot(const float* a, const float* b, std::size_t n) {
  return sum_wide(
      n, [a, b](std::size_t i) { return load_wide(a + i) * load_wide(b + i); },
      [a, b](std::size_t i) { return static_cast<double>(a[i]) * static_cast<double>(b[i]); });
}

float softmax_row(const float* x, float* probabilities, std::size_t n) {
  float largest = x[0];
  for (std::size_t i = 1; i < n; ++i) largest = x[i] > largest || x[i] != x[i] ? x[i] : largest;
  constexpr std::size_t kBlock = 64 * kWidth;
  const Vector shift = fill(largest);
  double sums = 0.0;  // of many blocks
  float total = 0.0F;
  std::size_t i = 0;
  while (i + kWidth <= n) {
    const std::size_t end = i + kBlock < n ? i + kBlock : n;
    Vector lanes{};
    for (; i + kWidth <= end; i += kWidth) {
      const Vector e = WEFT_VECTOR_MATH(expf)(load(x + i) - shift);
      store(probabilities + i, e);
      lanes += e;
    }
    total = 0.0F;
    for (std::size_t lane = 0; lane < kWidth; ++lane) total += lanes[lane];
    sums += static_cast<double>(total);
  }
  total = static_cast<float>(sums);
  if (i < n) {
    float tail[kWidth] = {};
    __builtin_memcpy(tail, x + i, (n - i) * sizeof(float));
    store(tail, WEFT_VECTOR_MATH(expf)(load(tail) - shift));
    __builtin_memcpy(probabilities + i, tail, (n - i) * sizeof(float));
    for (std::size_t lane = 0; lane < n - i; ++lane) total += tail[lane];
  }
  const float scale = 1.0F / total;
  for (std::size_t j = 0; j < n; ++j) probabilities[j] *= scale;
  return largest + __builtin_logf(total);
}

// Rows shorter than a register, `rows` <= kWidth of them side by side, each in a lane of its own: alone, such
// a row would mostly wait for one element after the other. The sums have the order of softmax_row.
void softmax_lanes(const float* x, float* probabilities, float* norms, std::size_t rows, std::size_t n) {
  alignas(sizeof(Vector)) float columns[kWidth][kWidth] = {};
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = 0; j < n; ++j) columns[j][row] = x[row * n + j];
  }
  Vector largest = load(columns[0]);
  for (std::size_t j = 1; j < n; ++j) {
    const Vector v = load(columns[j]);
    largest = select((v > largest) | (v != v), v, largest);
  }
  Vector total{};
  for (std::size_t j = 0; j < n; ++j) {
    const Vector e = WEFT_VECTOR_MATH(expf)(load(columns[j]) - largest);
    store(columns[j], e);
    total += e;
  }
  const Vector scale = 1.0F / total;
  for (std::size_t j = 0; j < n; ++j) store(columns[j], load(columns[j]) * scale);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = 0; j < n; ++j) probabilities[row * n + j] = columns[j][row];
    if (norms != nullptr) norms[row] = largest[row] + __builtin_logf(total[row]);
  }
}

void softmax(const float* x, float* probabilities, float* norms, std::size_t rows, std::size_t n) {
  if (n < kWidth) {
    for (std::size_t row = 0; row < rows; row += kWidth) {
      const std::size_t count = rows - row < kWidth ? rows - row : kWidth;
      softmax_lanes(x + row * n, probabilities + row * n, norms != nullptr ? norms + row : nullptr, count, n);
    }
    return;
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const float norm = softmax_row(x + row * n, probabilities + row * n, n);
    if (norms != nullptr) norms[row] = norm;
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
    .select_less = select_less,
    .select_less_equal = select_less_equal,
    .select_greater = select_greater,
    .select_greater_equal = select_greater_equal,
    .where = where,
    .from_u8 = from_u8,
    .scale_u8 = scale_u8,
    .add_rows = add_rows,
    .add_many_rows = add_many_rows,
    .sum = sum,
    .dot = dot,
    .softmax = softmax,
    .add_bias = add_bias,
};

}  // namespace weft
