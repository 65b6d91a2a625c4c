// The kernels of the reference loop in AVX2. exp is that of glibc's libmvec (below 4 ulp), tanh a rational
// approximation (below 5 ulp, 3e-7). Only the functions marked here are compiled for AVX2, so that the file
// may be linked into a program for any x86-64.

#include <immintrin.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "weft/bench/reference_kernels.h"

#define WEFT_AVX2 __attribute__((target("avx2,fma")))

/// expf under the name that the x86-64 vector function ABI gives to its version for 8 lanes of AVX2.
// NOLINTNEXTLINE(readability-identifier-naming): the name is the ABI's
extern "C" WEFT_AVX2 __m256 _ZGVdN8v_expf(__m256 x);

namespace weft::bench {
namespace {

constexpr std::int64_t kLanes = 8;
constexpr std::int64_t kLineBytes = 64;
constexpr std::int64_t kPrefetchedRows = 2;

// min and max give their second operand when one is NaN: NaN comes second and passes through.

struct Relu {
  WEFT_AVX2 static __m256 value(__m256 x) { return _mm256_max_ps(_mm256_setzero_ps(), x); }
  WEFT_AVX2 static __m256 scaled(__m256 d, __m256 y) {
    return _mm256_and_ps(d, _mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_GT_OQ));
  }
};

/// c[0] + c[1] s + c[2] s^2 + ...
template <std::size_t kTerms>
WEFT_AVX2 __m256 polynomial(const std::array<float, kTerms>& c, __m256 s) {
  __m256 sum = _mm256_set1_ps(c[kTerms - 1]);
  for (std::size_t i = kTerms - 1; i-- > 0;) sum = _mm256_fmadd_ps(sum, s, _mm256_set1_ps(c[i]));
  return sum;
}

/// tanh(x) = x p(x^2) / q(x^2) with the coefficients of Eigen's ptanh; x is clamped to where tanh rounds
/// to 1. A third of the time of libmvec's tanhf.
struct Tanh {
  static constexpr float kLimit = 7.90531110763549805F;
  static constexpr std::array kNumerator{4.89352455891786e-03F, 6.37261928875436e-04F,  1.48572235717979e-05F,
                                         5.12229709037114e-08F, -8.60467152213735e-11F, 2.00018790482477e-13F,
                                         -2.76076847742355e-16F};
  static constexpr std::array kDenominator{4.89352518554385e-03F, 2.26843463243900e-03F,
                                           1.18534705686654e-04F, 1.19825839466702e-06F};

  WEFT_AVX2 static __m256 value(__m256 x) {
    const __m256 t = _mm256_max_ps(_mm256_set1_ps(-kLimit), _mm256_min_ps(_mm256_set1_ps(kLimit), x));
    const __m256 s = _mm256_mul_ps(t, t);
    return _mm256_div_ps(_mm256_mul_ps(t, polynomial(kNumerator, s)), polynomial(kDenominator, s));
  }
  WEFT_AVX2 static __m256 scaled(__m256 d, __m256 y) { return _mm256_fnmadd_ps(_mm256_mul_ps(d, y), y, d); }
};

struct Sigmoid {
  WEFT_AVX2 static __m256 value(__m256 x) {
    const __m256 one = _mm256_set1_ps(1.0F);
    return _mm256_div_ps(one, _mm256_add_ps(one, _ZGVdN8v_expf(_mm256_sub_ps(_mm256_setzero_ps(), x))));
  }
  WEFT_AVX2 static __m256 scaled(__m256 d, __m256 y) {
    const __m256 dy = _mm256_mul_ps(d, y);
    return _mm256_fnmadd_ps(dy, y, dy);
  }
};

/// A permutation jumps through more memory than the caches hold, and the processor cannot guess where to.
void prefetch(const std::uint8_t* image, std::int64_t pixels) {
  for (std::int64_t c = 0; c < pixels; c += kLineBytes) __builtin_prefetch(image + c);
}

WEFT_AVX2 void gather(const ReferenceSamples& samples, const std::int32_t* index, ReferenceRows x) {
  const __m256 scale = _mm256_set1_ps(1.0F / 255.0F);
  const std::int64_t whole = x.columns - x.columns % kLanes;
  for (std::int64_t r = 0; r < x.rows; ++r) {
    const std::int64_t later = r + kPrefetchedRows;
    if (later < x.rows) prefetch(samples.images + index[later] * samples.pixels, samples.pixels);
    const std::uint8_t* image = samples.images + index[r] * samples.pixels;
    float* out = x.data + r * x.stride;
    for (std::int64_t c = 0; c < whole; c += kLanes) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(image + c));
      const __m256 pixels = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
      _mm256_store_ps(out + c, _mm256_mul_ps(pixels, scale));
    }
    for (std::int64_t c = whole; c < x.columns; ++c) out[c] = static_cast<float>(image[c]) * (1.0F / 255.0F);
  }
}

