// The loops behind SparseFunctions, written once over the compiler's vector types. A file that includes this
// defines WEFT_VECTOR_WIDTH (floats in a register), WEFT_SPARSE_BLOCK (registers that accumulate a block of a
// row, which leaves some for operands), WEFT_SPARSE_TABLE and WEFT_VECTOR_NAME. Everything here has internal
// linkage and uses no inline function of a library, see vector_loops.inl.

#include <immintrin.h>

#include "weft/runtime/sparse/vector/sparse_functions.h"

namespace weft {
namespace {

constexpr std::int64_t kWidth = WEFT_VECTOR_WIDTH;
constexpr int kBlock = WEFT_SPARSE_BLOCK;
typedef float Vector __attribute__((vector_size(kWidth * sizeof(float))));

inline Vector load(const float* x) {
  Vector v;
  __builtin_memcpy(&v, x, sizeof(v));
  return v;
}
inline void store(float* y, Vector v) { __builtin_memcpy(y, &v, sizeof(v)); }

// The last, incomplete register of a row touches only elements of the row.
#if WEFT_VECTOR_WIDTH == 16
typedef __mmask16 Tail;
inline Tail tail_of(std::int64_t n) { return static_cast<Tail>((1U << n) - 1U); }
inline Vector load_tail(const float* x, Tail tail) { return _mm512_maskz_loadu_ps(tail, x); }
inline void store_tail(float* y, Vector v, Tail tail) { _mm512_mask_storeu_ps(y, tail, v); }
#elif WEFT_VECTOR_WIDTH == 8
typedef __m256i Tail;
inline Tail tail_of(std::int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Vector load_tail(const float* x, Tail tail) { return _mm256_maskload_ps(x, tail); }
inline void store_tail(float* y, Vector v, Tail tail) { _mm256_maskstore_ps(y, tail, v); }
#else
typedef std::int64_t Tail;  // 1 to 3
inline Tail tail_of(std::int64_t n) { return n; }
inline Vector load_tail(const float* x, Tail tail) {
  if (tail == 1) return _mm_load_ss(x);
  const __m128 two = _mm_loadl_pi(_mm_setzero_ps(), reinterpret_cast<const __m64*>(x));
  return tail == 2 ? two : _mm_movelh_ps(two, _mm_load_ss(x + 2));
}
inline void store_tail(float* y, Vector v, Tail tail) {
  if (tail == 1) return _mm_store_ss(y, v);
  _mm_storel_pi(reinterpret_cast<__m64*>(y), v);
  if (tail == 3) _mm_store_ss(y + 2, _mm_movehl_ps(v, v));
}
#endif

// Turns bytes into floats by a table, which leaves the floating-point units to the products.
struct ByteNumbers {
  float of[256] = {};
  constexpr ByteNumbers() {
    for (int i = 0; i < 256; ++i) of[i] = static_cast<float>(i);
  }
};
alignas(64) constexpr ByteNumbers kBytes;
inline float number(std::uint8_t x) { return kBytes.of[x]; }
inline float number(float x) { return x; }

inline std::int64_t row_of(FloatEntry entry) { return static_cast<std::int64_t>(entry.row); }
inline std::int64_t row_of(ByteEntry entry) { return static_cast<std::uint16_t>(entry) >> 8; }
inline float value_of(FloatEntry entry) { return entry.value; }
inline float value_of(ByteEntry entry) {
  return number(static_cast<std::uint8_t>(static_cast<std::uint16_t>(entry)));
}

// A block of a row that is summed in R registers and, with HasTail, an incomplete one.
template <int R, bool HasTail>
struct Block {
  Vector sum[R + 1];

  inline __attribute__((always_inline)) void clear() {
#pragma GCC unroll 32
    for (int r = 0; r <= R; ++r) sum[r] = Vector{};
  }
  inline __attribute__((always_inline)) void add(float factor, const float* x, Tail tail) {
    const Vector v = Vector{} + factor;
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r) sum[r] += v * load(x + r * kWidth);
    if constexpr (HasTail) sum[R] += v * load_tail(x + R * kWidth, tail);
  }
  // For an x that fills the last register.
  inline __attribute__((always_inline)) void add(float factor, const float* x) {
    const Vector v = Vector{} + factor;
#pragma GCC unroll 32
    for (int r = 0; r < R + (HasTail ? 1 : 0); ++r) sum[r] += v * load(x + r * kWidth);
  }
  inline __attribute__((always_inline)) void resume(const float* y, Tail tail) {
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r) sum[r] = load(y + r * kWidth);
    if constexpr (HasTail) sum[R] = load_tail(y + R * kWidth, tail);
  }
  inline __attribute__((always_inline)) void pause(float* y, Tail tail) const {
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r) store(y + r * kWidth, sum[r]);
    if constexpr (HasTail) store_tail(y + R * kWidth, sum[R], tail);
  }
  // y = factor * sum + c; c may be null or y.
  inline __attribute__((always_inline)) void finish(float factor, const float* c, float* y, Tail tail) const {
    const Vector v = Vector{} + factor;
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r) {
      store(y + r * kWidth, v * sum[r] + (c != nullptr ? load(c + r * kWidth) : Vector{}));
    }
    if constexpr (HasTail) {
      const Vector last = c != nullptr ? load_tail(c + R * kWidth, tail) : Vector{};
      store_tail(y + R * kWidth, v * sum[R] + last, tail);
    }
  }
};

