// The loops behind PanelFunctions, written once over the compiler's vector types. A file that includes this
// defines WEFT_PANEL_BYTES (of a vector), WEFT_PANEL_ROWS and WEFT_PANEL_VECTORS (of a tile, whose sums must
// fit the registers beside a row of b and one more), WEFT_PANEL_NAME and the names of the tables. Everything
// here has internal linkage and uses no inline function of a library: code for one instruction set must
// never be picked by the linker for another.

#include <immintrin.h>

#include <utility>  // of which it uses types alone

#include "weft/runtime/kernels/products/panels/panel_functions.h"

namespace weft {
namespace {

using Count = std::int64_t;
constexpr int kRows = WEFT_PANEL_ROWS;
constexpr int kVectors = WEFT_PANEL_VECTORS;
constexpr Count kLine = 64;

template <typename T>
constexpr int kLanes = WEFT_PANEL_BYTES / sizeof(T);

template <typename T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(WEFT_PANEL_BYTES)));
};
template <typename T>
using Vector = typename VectorOf<T>::Type;

template <typename T>
Vector<T> load(const T* x) {
  Vector<T> v;
  __builtin_memcpy(&v, x, sizeof(v));
  return v;
}
template <typename T>
void store(T* y, Vector<T> v) {
  __builtin_memcpy(y, &v, sizeof(v));
}

// a * b + c, rounded once where the instruction set can. The compiler, left to itself, fuses the two in some
// tiles and not in others, and the bits would depend on how rows are cut.
#if WEFT_PANEL_BYTES == 64
Vector<float> multiply_add(Vector<float> a, Vector<float> b, Vector<float> c) {
  return reinterpret_cast<Vector<float>>(_mm512_fmadd_ps(a, b, c));
}
Vector<double> multiply_add(Vector<double> a, Vector<double> b, Vector<double> c) {
  return reinterpret_cast<Vector<double>>(_mm512_fmadd_pd(a, b, c));
}
#elif WEFT_PANEL_BYTES == 32
Vector<float> multiply_add(Vector<float> a, Vector<float> b, Vector<float> c) {
  return reinterpret_cast<Vector<float>>(_mm256_fmadd_ps(a, b, c));
}
Vector<double> multiply_add(Vector<double> a, Vector<double> b, Vector<double> c) {
  return reinterpret_cast<Vector<double>>(_mm256_fmadd_pd(a, b, c));
}
#else
template <typename V>
V multiply_add(V a, V b, V c) {
  return a * b + c;
}
#endif

// The first `count` elements of a vector, fewer than all.
#if WEFT_PANEL_BYTES == 64
Vector<float> load_part(const float* x, Count count) {
  return reinterpret_cast<Vector<float>>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), x));
}
Vector<double> load_part(const double* x, Count count) {
  return reinterpret_cast<Vector<double>>(_mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), x));
}
void store_part(float* y, Vector<float> v, Count count) {
  _mm512_mask_storeu_ps(y, static_cast<__mmask16>((1U << count) - 1), reinterpret_cast<__m512>(v));
}
void store_part(double* y, Vector<double> v, Count count) {
  _mm512_mask_storeu_pd(y, static_cast<__mmask8>((1U << count) - 1), reinterpret_cast<__m512d>(v));
}
#elif WEFT_PANEL_BYTES == 32
constexpr std::int32_t kMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
__m256i mask_of(Count bytes) {
  __m256i mask;
  __builtin_memcpy(&mask, kMasks + 8 - bytes / 4, sizeof(mask));
  return mask;
}
Vector<float> load_part(const float* x, Count count) {
  return reinterpret_cast<Vector<float>>(_mm256_maskload_ps(x, mask_of(count * 4)));
}
Vector<double> load_part(const double* x, Count count) {
  return reinterpret_cast<Vector<double>>(_mm256_maskload_pd(x, mask_of(count * 8)));
}
void store_part(float* y, Vector<float> v, Count count) {
  _mm256_maskstore_ps(y, mask_of(count * 4), reinterpret_cast<__m256>(v));
}
void store_part(double* y, Vector<double> v, Count count) {
  _mm256_maskstore_pd(y, mask_of(count * 8), reinterpret_cast<__m256d>(v));
}
#else
template <typename T>
Vector<T> load_part(const T* x, Count count) {
  Vector<T> v{};
  for (Count i = 0; i < count; ++i) v[i] = x[i];
  return v;
}
template <typename T>
void store_part(T* y, Vector<T> v, Count count) {
  for (Count i = 0; i < count; ++i) y[i] = v[i];
}
#endif

// --- tiles ---

