// The loops behind LaneFunctions, written once over the compiler's vector types. A file that includes this
// defines WEFT_LANE_BYTES (of a vector), WEFT_LANE_FILTERS and WEFT_LANE_SUMS (how many sums fit the
// registers), WEFT_LANE_CHANNELS, WEFT_LANE_NAME and WEFT_LANE_TABLE. Everything here has internal linkage
// and uses no inline function of a library: code for one instruction set must never be picked by the linker
// for another.

#include "weft/runtime/kernels/images/lanes/lane_functions.h"

namespace weft {
namespace {

using Index = std::int64_t;
typedef float Lanes __attribute__((vector_size(WEFT_LANE_BYTES)));
constexpr Index kWidth = WEFT_LANE_BYTES / sizeof(float);
constexpr Index kPictures = 2 * kWidth;

Lanes load(const float* x) {
  Lanes v;
  __builtin_memcpy(&v, x, sizeof(v));
  return v;
}
void store(float* y, Lanes v) { __builtin_memcpy(y, &v, sizeof(v)); }

/// Holds a vector in a register, which the compiler would otherwise read from memory at each of its uses.
void hold(Lanes& v) {
#if WEFT_LANE_BYTES == 64
  asm("" : "+v"(v));  // NOLINT(hicpp-no-assembler)
#else
  asm("" : "+x"(v));  // NOLINT(hicpp-no-assembler)
#endif
}

Lanes rectified(Lanes v) { return v < Lanes{} ? Lanes{} : v; }

template <int kFilters>
void add_windows(const WindowSums& s) {
  Lanes sums[kFilters][2];
#pragma GCC unroll 16
  for (int f = 0; f < kFilters; ++f) sums[f][0] = sums[f][1] = Lanes{};
  const WindowTap* const end = s.taps.data() + s.taps.size();
  for (const WindowTap* tap = s.taps.data(); tap != end; ++tap) {
    const float* x = s.source + tap->source;
    const float* w = s.weights + tap->weights;
    for (Index c = 0; c < s.channels; ++c, x += kPictures, w += kFilters) {
      const Lanes first = load(x);
      const Lanes second = load(x + kWidth);
#pragma GCC unroll 16
      for (int f = 0; f < kFilters; ++f) {
        const Lanes weight = w[f] - Lanes{};
        sums[f][0] += first * weight;
        sums[f][1] += second * weight;
      }
    }
  }
#pragma GCC unroll 16
  for (int f = 0; f < kFilters; ++f) {
    if (f >= s.kept) break;
    for (int half = 0; half < 2; ++half) {
      Lanes sum = sums[f][half];
      if (s.bias != nullptr) sum += s.bias[f] - Lanes{};
      store(s.result + f * kPictures + half * kWidth, s.rectified ? rectified(sum) : sum);
    }
  }
}

template <int kFilters, int kChannels>
void add_run(const PositionSums& s, const TapRun& run) {
  constexpr Index kTap = Index{kFilters} * kChannels * kWidth;
  float* const at = s.sums + run.tap * kTap;
  Lanes sums[kFilters][kChannels];
#pragma GCC unroll 16
  for (int f = 0; f < kFilters; ++f) {
#pragma GCC unroll 16
    for (int c = 0; c < kChannels; ++c) sums[f][c] = load(at + (f * kChannels + c) * kWidth);
  }
  const Index a_step = s.a_pixel;
  const Index b_step = s.b_stride * s.b_pixel;
  const float* a = s.a + run.a * a_step;
  const float* b = s.b + run.b * s.b_pixel;
  for (Index i = run.count; i > 0; --i, a += a_step, b += b_step) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      Lanes of_channel[kChannels];
#pragma GCC unroll 16
      for (int c = 0; c < kChannels; ++c) of_channel[c] = load(b + c * kPictures + half * kWidth);
#pragma GCC unroll 16
      for (int f = 0; f < kFilters; ++f) {
        Lanes of_filter = load(a + f * kPictures + half * kWidth);
        hold(of_filter);
#pragma GCC unroll 16
        for (int c = 0; c < kChannels; ++c) sums[f][c] += of_filter * of_channel[c];
      }
    }
  }
#pragma GCC unroll 16
  for (int f = 0; f < kFilters; ++f) {
#pragma GCC unroll 16
    for (int c = 0; c < kChannels; ++c) store(at + (f * kChannels + c) * kWidth, sums[f][c]);
  }
}

template <int kFilters, int kChannels>
void add_positions(const PositionSums& s) {
  const TapRun* const end = s.runs.data() + s.runs.size();
  for (const TapRun* run = s.runs.data(); run != end; ++run) add_run<kFilters, kChannels>(s, *run);
}