// The sums of blocks, each with what its roundings lost (Knuth's two-sum). They are as accurate as the blocks
// themselves, however many there are.
template <int R, bool HasTail>
struct BlockTotal {
  Vector sum[R + 1] = {};
  Vector lost[R + 1] = {};

  inline void add(const Block<R, HasTail>& block) {
#pragma GCC unroll 32
    for (int r = 0; r < R + (HasTail ? 1 : 0); ++r) {
      const Vector next = sum[r] + block.sum[r];
      const Vector taken = next - sum[r];
      lost[r] += (sum[r] - (next - taken)) + (block.sum[r] - taken);
      sum[r] = next;
    }
  }
  inline void finish(Block<R, HasTail>& block) const {
#pragma GCC unroll 32
    for (int r = 0; r < R + (HasTail ? 1 : 0); ++r) block.sum[r] = sum[r] + lost[r];
  }
};

// Sums of more than kLongestSum terms: blocks of 1,024 of them, and their total. `add` adds the terms [begin,
// end) to a block, `finish` takes the block of the total. They hold copies and use this function's own block,
// because the compiler cannot keep in registers what is passed by reference.
template <int R, bool HasTail, typename Add, typename Finish>
__attribute__((noinline)) void add_long(std::int64_t begin, std::int64_t end, Add add, Finish finish) {
  constexpr std::int64_t kTerms = 1024;
  BlockTotal<R, HasTail> total;
  Block<R, HasTail> block;  // NOLINT(cppcoreguidelines-pro-type-member-init): clear() fills it
  for (std::int64_t k = begin; k < end; k += kTerms) {
    block.clear();
    add(block, k, k + kTerms < end ? k + kTerms : end);
    total.add(block);
  }
  total.finish(block);
  finish(block);
}

// Between two rows of x, many lines of w go through the cache nearest to the core.
template <typename C, typename V>
inline void fetch_row(const StoredRows& x, std::int64_t row) {
  constexpr std::int64_t kLine = 64;
  const auto* columns = static_cast<const C*>(x.columns);
  const auto* values = static_cast<const V*>(x.values);
  const std::int64_t end = x.ends[row];
  for (std::int64_t k = x.begins[row]; k < end; k += kLine / sizeof(C)) __builtin_prefetch(columns + k);
  for (std::int64_t k = x.begins[row]; k < end; k += kLine / sizeof(V)) __builtin_prefetch(values + k);
}

