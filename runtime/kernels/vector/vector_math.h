#pragma once
// More functions in the form of VectorFunctions: those of ops/trigonometry.h, powers.h, rounding.h and
// special.h for which glibc's vector library or a few instructions give what these headers promise. In a
// table of its own, so that what uses VectorFunctions is not compiled anew with it. How many ulp a result may
// be from the mathematical one, at any float: floor, ceil, round, trunc and sign none; logaddexp 1, or 1e-15
// of the larger input where it is near 0; exp2, erfc and hypot 2; gauss, tan and asin 4; xlogy 9; the
// others 3.

#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {

struct VectorMath {
  VectorFunctions::Unary sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, exp2, log2, log10,
      cbrt, erfc, gauss, floor, ceil, round, trunc, sign, softplus;
  // y[i] = f(x[i]) in f64, within 4 ulp; x and y may be the same array.
  using UnaryOfDoubles = void (*)(const double* x, double* y, std::size_t n);
  UnaryOfDoubles exp_of_doubles, log_of_doubles, log1p_of_doubles, expm1_of_doubles, erf_of_doubles,
      erfc_of_doubles, tanh_of_doubles, sin_of_doubles, cos_of_doubles, tan_of_doubles, asin_of_doubles,
      acos_of_doubles, atan_of_doubles, sinh_of_doubles, cosh_of_doubles, asinh_of_doubles, acosh_of_doubles,
      atanh_of_doubles, exp2_of_doubles, log2_of_doubles, log10_of_doubles, cbrt_of_doubles,
      sigmoid_of_doubles;
  VectorFunctions::Binary atan2, hypot, logaddexp, xlogy;
};

/// The functions for this CPU.
const VectorMath& vector_math();

// One table for each instruction set, defined by the file that is compiled for it.
extern const VectorMath kSse2Math;
extern const VectorMath kAvx2Math;
extern const VectorMath kAvx512Math;

}  // namespace weft
