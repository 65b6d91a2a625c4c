#pragma once
// The inner loops over pictures of which many numbers lie side by side at each pixel, compiled once for each
// instruction set and chosen by what the CPU has: convolutions of interleaved pictures
// (runtime/images/picture_order.h), where each lane of a vector computes a picture of its own, so that no
// lane idles whatever the channels, the filters and the sizes are; and pooling. Internal to
// runtime/kernels/images/.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace weft {

/// One element of a window: where its channels begin in the source, counted from the window's row, and where
/// its weights begin.
struct WindowTap {
  std::int32_t source = 0;
  std::int32_t weights = 0;
};

/// The sums of some filters over one window: for each filter f, over all taps and channels, of source[c] *
/// weights[c * filters + f].
struct WindowSums {
  const float* source = nullptr;  // [..., channels, lanes]
  std::span<const WindowTap> taps;
  std::int64_t channels = 0;
  const float* weights = nullptr;
  float* result = nullptr;      // [kept, lanes]
  std::int64_t kept = 0;        // of the filters; the others' weights are fillers
  const float* bias = nullptr;  // of the kept filters, or null
  bool rectified = false;       // max(sum, 0), NaN kept
};

/// Positions side by side in a row that meet under one tap: the first pixel of a and of b, how many, and the
/// tap.
struct TapRun {
  std::int32_t a = 0;
  std::int32_t b = 0;
  std::int32_t count = 0;
  std::int32_t tap = 0;
};

/// sums[tap, f, c] += a[f] * b[c] over the positions of all runs; at a pixel, a and b are [filters, lanes]
/// and [channels, lanes].
struct PositionSums {
  const float* a = nullptr;
  std::int64_t a_pixel = 0;  // floats from one to the next
  const float* b = nullptr;
  std::int64_t b_pixel = 0;
  std::int64_t b_stride = 1;  // pixels from one position to the next
  std::span<const TapRun> runs;
  float* sums = nullptr;  // [taps, filters, channels, lanes of a vector]
};

inline constexpr std::size_t kMostLaneFilters = 13;
inline constexpr std::size_t kMostLaneChannels = 4;

struct LaneFunctions {
  std::string_view instruction_set;  // "sse2", "avx2", "avx512"
  std::int64_t lanes = 0;            // pictures of a block: two vectors of floats
  std::int64_t most_filters = 0;     // of a call to add_windows
  /// By the number of filters, from 1 on.
  std::array<void (*)(const WindowSums&), kMostLaneFilters + 1> add_windows{};
  /// The most filters for each number of channels, from 1 on; 0 where there is no function.
  std::array<std::int64_t, kMostLaneChannels + 1> most_rows{};
  /// By the numbers of channels and filters, from 1 on.
  std::array<std::array<void (*)(const PositionSums&), kMostLaneFilters + 1>, kMostLaneChannels + 1>
      add_positions{};
  /// totals[i] += the sum of the lanes of vector i, which becomes zero.
  void (*take_lanes)(float* sums, std::int64_t vectors, double* totals) = nullptr;

  /// Where x is larger than y, or the first NaN, it takes y's place, and `at` that of the index.
  void (*take_larger)(const float* x, std::int32_t at, float* y, std::int32_t* index,
                      std::int64_t n) = nullptr;
  /// y += x where the index is `at`.
  void (*add_where)(const float* x, const std::int32_t* index, std::int32_t at, float* y,
                    std::int64_t n) = nullptr;
  /// y += factor * x, rounded after the product and after the sum.
  void (*add_scaled)(const float* x, float factor, float* y, std::int64_t n) = nullptr;
  /// y *= factor; returns whether all results are finite.
  bool (*scale)(float factor, float* y, std::int64_t n) = nullptr;
};

/// Those for this CPU.
const LaneFunctions& lane_functions();
/// Those for all instruction sets that this CPU has, the best first.
std::span<const LaneFunctions* const> usable_lane_functions();

// Defined by the file that is compiled for the instruction set.
extern const LaneFunctions kSse2Lanes;
extern const LaneFunctions kAvx2Lanes;
extern const LaneFunctions kAvx512Lanes;

}  // namespace weft