template <int R, bool HasTail, typename C, typename V>
void multiply_block(const StoredRows& x, std::int64_t count, const float* w, std::int64_t stride,
                    std::int64_t n, float scale, const float* bias, float* y, Tail tail) {
  const auto* columns = static_cast<const C*>(x.columns);
  const auto* values = static_cast<const V*>(x.values);
  for (std::int64_t i = 0; i < count; ++i) {
    if (i + 1 < count) fetch_row<C, V>(x, i + 1);
    const std::int64_t begin = x.begins[i];
    const std::int64_t end = x.ends[i];
    float* to = y + i * n;
    if (end - begin > kLongestSum) {
      add_long<R, HasTail>(
          begin, end,
          [=](Block<R, HasTail>& sum, std::int64_t first, std::int64_t last) {
            for (std::int64_t k = first; k < last; ++k)
              sum.add(number(values[k]), w + static_cast<std::int64_t>(columns[k]) * stride, tail);
          },
          [=](const Block<R, HasTail>& sum) { sum.finish(scale, bias, to, tail); });
      continue;
    }
    Block<R, HasTail> block;  // NOLINT(cppcoreguidelines-pro-type-member-init): clear() fills it
    block.clear();
    for (std::int64_t k = begin; k < end; ++k) {
      block.add(number(values[k]), w + static_cast<std::int64_t>(columns[k]) * stride, tail);
    }
    block.finish(scale, bias, to, tail);
  }
}

// Packs some columns of a matrix: its rows side by side, the last register filled up with zeros. In the
// matrix, rows that lie a power of two apart would push each other out of the cache, and others begin within
// a cache line.
template <int R, bool HasTail>
void pack(const float* from, std::int64_t rows, std::int64_t stride, float* panel, Tail tail) {
  for (std::int64_t i = 0; i < rows; ++i, from += stride) {
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r, panel += kWidth) store(panel, load(from + r * kWidth));
    if constexpr (HasTail) {
      store(panel, load_tail(from + R * kWidth, tail));
      panel += kWidth;
    }
  }
}

// Where w is no wider than the block, it is read where it lies.
template <int R, bool HasTail, typename C, typename V>
void multiply_block_in_panels(const StoredRows& x, std::int64_t count, std::int64_t first, std::int64_t last,
                              const float* w, std::int64_t stride, std::int64_t n, float scale,
                              const float* bias, float* y, Tail tail, const PackedPanel& panel,
                              std::int64_t* cursors) {
  constexpr std::int64_t kStride = (R + (HasTail ? 1 : 0)) * kWidth;
  const auto* columns = static_cast<const C*>(x.columns);
  const auto* values = static_cast<const V*>(x.values);
  const bool apart = stride != R * kWidth;
  const std::int64_t step = panel.size / kStride;
  for (std::int64_t i = 0; i < count; ++i) cursors[i] = x.begins[i];
  for (std::int64_t begin = first; begin < last; begin += step) {
    const std::int64_t end = begin + step < last ? begin + step : last;
    if (apart) pack<R, HasTail>(w + begin * stride, end - begin, stride, panel.data, tail);
    const float* rows = apart ? panel.data : w + begin * stride;
    for (std::int64_t i = 0; i < count; ++i) {
      Block<R, HasTail> block;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled here
      if (begin == first) {
        block.clear();
      } else {
        block.resume(y + i * n, tail);
      }
      std::int64_t k = cursors[i];
      for (; k < x.ends[i] && static_cast<std::int64_t>(columns[k]) < end; ++k) {
        block.add(number(values[k]), rows + (static_cast<std::int64_t>(columns[k]) - begin) * kStride);
      }
      cursors[i] = k;
      if (end == last) {
        block.finish(scale, bias, y + i * n, tail);
      } else {
        block.pause(y + i * n, tail);
      }
    }
  }
}

// Prefetches the cache lines of elements that are to be written. Lines that lie in the caches of another
// thread's core would otherwise be fetched twice, to be read and to be written, and every store would wait
// for the second fetch.
template <int Elements>
inline __attribute__((always_inline)) void own_soon(const float* x) {
  constexpr int kLine = 64 / sizeof(float);
#pragma GCC unroll 32
  for (int i = 0; i < Elements; i += kLine) __builtin_prefetch(x + i, 1);
}