template <typename F>
WEFT_AVX2 void activate_with(ReferenceRows y, const float* bias) {
  for (std::int64_t r = 0; r < y.rows; ++r) {
    float* row = y.data + r * y.stride;
    for (std::int64_t c = 0; c < y.columns; c += kLanes) {
      _mm256_store_ps(row + c, F::value(_mm256_add_ps(_mm256_load_ps(row + c), _mm256_load_ps(bias + c))));
    }
  }
}

template <typename F>
WEFT_AVX2 void scale_by_slope_of(ReferenceRows d, ReferenceRows y) {
  for (std::int64_t r = 0; r < d.rows; ++r) {
    float* row = d.data + r * d.stride;
    const float* out = y.data + r * y.stride;
    for (std::int64_t c = 0; c < d.columns; c += kLanes) {
      _mm256_store_ps(row + c, F::scaled(_mm256_load_ps(row + c), _mm256_load_ps(out + c)));
    }
  }
}

void activate(ReferenceActivation f, ReferenceRows y, const float* bias) {
  switch (f) {
    case ReferenceActivation::relu:
      return activate_with<Relu>(y, bias);
    case ReferenceActivation::tanh:
      return activate_with<Tanh>(y, bias);
    case ReferenceActivation::sigmoid:
      return activate_with<Sigmoid>(y, bias);
  }
}

void scale_by_slope(ReferenceActivation f, ReferenceRows d, ReferenceRows y) {
  switch (f) {
    case ReferenceActivation::relu:
      return scale_by_slope_of<Relu>(d, y);
    case ReferenceActivation::tanh:
      return scale_by_slope_of<Tanh>(d, y);
    case ReferenceActivation::sigmoid:
      return scale_by_slope_of<Sigmoid>(d, y);
  }
}

WEFT_AVX2 float largest(__m256 x) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

WEFT_AVX2 float total(__m256 x) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

/// All bits set in the lanes that hold columns c, c + 1, ... and are not padding.
WEFT_AVX2 __m256 columns_from(std::int64_t c, std::int64_t columns) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(columns - c)), lanes));
}

/// One row of softmax_loss.
WEFT_AVX2 float softmax_row(float* row, const float* bias, std::int64_t columns, std::uint8_t label) {
  __m256 peaks = _mm256_set1_ps(-INFINITY);
  for (std::int64_t c = 0; c < columns; c += kLanes) {
    const __m256 z = _mm256_add_ps(_mm256_load_ps(row + c), _mm256_load_ps(bias + c));
    _mm256_store_ps(row + c, z);
    peaks = _mm256_max_ps(peaks, _mm256_blendv_ps(peaks, z, columns_from(c, columns)));
  }
  const float peak = largest(peaks);
  const float wanted = row[label];
  __m256 sums = _mm256_setzero_ps();
  for (std::int64_t c = 0; c < columns; c += kLanes) {
    const __m256 power = _ZGVdN8v_expf(_mm256_sub_ps(_mm256_load_ps(row + c), _mm256_set1_ps(peak)));
    const __m256 kept = _mm256_and_ps(power, columns_from(c, columns));
    _mm256_store_ps(row + c, kept);
    sums = _mm256_add_ps(sums, kept);
  }
  const float sum = total(sums);
  const __m256 inverse = _mm256_set1_ps(1.0F / sum);
  for (std::int64_t c = 0; c < columns; c += kLanes) {
    _mm256_store_ps(row + c, _mm256_mul_ps(_mm256_load_ps(row + c), inverse));
  }
  row[label] -= 1.0F;
  return std::log(sum) + peak - wanted;
}

double softmax_loss(const ReferenceSamples& samples, const std::int32_t* index, ReferenceRows z,
                    const float* bias) {
  double loss = 0.0;
  for (std::int64_t r = 0; r < z.rows; ++r) {
    loss +=
        static_cast<double>(softmax_row(z.data + r * z.stride, bias, z.columns, samples.labels[index[r]]));
  }
  return loss;
}

/// Two chains of additions for each column, because one would wait for its own latency.
WEFT_AVX2 void add_column_sums(ReferenceRows d, float scale, float* bias) {
  for (std::int64_t c = 0; c < d.columns; c += kLanes) {
    __m256 even = _mm256_setzero_ps();
    __m256 odd = _mm256_setzero_ps();
    std::int64_t r = 0;
    for (; r + 1 < d.rows; r += 2) {
      even = _mm256_add_ps(even, _mm256_load_ps(d.data + r * d.stride + c));
      odd = _mm256_add_ps(odd, _mm256_load_ps(d.data + (r + 1) * d.stride + c));
    }
    if (r < d.rows) even = _mm256_add_ps(even, _mm256_load_ps(d.data + r * d.stride + c));
    _mm256_store_ps(
        bias + c, _mm256_fmadd_ps(_mm256_set1_ps(scale), _mm256_add_ps(even, odd), _mm256_load_ps(bias + c)));
  }
}

}  // namespace

const ReferenceKernels kAvx2ReferenceKernels{.gather = gather,
                                             .activate = activate,
                                             .scale_by_slope = scale_by_slope,
                                             .softmax_loss = softmax_loss,
                                             .add_column_sums = add_column_sums};

}  // namespace weft::bench
