// LaneFunctions for avx512; CMake gives this file the compiler flags that it needs.
#define WEFT_LANE_BYTES 64
#define WEFT_LANE_FILTERS 13
#define WEFT_LANE_SUMS 16
#define WEFT_LANE_CHANNELS 4
#define WEFT_LANE_NAME "avx512"
#define WEFT_LANE_TABLE kAvx512Lanes
#include "weft/runtime/kernels/images/lanes/lane_loops.inl"  // NOLINT(bugprone-suspicious-include)