// `d` has rows of as many registers as the block.
template <int R, bool HasTail, typename Entry>
void accumulate_block(const StoredColumns& x, std::int64_t count, const float* d, float alpha, const float* c,
                      float* y, std::int64_t stride, Tail tail) {
  constexpr std::int64_t kAhead = 4;
  constexpr std::int64_t kStride = (R + (HasTail ? 1 : 0)) * kWidth;
  const auto* entries = static_cast<const Entry*>(x.entries);
  for (std::int64_t column = 0; column < count; ++column) {
    if (const std::int64_t later = column + kAhead; later < count && x.begins[later] != x.ends[later]) {
      own_soon<R * kWidth + (HasTail ? 1 : 0)>(y + later * stride);
    }
    const std::int32_t end = x.ends[column];
    std::int32_t k = x.begins[column];
    if (k == end && c == y) continue;
    const float* from = c != nullptr ? c + column * stride : nullptr;
    float* to = y + column * stride;
    if (end - k > kLongestSum) {
      add_long<R, HasTail>(
          k, end,
          [=](Block<R, HasTail>& sum, std::int64_t first, std::int64_t last) {
            for (std::int64_t at = first; at < last; ++at)
              sum.add(value_of(entries[at]), d + row_of(entries[at]) * kStride);
          },
          [=](const Block<R, HasTail>& sum) { sum.finish(alpha, from, to, tail); });
      continue;
    }
    Block<R, HasTail> block;  // NOLINT(cppcoreguidelines-pro-type-member-init): clear() fills it
    block.clear();
    for (; k < end; ++k) block.add(value_of(entries[k]), d + row_of(entries[k]) * kStride);
    block.finish(alpha, from, to, tail);
  }
}

// The first of the ascending columns [begin, end) that is not below `bound`.
template <typename C>
inline std::int64_t first_from(const C* columns, std::int64_t begin, std::int64_t end, std::int64_t bound) {
  while (begin < end) {
    const std::int64_t middle = begin + (end - begin) / 2;
    if (static_cast<std::int64_t>(columns[middle]) < bound) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

template <int R, bool HasTail, typename C, typename V>
void scatter_block(const StoredRows& x, std::int64_t count, std::int64_t first, std::int64_t last,
                   const float* d, std::int64_t n, float alpha, float* y, std::int64_t stride, Tail tail) {
  constexpr std::int64_t kAhead = 8;
  const auto* columns = static_cast<const C*>(x.columns);
  const auto* values = static_cast<const V*>(x.values);
  for (std::int64_t i = 0; i < count; ++i, d += n) {
    if (i + 1 < count) fetch_row<C, V>(x, i + 1);
    Vector row[R + 1];
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r) row[r] = load(d + r * kWidth);
    if constexpr (HasTail) row[R] = load_tail(d + R * kWidth, tail);
    std::int64_t k = first_from(columns, x.begins[i], x.ends[i], first);
    const std::int64_t end = first_from(columns, k, x.ends[i], last);
    for (; k < end; ++k) {
      const Vector v = Vector{} + alpha * number(values[k]);
      if (k + kAhead < end) {
        own_soon<R * kWidth + (HasTail ? 1 : 0)>(y + static_cast<std::int64_t>(columns[k + kAhead]) * stride);
      }
      float* to = y + static_cast<std::int64_t>(columns[k]) * stride;
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r) store(to + r * kWidth, load(to + r * kWidth) + v * row[r]);
      if constexpr (HasTail) {
        store_tail(to + R * kWidth, load_tail(to + R * kWidth, tail) + v * row[R], tail);
      }
    }
  }
}

template <int R = kBlock, typename F>
inline void with_registers(int full, F f) {
  if (full == R) {
    f.template operator()<R>();
  } else if constexpr (R > 0) {
    with_registers<R - 1>(full, f);
  }
}

