// LaneFunctions for sse2; CMake gives this file the compiler flags that it needs.
#define WEFT_LANE_BYTES 16
#define WEFT_LANE_FILTERS 6
#define WEFT_LANE_SUMS 12
#define WEFT_LANE_CHANNELS 3
#define WEFT_LANE_NAME "sse2"
#define WEFT_LANE_TABLE kSse2Lanes
#include "weft/runtime/kernels/images/lanes/lane_loops.inl"  // NOLINT(bugprone-suspicious-include)
