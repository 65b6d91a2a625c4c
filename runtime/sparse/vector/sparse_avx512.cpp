// SparseFunctions for avx512; CMake gives this file the compiler flags that it needs.
#define WEFT_VECTOR_WIDTH 16
#define WEFT_SPARSE_BLOCK 16
#define WEFT_SPARSE_TABLE kAvx512SparseFunctions
#define WEFT_VECTOR_NAME "avx512"
#include "weft/runtime/sparse/vector/sparse_loops.inl"  // NOLINT(bugprone-suspicious-include)