// Calls f<R, HasTail>(first element, tail) for blocks of about one width, of at most `most` registers, that
// cover n elements.
template <typename F>
void over_blocks(std::int64_t n, std::int64_t most, F f) {
  const std::int64_t vectors = (n + kWidth - 1) / kWidth;
  const std::int64_t blocks = (vectors + most - 1) / most;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t begin = vectors * block / blocks * kWidth;
    const std::int64_t next = vectors * (block + 1) / blocks * kWidth;
    const std::int64_t elements = (next < n ? next : n) - begin;
    with_registers(static_cast<int>(elements / kWidth), [&]<int R>() {
      const std::int64_t rest = elements % kWidth;
      if constexpr (R < kBlock) {
        if (rest != 0) return f.template operator()<R, true>(begin, tail_of(rest));
      }
      if constexpr (R > 0) f.template operator()<R, false>(begin, tail_of(0));
    });
  }
}

// Calls f<C, V>() with the types of columns and values.
template <typename F>
inline void with_types(const StoredRows& x, F f) {
  if (x.wide_columns && x.byte_values) {
    f.template operator()<std::int32_t, std::uint8_t>();
  } else if (x.wide_columns) {
    f.template operator()<std::int32_t, float>();
  } else if (x.byte_values) {
    f.template operator()<std::uint16_t, std::uint8_t>();
  } else {
    f.template operator()<std::uint16_t, float>();
  }
}

void multiply(const StoredRows& x, std::int64_t count, const float* w, std::int64_t stride, std::int64_t n,
              float scale, const float* bias, float* y) {
  with_types(x, [&]<typename C, typename V>() {
    over_blocks(n, kBlock, [&]<int R, bool HasTail>(std::int64_t at, Tail tail) {
      multiply_block<R, HasTail, C, V>(x, count, w + at, stride, n, scale,
                                       bias != nullptr ? bias + at : nullptr, y + at, tail);
    });
  });
}

void multiply_in_panels(const StoredRows& x, std::int64_t count, std::int64_t first, std::int64_t last,
                        const float* w, std::int64_t stride, std::int64_t n, float scale, const float* bias,
                        float* y, const PackedPanel& panel, std::int64_t* cursors) {
  // A wider block has fewer rows in the panel, and so fewer non-zeros of each row of x.
  constexpr std::int64_t kMost = kBlock < 128 / kWidth ? kBlock : 128 / kWidth;
  with_types(x, [&]<typename C, typename V>() {
    over_blocks(n, kMost, [&]<int R, bool HasTail>(std::int64_t at, Tail tail) {
      multiply_block_in_panels<R, HasTail, C, V>(x, count, first, last, w + at, stride, n, scale,
                                                 bias != nullptr ? bias + at : nullptr, y + at, tail, panel,
                                                 cursors);
    });
  });
}

void scatter(const StoredRows& x, std::int64_t count, std::int64_t first, std::int64_t last, const float* d,
             std::int64_t n, float alpha, float* y, std::int64_t stride) {
  with_types(x, [&]<typename C, typename V>() {
    over_blocks(n, kBlock, [&]<int R, bool HasTail>(std::int64_t at, Tail tail) {
      scatter_block<R, HasTail, C, V>(x, count, first, last, d + at, n, alpha, y + at, stride, tail);
    });
  });
}

void accumulate(const StoredColumns& x, std::int64_t count, const float* d, std::int64_t rows, std::int64_t n,
                float alpha, const float* c, float* y, std::int64_t stride, const PackedPanel& panel) {
  const std::int64_t fit = panel.size / (rows > 0 ? rows : 1) / kWidth;
  over_blocks(n, fit < kBlock ? fit : kBlock, [&]<int R, bool HasTail>(std::int64_t at, Tail tail) {
    const bool apart = n != R * kWidth;
    if (apart) pack<R, HasTail>(d + at, rows, n, panel.data, tail);
    const auto block =
        x.byte_entries ? accumulate_block<R, HasTail, ByteEntry> : accumulate_block<R, HasTail, FloatEntry>;
    block(x, count, apart ? panel.data : d, alpha, c != nullptr ? c + at : nullptr, y + at, stride, tail);
  });
}

