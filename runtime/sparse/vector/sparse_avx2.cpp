// SparseFunctions for avx2; CMake gives this file the compiler flags that it needs.
#define WEFT_VECTOR_WIDTH 8
#define WEFT_SPARSE_BLOCK 13
#define WEFT_SPARSE_TABLE kAvx2SparseFunctions
#define WEFT_VECTOR_NAME "avx2"
#include "weft/runtime/sparse/vector/sparse_loops.inl"  // NOLINT(bugprone-suspicious-include)