/// Writes the sums of a tile. `part` elements of the last vector of each row count; 0 means all.
template <typename T, int Rows, int Vectors>
[[gnu::always_inline]] inline void write_tile(const Vector<T> (&sums)[Rows][Vectors],
                                              const PanelProduct<T>& of, const T* from, T* c, Count part) {
  const T alpha = of.alpha;
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) {
      const Count at = j * kLanes<T>;
      const bool is_part = j == Vectors - 1 && part != 0;
      Vector<T> start = {};
      if (from != nullptr) {
        const T* lies = from + i * of.from_row + at;
        start = is_part ? load_part(lies, part) : load(lies);
      }
      const Vector<T> result = multiply_add(Vector<T>{} + alpha, sums[i][j], start);
      if (is_part) {
        store_part(c + i * of.c_row + at, result, part);
      } else {
        store(c + i * of.c_row + at, result);
      }
    }
  }
}

/// The tile of `Rows` rows that begins at row `row`. `Packed`: a lies as pack_tiles has put it.
template <typename T, int Rows, int Vectors, bool Packed>
void multiply_tile(const PanelProduct<T>& of, Count row, Count part) {
  const T* a = of.a.data + row / kRows * of.a_tile;
  const T* b = of.b;
  const Count a_row = Packed ? 1 : of.a.row;
  const Count a_column = Packed ? kRows : of.a.column;
  const Count b_row = of.b_row;
  Vector<T> sums[Rows][Vectors] = {};
  for (Count term = of.terms; term > 0; --term) {
    Vector<T> x[Vectors];
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) x[j] = load(b + j * kLanes<T>);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const T factor = a[i * a_row];
#pragma GCC unroll 8
      for (int j = 0; j < Vectors; ++j) sums[i][j] += factor * x[j];
    }
    a += a_column;
    b += b_row;
  }
  const T* from = of.from == nullptr ? nullptr : of.from + row * of.from_row;
  write_tile<T, Rows, Vectors>(sums, of, from, of.c + row * of.c_row, part);
}

/// The last tile, of at most kRows rows.
template <typename T, int Rows, int Vectors, bool Packed>
void multiply_last_tile(const PanelProduct<T>& of, Count row, Count part) {
  if constexpr (Rows > 1) {
    if (of.rows - row < Rows) return multiply_last_tile<T, Rows - 1, Vectors, Packed>(of, row, part);
  }
  multiply_tile<T, Rows, Vectors, Packed>(of, row, part);
}

// --- copies ---

template <typename T, int First, int... Lane>
Vector<T> riffle(Vector<T> a, Vector<T> b, std::integer_sequence<int, Lane...>) {
  return __builtin_shufflevector(a, b, (First + Lane / 2 + Lane % 2 * kLanes<T>)...);
}

/// Transposes a square of vectors: it riffles the first half of the rows with the second one, a0 b0 a1 b1
/// ..., as often as the number of a lane has bits.
template <typename T>
void transpose_square(Vector<T> (&rows)[kLanes<T>]) {
  constexpr int kHalf = kLanes<T> / 2;
  constexpr std::make_integer_sequence<int, kLanes<T>> kAll;
  constexpr int kBits = kLanes<T> == 16 ? 4 : kLanes<T> == 8 ? 3 : kLanes<T> == 4 ? 2 : 1;
#pragma GCC unroll 4
  for (int bit = 0; bit < kBits; ++bit) {
    Vector<T> riffled[kLanes<T>];
#pragma GCC unroll 16
    for (int i = 0; i < kHalf; ++i) {
      riffled[2 * i] = riffle<T, 0>(rows[i], rows[i + kHalf], kAll);
      riffled[2 * i + 1] = riffle<T, kHalf>(rows[i], rows[i + kHalf], kAll);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) rows[i] = riffled[i];
  }
}

/// Packs one vector's width of columns that lie one after the other in memory.
template <typename T>
void pack_long_columns(const T* b, Count b_column, Count terms, T* packed, Count packed_row) {
  Count term = 0;
  for (; term + kLanes<T> <= terms; term += kLanes<T>) {
    Vector<T> rows[kLanes<T>];
#pragma GCC unroll 16
    for (int j = 0; j < kLanes<T>; ++j) rows[j] = load(b + j * b_column + term);
    transpose_square<T>(rows);
#pragma GCC unroll 16
    for (int j = 0; j < kLanes<T>; ++j) store(packed + (term + j) * packed_row, rows[j]);
  }
  for (; term < terms; ++term) {
    for (int j = 0; j < kLanes<T>; ++j) packed[term * packed_row + j] = b[j * b_column + term];
  }
}