void take_lanes(float* sums, Index vectors, double* totals) {
  for (Index i = 0; i < vectors; ++i) {
    double total = 0.0;
    for (Index lane = 0; lane < kWidth; ++lane) {
      total += static_cast<double>(sums[i * kWidth + lane]);
      sums[i * kWidth + lane] = 0.0F;
    }
    totals[i] += total;
  }
}

typedef std::int32_t Whole __attribute__((vector_size(WEFT_LANE_BYTES)));

Whole load(const std::int32_t* x) {
  Whole v;
  __builtin_memcpy(&v, x, sizeof(v));
  return v;
}
void store(std::int32_t* y, Whole v) { __builtin_memcpy(y, &v, sizeof(v)); }

void take_larger(const float* x, std::int32_t at, float* y, std::int32_t* index, Index n) {
  Index i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Lanes here = load(x + i);
    const Lanes so_far = load(y + i);
    const Whole takes = ~(here <= so_far) & (so_far == so_far);
    store(y + i, takes ? here : so_far);
    store(index + i, takes ? at - Whole{} : load(index + i));
  }
  for (; i < n; ++i) {
    if (x[i] <= y[i] || y[i] != y[i]) continue;
    y[i] = x[i];
    index[i] = at;
  }
}

void add_where(const float* x, const std::int32_t* index, std::int32_t at, float* y, Index n) {
  Index i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Lanes sum = load(y + i) + load(x + i);
    store(y + i, load(index + i) == at - Whole{} ? sum : load(y + i));
  }
  for (; i < n; ++i) {
    if (index[i] == at) y[i] += x[i];
  }
}

// The flags of these files let a product and a sum be rounded once; here they are not to be.
Lanes scaled_sum(Lanes x, float factor, Lanes y) {
  Lanes product = x * (factor - Lanes{});
  hold(product);
  return y + product;
}

void add_scaled(const float* x, float factor, float* y, Index n) {
  Index i = 0;
  for (; i + kWidth <= n; i += kWidth) store(y + i, scaled_sum(load(x + i), factor, load(y + i)));
  if (i == n) return;
  const auto rest = static_cast<__SIZE_TYPE__>(n - i) * sizeof(float);
  Lanes last_x{};
  Lanes last_y{};
  __builtin_memcpy(&last_x, x + i, rest);
  __builtin_memcpy(&last_y, y + i, rest);
  last_y = scaled_sum(last_x, factor, last_y);
  __builtin_memcpy(y + i, &last_y, rest);
}

bool scale(float factor, float* y, Index n) {
  std::uint32_t finite = 1;
  for (Index i = 0; i < n; ++i) {
    y[i] *= factor;
    finite &= static_cast<std::uint32_t>(y[i] - y[i] == 0.0F);
  }
  return finite != 0;
}

constexpr int most_rows(int channels) {
  if (channels > WEFT_LANE_CHANNELS) return 0;
  const int rows = WEFT_LANE_SUMS / channels;
  return rows < static_cast<int>(kMostLaneFilters) ? rows : static_cast<int>(kMostLaneFilters);
}

template <int kFilters>
constexpr void enter_windows(LaneFunctions& table) {
  if constexpr (kFilters > 0) {
    table.add_windows[kFilters] = add_windows<kFilters>;
    enter_windows<kFilters - 1>(table);
  }
}

template <int kChannels, int kFilters>
constexpr void enter_positions(LaneFunctions& table) {
  if constexpr (kFilters > 0) {
    table.add_positions[kChannels][kFilters] = add_positions<kFilters, kChannels>;
    enter_positions<kChannels, kFilters - 1>(table);
  }
}

template <int kChannels>
constexpr void enter_channels(LaneFunctions& table) {
  if constexpr (kChannels > 0) {
    table.most_rows[kChannels] = most_rows(kChannels);
    enter_positions<kChannels, most_rows(kChannels)>(table);
    enter_channels<kChannels - 1>(table);
  }
}

constexpr LaneFunctions table() {
  LaneFunctions table{.instruction_set = WEFT_LANE_NAME,
                      .lanes = kPictures,
                      .most_filters = WEFT_LANE_FILTERS,
                      .take_lanes = take_lanes,
                      .take_larger = take_larger,
                      .add_where = add_where,
                      .add_scaled = add_scaled,
                      .scale = scale};
  enter_windows<WEFT_LANE_FILTERS>(table);
  enter_channels<WEFT_LANE_CHANNELS>(table);
  return table;
}

}  // namespace

constinit const LaneFunctions WEFT_LANE_TABLE = table();

}  // namespace weft
