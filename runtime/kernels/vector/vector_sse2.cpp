// VectorFunctions and VectorMath for sse2; CMake gives this file the compiler flags that it needs.
#define WEFT_VECTOR_WIDTH 4
#define WEFT_VECTOR_MATH(name) _ZGVbN4v_##name
#define WEFT_VECTOR_MATH_DOUBLE(name) _ZGVbN2v_##name
#define WEFT_VECTOR_MATH_OF_TWO(name) _ZGVbN4vv_##name
#define WEFT_VECTOR_TABLE kSse2Functions
#define WEFT_VECTOR_MATH_TABLE kSse2Math
#define WEFT_VECTOR_NAME "sse2"
#include "weft/runtime/kernels/vector/vector_loops.inl"  // NOLINT(bugprone-suspicious-include)
#include "weft/runtime/kernels/vector/vector_math.inl"   // NOLINT(bugprone-suspicious-include)