template <typename T>
void transpose(const T* from, Count from_row, Count rows, Count columns, T* to, Count to_row) {
  Count row = 0;
  for (; row + kLanes<T> <= rows; row += kLanes<T>)
    pack_long_columns(from + row * from_row, from_row, columns, to + row, to_row);
  for (; row < rows; ++row) {
    for (Count j = 0; j < columns; ++j) to[j * to_row + row] = from[row * from_row + j];
  }
}

template <typename T>
void pack_long_rows(const T* b, Count b_row, Count terms, Count columns, T* packed, Count packed_row) {
  const Count whole = columns / kLanes<T> * kLanes<T>;
  for (Count term = 0; term < terms; ++term) {
    for (Count j = 0; j < whole; j += kLanes<T>) store(packed + j, load(b + j));
    if (whole < columns) store(packed + whole, load_part(b + whole, columns - whole));
    b += b_row;
    packed += packed_row;
  }
}

template <typename T>
void pack_panel(Strided<const T> b, Count terms, Count columns, T* packed) {
  const Count packed_row = (columns + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  if (b.column == 1) return pack_long_rows(b.data, b.row, terms, columns, packed, packed_row);
  for (Count first = 0; first < columns; first += kLanes<T>) {
    const T* from = b.data + first * b.column;
    const Count count = columns - first < kLanes<T> ? columns - first : kLanes<T>;
    if (b.row == 1 && count == kLanes<T>) {
      pack_long_columns(from, b.column, terms, packed + first, packed_row);
      continue;
    }
    for (Count term = 0; term < terms; ++term) {
      T* to = packed + term * packed_row + first;
      for (Count j = 0; j < kLanes<T>; ++j) to[j] = j < count ? from[term * b.row + j * b.column] : T{0};
    }
  }
}

template <typename T>
void pack_tiles(Strided<const T> a, Count rows, Count terms, T* packed) {
  for (Count row = 0; row < rows; row += kRows) {
    const T* from = a.data + row * a.row;
    const Count count = rows - row < kRows ? rows - row : kRows;
    for (Count term = 0; term < terms; ++term) {
      for (Count i = 0; i < count; ++i) packed[i] = from[i * a.row + term * a.column];
      packed += kRows;
    }
  }
}

// --- panels ---

/// Asks for a part of b before it is read.
template <typename T>
void ask_for(Strided<const T> b, Count terms, Count columns) {
  const bool by_rows = b.column == 1;
  const Count rows = by_rows ? terms : columns;
  const Count stride = by_rows ? b.row : b.column;
  const Count length = by_rows ? columns : terms;
  for (Count row = 0; row < rows; ++row) {
    for (Count at = 0; at < length; at += kLine / sizeof(T))
      __builtin_prefetch(b.data + row * stride + at, 0, 2);
  }
}

/// Copies part `tile` of `tiles` of the next panel, and asks for the part after it. A part is small enough to
/// stay in the cache until then, even where rows of b fall on few sets of it.
template <typename T>
void pack_part(const NextPanel<T>& next, Count tile, Count tiles) {
  const auto begin_of = [&](Count part) {
    const Count begin = (next.terms * part / tiles + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
    return begin < next.terms ? begin : next.terms;
  };
  const Count begin = begin_of(tile);
  const Count end = begin_of(tile + 1);
  const Count packed_row = (next.columns + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  if (tile + 1 < tiles) {
    ask_for(next.b.at(end, 0), begin_of(tile + 2) - end, next.columns);
  } else {
    ask_for(next.b.at(0, next.columns), begin_of(1), next.columns);
  }
  pack_panel(next.b.at(begin, 0), end - begin, next.columns, next.packed + begin * packed_row);
}

template <typename T, int Vectors, bool Packed>
void multiply_tiles(const PanelProduct<T>& of) {
  const Count part = of.columns % kLanes<T>;
  const Count tiles = (of.rows + kRows - 1) / kRows;
  for (Count tile = 0; tile < tiles; ++tile) {
    if (of.next.packed != nullptr) pack_part(of.next, tile, tiles);
    const Count row = tile * kRows;
    if (of.asks_for_rows && row + kRows < of.rows) {
      const Count left = of.rows - row - kRows;
      ask_for(of.a.at(row + kRows, 0).turned(), of.terms, left < kRows ? left : kRows);
    }
    if (row + kRows <= of.rows) {
      multiply_tile<T, kRows, Vectors, Packed>(of, row, part);
    } else {
      multiply_last_tile<T, kRows - 1, Vectors, Packed>(of, row, part);
    }
  }
}

template <typename T, int Vectors = kVectors>
void multiply_panel(const PanelProduct<T>& of) {
  if constexpr (Vectors > 1) {
    if (of.columns <= (Vectors - 1) * kLanes<T>) return multiply_panel<T, Vectors - 1>(of);
  }
  const bool packed = of.a.row == 1 && of.a.column == kRows;
  if (packed) {
    multiply_tiles<T, Vectors, true>(of);
  } else {
    multiply_tiles<T, Vectors, false>(of);
  }
}

// --- one row times a matrix ---

/// y[0..n) += the sum over `Terms` of x[p] b[p, j].
template <typename T, int Terms>
void add_some_rows(const T* x, const T* b, Count b_row, T* y, Count n) {
  const auto sum_at = [&](Count j, auto read) {
    Vector<T> sum = read(y + j);
#pragma GCC unroll 8
    for (int p = 0; p < Terms; ++p) sum += x[p] * read(b + p * b_row + j);
    return sum;
  };
  Count j = 0;
  for (; j + kLanes<T> <= n; j += kLanes<T>) store(y + j, sum_at(j, [](const T* at) { return load(at); }));
  if (j == n) return;
  store_part(y + j, sum_at(j, [&](const T* at) { return load_part(at, n - j); }), n - j);
}

/// Blocks of columns stay in the nearest cache while rows stream by.
template <typename T>
void add_rows(const T* x, Count terms, const T* b, Count b_row, T* y, Count n) {
  constexpr int kTogether = 8;
  constexpr Count kBlock = 16384 / sizeof(T);
  for (Count first = 0; first < n; first += kBlock) {
    const Count count = n - first < kBlock ? n - first : kBlock;
    Count term = 0;
    for (; term + kTogether <= terms; term += kTogether)
      add_some_rows<T, kTogether>(x + term, b + first + term * b_row, b_row, y + first, count);
    for (; term < terms; ++term)
      add_some_rows<T, 1>(x + term, b + first + term * b_row, b_row, y + first, count);
  }
}

template <typename T>
T sum_of(Vector<T> v) {
  T sum = 0;
  for (int i = 0; i < kLanes<T>; ++i) sum += v[i];
  return sum;
}

/// `Columns` dot products side by side; each has the same order of terms whatever its neighbours.
template <typename T, int Columns>
void some_dots(const T* x, Count terms, const T* b, Count b_column, T* y) {
  constexpr int kChains = 2;
  Vector<T> sums[Columns][kChains] = {};
  Count term = 0;
  for (; term + kChains * kLanes<T> <= terms; term += kChains * kLanes<T>) {
#pragma GCC unroll 2
    for (int chain = 0; chain < kChains; ++chain) {
      const Vector<T> factors = load(x + term + chain * kLanes<T>);
#pragma GCC unroll 4
      for (int j = 0; j < Columns; ++j)
        sums[j][chain] += factors * load(b + j * b_column + term + chain * kLanes<T>);
    }
  }
  for (; term < terms; term += kLanes<T>) {
    const Count count = terms - term < kLanes<T> ? terms - term : kLanes<T>;
    const bool whole = count == kLanes<T>;
    const Vector<T> factors = whole ? load(x + term) : load_part(x + term, count);
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) {
      const T* at = b + j * b_column + term;
      sums[j][0] += factors * (whole ? load(at) : load_part(at, count));
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < Columns; ++j) y[j] = sum_of<T>(sums[j][0] + sums[j][1]);
}

template <typename T>
void dots(const T* x, Count terms, const T* b, Count b_column, T* y, Count n) {
  constexpr int kTogether = 4;
  Count j = 0;
  for (; j + kTogether <= n; j += kTogether)
    some_dots<T, kTogether>(x, terms, b + j * b_column, b_column, y + j);
  for (; j < n; ++j) some_dots<T, 1>(x, terms, b + j * b_column, b_column, y + j);
}

template <typename T>
constexpr PanelFunctions<T> kPanelTable{.instruction_set = WEFT_PANEL_NAME,
                                        .rows = kRows,
                                        .lanes = kLanes<T>,
                                        .columns = Count{kVectors} * kLanes<T>,
                                        .multiply = multiply_panel<T>,
                                        .pack_panel = pack_panel<T>,
                                        .pack_tiles = pack_tiles<T>,
                                        .transpose = transpose<T>,
                                        .add_rows = add_rows<T>,
                                        .dots = dots<T>};

}  // namespace

const PanelFunctions<float> WEFT_PANEL_TABLE = kPanelTable<float>;
const PanelFunctions<double> WEFT_PANEL_DOUBLE_TABLE = kPanelTable<double>;

}  // namespace weft
