// VectorFunctions and VectorMath for avx2; CMake gives this file the compiler flags that it needs.
#define WEFT_VECTOR_WIDTH 8
#define WEFT_VECTOR_MATH(name) _ZGVdN8v_##name
#define WEFT_VECTOR_MATH_DOUBLE(name) _ZGVdN4v_##name
#define WEFT_VECTOR_MATH_OF_TWO(name) _ZGVdN8vv_##name
#define WEFT_VECTOR_TABLE kAvx2Functions
#define WEFT_VECTOR_MATH_TABLE kAvx2Math
#define WEFT_VECTOR_NAME "avx2"
#include "weft/runtime/kernels/vector/vector_loops.inl"  // NOLINT(bugprone-suspicious-include)
#include "weft/runtime/kernels/vector/vector_math.inl"   // NOLINT(bugprone-suspicious-include)
