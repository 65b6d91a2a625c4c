// SparseFunctions for sse2; CMake gives this file the compiler flags that it needs.
#define WEFT_VECTOR_WIDTH 4
#define WEFT_SPARSE_BLOCK 12
#define WEFT_SPARSE_TABLE kSse2SparseFunctions
#define WEFT_VECTOR_NAME "sse2"
#include "weft/runtime/sparse/vector/sparse_loops.inl"  // NOLINT(bugprone-suspicious-include)
