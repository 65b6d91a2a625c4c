// VectorFunctions and VectorMath for avx512; CMake gives this file the compiler flags that it needs.
#define WEFT_VECTOR_WIDTH 16
#define WEFT_VECTOR_MATH(name) _ZGVeN16v_##name
#define WEFT_VECTOR_MATH_DOUBLE(name) _ZGVeN8v_##name
#define WEFT_VECTOR_MATH_OF_TWO(name) _ZGVeN16vv_##name
#define WEFT_VECTOR_TABLE kAvx512Functions
#define WEFT_VECTOR_MATH_TABLE kAvx512Math
#define WEFT_VECTOR_NAME "avx512"
#include "weft/runtime/kernels/vector/vector_loops.inl"  // NOLINT(bugprone-suspicious-include)
#include "weft/runtime/kernels/vector/vector_math.inl"   // NOLINT(bugprone-suspicious-include)