// For the rest of a row that fills no register, or the whole row without special instructions. Takes eight
// bytes at a time, which are skipped if all are 0 and otherwise handled without branches, which would be
// mispredicted.
inline std::int64_t compress_scalar(const std::uint8_t* row, std::int64_t begin, std::int64_t n,
                                    std::uint16_t* columns, std::uint8_t* values, std::int64_t found) {
  constexpr std::int64_t kStep = 8;
  for (std::int64_t i = begin; i < n;) {
    std::int64_t end = i + kStep;
    if (end <= n) {
      std::uint64_t eight = 0;
      __builtin_memcpy(&eight, row + i, sizeof(eight));
      if (eight == 0) {
        i = end;
        continue;
      }
    } else {
      end = n;
    }
    for (; i < end; ++i) {
      columns[found] = static_cast<std::uint16_t>(i);
      values[found] = row[i];
      found += row[i] != 0 ? 1 : 0;
    }
  }
  return found;
}

#if WEFT_VECTOR_WIDTH == 16
std::int64_t compress(const std::uint8_t* row, std::int64_t n, std::uint16_t* columns, std::uint8_t* values) {
  const __m512i step = _mm512_set1_epi32(kWidth);
  __m512i column = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  std::int64_t found = 0;
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth, column = _mm512_add_epi32(column, step)) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + i));
    const int zeros = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
    if (zeros == 0xFFFF) continue;
    const auto kept = static_cast<__mmask16>(~zeros);
    const __m512i numbers = _mm512_maskz_compress_epi32(kept, _mm512_cvtepu8_epi32(bytes));
    const __m512i places = _mm512_maskz_compress_epi32(kept, column);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(values + found), _mm512_cvtepi32_epi8(numbers));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(columns + found), _mm512_cvtepi32_epi16(places));
    found += __builtin_popcount(kept);
  }
  return compress_scalar(row, i, n, columns, values, found);
}
#elif WEFT_VECTOR_WIDTH == 8
// For each pattern of non-zero bytes among eight, their places.
struct KeptPlaces {
  std::uint8_t of[256][8] = {};
  constexpr KeptPlaces() {
    for (int kept = 0; kept < 256; ++kept) {
      int found = 0;
      for (int place = 0; place < 8; ++place) {
        if ((kept >> place & 1) != 0) of[kept][found++] = static_cast<std::uint8_t>(place);
      }
    }
  }
};
alignas(64) constexpr KeptPlaces kPlaces;

std::int64_t compress(const std::uint8_t* row, std::int64_t n, std::uint16_t* columns, std::uint8_t* values) {
  std::int64_t found = 0;
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + i));
    const int kept = ~_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) & 0xFF;
    if (kept == 0) continue;
    const __m128i places = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPlaces.of[kept]));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(values + found), _mm_shuffle_epi8(bytes, places));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(columns + found),
                     _mm_add_epi16(_mm_cvtepu8_epi16(places), _mm_set1_epi16(static_cast<short>(i))));
    found += __builtin_popcount(static_cast<unsigned>(kept));
  }
  return compress_scalar(row, i, n, columns, values, found);
}
#else
std::int64_t compress(const std::uint8_t* row, std::int64_t n, std::uint16_t* columns, std::uint8_t* values) {
  return compress_scalar(row, 0, n, columns, values, 0);
}
#endif

}  // namespace

extern const SparseFunctions WEFT_SPARSE_TABLE = {.instruction_set = WEFT_VECTOR_NAME,
                                                  .multiply = multiply,
                                                  .multiply_in_panels = multiply_in_panels,
                                                  .compress = compress,
                                                  .accumulate = accumulate,
                                                  .scatter = scatter};

}  // namespace weft
