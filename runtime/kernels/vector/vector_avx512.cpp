// VectorFunctions for avx512; CMake gives this file the compiler flags that it needs.
#define WEFT_VECTOR_WIDTH 16
#define WEFT_VECTOR_MATH(name) _ZGVeN16v_##name
#define WEFT_VECTOR_MATH_DOUBLE(name) _ZGVeN8v_##name
#define WEFT_VECTOR_TABLE kAvx512Functions
#define WEFT_VECTOR_NAME "avx512"
#include "weft/runtime/kernels/vector/vector_loops.inl"  // NOLINT(bugprone-suspicious-include)
