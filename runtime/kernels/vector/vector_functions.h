#pragma once
// Vectorized inner loops over contiguous f32 elements, compiled once for each instruction set and chosen by
// what the CPU has. Every element is computed by the same instructions wherever it lies in its array, so the
// bits do not depend on how the work is cut. log, erf and their kin come from glibc's vector library.
// How many ulp a result may be from the mathematical one, at any float: neg, abs, relu none; square, sqrt and
// arithmetic 1/2; exp 2; tanh 3; log and sigmoid 4; erf 5; gelu 7; gelu_slope 7, or 2e-7 where it crosses 0.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft {

/// A row's largest element, and the sum of e^(x - largest) over all others.
struct RowSum {
  float largest;
  float others;
};

/// The sum of some factors, and that of their products with what they stand beside.
struct CentredSum {
  double factors;
  double products;
};

/// How a Fourier transform of `length` numbers is taken apart (ops/fourier_plan.h). A factor is at most 31.
struct FourierTables {
  std::size_t length;
  const std::int64_t* factors;
  const double* turns;  // real and imaginary parts
};

struct VectorFunctions {
  std::string_view instruction_set;  // "sse2", "avx2", "avx512"

  // y[i] = f(x[i]); x and y may be the same array.
  using Unary = void (*)(const float* x, float* y, std::size_t n);
  Unary neg, square, sqrt, exp, log, log1p, expm1, abs, erf, tanh, relu, sigmoid, gelu, gelu_slope;

  // y[i] = f(a[i], b[i]); y may be a or b.
  using Binary = void (*)(const float* a, const float* b, float* y, std::size_t n);
  Binary add, sub, mul, div, minimum, maximum;

  using Comparison = void (*)(const float* a, const float* b, bool* y, std::size_t n);
  Comparison less, less_equal, greater, greater_equal;

  void (*where)(const bool* condition, const float* a, const float* b, float* y, std::size_t n);
  void (*from_u8)(const std::uint8_t* x, float* y, std::size_t n);

  // Floats of 16 bits as their bits (graph/half.h), with the same results as there.
  using Widening = void (*)(const std::uint16_t* x, float* y, std::size_t n);
  using Narrowing = void (*)(const float* x, std::uint16_t* y, std::size_t n);
  Widening from_f16, from_bf16;
  Narrowing to_f16, to_bf16;

  // y += sum of `rows` rows of `n` elements, `stride` apart, added in f32 in blocks of 16 rows: each error is
  // below (16 + rows / 16) 2^-24 of the sum of absolute values. For few rows.
  void (*add_rows)(const float* x, std::size_t rows, std::size_t stride, float* y, std::size_t n);
  // y += sum of factors[r * factor_stride] times row r, in f64, for any number of rows; without `factors`,
  // the sum of the rows.
  void (*add_many_rows)(const float* x, std::size_t rows, std::size_t stride, const float* factors,
                        std::size_t factor_stride, double* y, std::size_t n);
  // The sum of n elements, and of n products, in f64.
  double (*sum)(const float* x, std::size_t n);
  double (*dot)(const float* a, const float* b, std::size_t n);

  // The sum of the squares of n elements.
  double (*sum_squares)(const float* x, std::size_t n);
  // The sum of (x - mean)^2 of n elements, in f64.
  double (*sum_squared_gaps)(const float* x, double mean, std::size_t n);
  // The sums of y and of y (x - mean) of n elements, in f64.
  CentredSum (*centred_sum)(const float* y, const float* x, double mean, std::size_t n);
  // For column j of `rows` rows of n elements, `stride` apart, in f64: squares[j] += (x - means[j])^2, and
  // factors[j] += y, products[j] += y (x - means[j]).
  void (*add_squared_gaps)(const float* x, std::size_t rows, std::size_t stride, const double* means,
                           double* squares, std::size_t n);
  void (*add_centred_sums)(const float* y, const float* x, std::size_t rows, std::size_t stride,
                           const double* means, double* factors, double* products, std::size_t n);
  // y[j] += the squares of column j of `rows` rows of `n` elements, `stride` apart.
  void (*add_squares)(const float* x, std::size_t rows, std::size_t stride, double* y, std::size_t n);

  // probabilities = softmax(x) for each of `rows` rows of n >= 1 elements, and what ln sum(e^x) =
  // largest + ln(1 + others) is made of. x may be `probabilities`; sums may be null.
  void (*softmax)(const float* x, float* probabilities, RowSum* sums, std::size_t rows, std::size_t n);

  // y = x - ln sum(e^x) for each of `rows` rows of n >= 1 elements. y may be x.
  void (*log_softmax)(const float* x, float* y, std::size_t rows, std::size_t n);
  // dx = y (dy - sum(dy y)) for each of `rows` rows of n elements; dx may be y or dy.
  void (*softmax_gradient)(const float* y, const float* dy, float* dx, std::size_t rows, std::size_t n);

  // Another n >= 1 columns of scores whose softmax is taken block by block (Milakov and Gimelshein 2018): for
  // each of `rows` rows, x becomes e^(x - l) with l the largest so far; `largest` and `sums` of such powers
  // follow, and factors[row] is by what is to be multiplied what was made with the largest one before.
  void (*add_softmax_block)(float* x, float* largest, float* sums, float* factors, std::size_t rows,
                            std::size_t n);
  // x = e^(x - shifts[row]), which is 0 where the shift is infinite; then slopes = scale x (slopes -
  // means[row]).
  void (*shifted_exp)(float* x, const float* shifts, std::size_t rows, std::size_t n);
  void (*softmax_slopes)(const float* p, float* slopes, const float* means, float scale, std::size_t rows,
                         std::size_t n);

  // y[i] += bias[i], then relu if asked, for each of `rows` rows of n elements.
  void (*add_bias)(float* y, const float* bias, std::size_t rows, std::size_t n, bool relu);

  // The Fourier transforms of `fourier_lanes` rows side by side: x and z, which do not overlap, are
  // [length][2] [fourier_lanes], real parts before imaginary ones. A row's bits do not depend on the other
  // rows.
  std::size_t fourier_lanes;
  void (*fourier)(const FourierTables& tables, const double* x, double* z);
};

/// The functions for this CPU.
const VectorFunctions& vector_functions();

// One table for each instruction set, defined by the file that is compiled for it.
extern const VectorFunctions kSse2Functions;
extern const VectorFunctions kAvx2Functions;
extern const VectorFunctions kAvx512Functions;

}  // namespace weft
