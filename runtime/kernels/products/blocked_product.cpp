#include "weft/runtime/kernels/products/blocked_product.h"

#include <algorithm>
#include <utility>

#include "weft/runtime/machine/cache.h"

namespace weft {
namespace {

constexpr std::int64_t kBlockTerms = 256;
constexpr std::int64_t kBlockBytes =
    std::int64_t{256} * 1024;  // of packed rows of a, which stay in the second-level cache

std::int64_t divided_up(std::int64_t size, std::int64_t by) { return (size + by - 1) / by; }

/// Blocks of equal size, none of them larger than `most`.
std::int64_t even_block(std::int64_t size, std::int64_t most) {
  return size <= most ? size : divided_up(size, divided_up(size, most));
}

/// How a product is cut into blocks.
template <typename T>
struct Blocks {
  std::int64_t rows = 0;
  std::int64_t terms = 0;
  std::int64_t columns = 0;
};

template <typename T>
Blocks<T> blocks_of(const BlockedSizes& sizes, const PanelFunctions<T>& functions) {
  const std::int64_t terms = even_block(sizes.k, kBlockTerms);
  const std::int64_t most =
      kBlockBytes / static_cast<std::int64_t>(sizeof(T)) / std::max<std::int64_t>(terms, 1);
  const std::int64_t whole_tiles = std::max<std::int64_t>(most / functions.rows, 1) * functions.rows;
  const std::int64_t rows = divided_up(even_block(sizes.m, whole_tiles), functions.rows) * functions.rows;
  const std::int64_t columns =
      divided_up(even_block(sizes.n, functions.columns), functions.lanes) * functions.lanes;
  return {.rows = rows, .terms = terms, .columns = columns};
}

template <typename T>
std::int64_t tiles_elements(const Blocks<T>& blocks) {
  return whole_lines(blocks.rows * blocks.terms * static_cast<std::int64_t>(sizeof(T))) /
         static_cast<std::int64_t>(sizeof(T));
}

/// The most scratch memory of all products that are at most so large: smaller ones may have larger blocks.
template <typename T>
std::int64_t most_block_bytes(const BlockedSizes& most, const PanelFunctions<T>& functions) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  const std::int64_t terms = std::min(most.k, kBlockTerms);
  const std::int64_t rows = divided_up(most.m, functions.rows) * functions.rows;
  const std::int64_t columns =
      divided_up(std::min(most.n, functions.columns), functions.lanes) * functions.lanes;
  const std::int64_t tiles = std::min(rows * terms, std::max(kBlockBytes / kSize, functions.rows * terms));
  return whole_lines(tiles * kSize) + 2 * terms * columns * kSize;
}

// What is read a few times only is read where it lies. Measured on a Zen 4 with AVX-512, f32: 32 rows times
// [1024, 1024] 109 GFLOP/s where it lies and 95 copied, 64 rows 109 and 103, 256 rows 102 and 108; 64 rows
// times [4096, 4096] 68 and 98, since b's rows then fall on few sets of the cache.
constexpr std::int64_t kPanelsOfDirectRows = 8;   // that read rows of a
constexpr std::int64_t kTilesOfDirectPanels = 8;  // that read panels of b
constexpr std::int64_t kFewTiles = 2;             // for panels of any stride
constexpr std::int64_t kShortRowBytes = 4096;     // of b

constexpr std::int64_t kFarBytes =
    std::int64_t{256} * 1024;  // more of them lie beyond the second-level cache

template <typename T>
bool reads_panels_directly(const BlockedProduct<T>& product, const PanelFunctions<T>& functions) {
  if (product.b.column != 1) return false;
  const std::int64_t tiles = divided_up(product.sizes.m, functions.rows);
  const bool is_short = product.b.row * static_cast<std::int64_t>(sizeof(T)) <= kShortRowBytes;
  return tiles <= (is_short ? kTilesOfDirectPanels : kFewTiles);
}

template <typename T>
class BlockedRun {
 public:
  BlockedRun(const BlockedProduct<T>& product, std::byte* scratch, const PanelFunctions<T>& functions)
      : of_(product),
        functions_(functions),
        blocks_(blocks_of(product.sizes, functions)),
        tiles_(reinterpret_cast<T*>(scratch)),
        panel_(tiles_ + tiles_elements(blocks_)),
        next_panel_(panel_ + blocks_.terms * blocks_.columns),
        packs_rows_(divided_up(product.sizes.n, functions.columns) > kPanelsOfDirectRows),
        packs_panels_(!reads_panels_directly(product, functions)),
        rows_are_far_(product.a.column == 1 &&
                      product.sizes.m * product.sizes.k * static_cast<std::int64_t>(sizeof(T)) >= kFarBytes) {
  }

  void run() {
    const auto [m, n, k] = of_.sizes;
    for (std::int64_t row = 0; row < m; row += blocks_.rows) {
      const std::int64_t rows = std::min(blocks_.rows, m - row);
      for (std::int64_t term = 0; term < k; term += blocks_.terms) {
        const std::int64_t terms = std::min(blocks_.terms, k - term);
        if (packs_rows_) functions_.pack_tiles(of_.a.at(row, term), rows, terms, tiles_);
        for (std::int64_t column = 0; column < n; column += blocks_.columns)
          multiply_panel({.row = row, .term = term, .column = column}, rows, terms);
      }
    }
  }

 private:
  struct Place {
    std::int64_t row;
    std::int64_t term;
    std::int64_t column;
  };

  void multiply_panel(const Place& at, std::int64_t rows, std::int64_t terms) {
    const std::int64_t columns = std::min(blocks_.columns, of_.sizes.n - at.column);
    const Strided<const T> b = of_.b.at(at.term, at.column);
    PanelProduct<T> panel{.a = of_.a.at(at.row, at.term),
                          .a_tile = functions_.rows * of_.a.row,
                          .b = b.data,
                          .b_row = b.row,
                          .rows = rows,
                          .columns = columns,
                          .terms = terms,
                          .alpha = of_.alpha,
                          .c = of_.c + at.row * of_.c_row + at.column,
                          .c_row = of_.c_row};
    panel.asks_for_rows = !packs_rows_ && rows_are_far_;
    if (packs_rows_) {
      panel.a = {.data = tiles_, .row = 1, .column = functions_.rows};
      panel.a_tile = functions_.rows * terms;
    }
    if (packs_panels_) {
      if (!is_packed_) functions_.pack_panel(b, terms, columns, panel_);
      panel.next = next_panel(at, terms);
      is_packed_ = panel.next.packed != nullptr;
    } else if (columns % functions_.lanes != 0) {
      functions_.pack_panel(b, terms, columns, panel_);
    }
    if (packs_panels_ || columns % functions_.lanes != 0) {
      panel.b = panel_;
      panel.b_row = divided_up(columns, functions_.lanes) * functions_.lanes;
    }
    if (at.term > 0 || of_.accumulate) {
      panel.from = panel.c;
      panel.from_row = of_.c_row;
    } else if (of_.bias != nullptr) {
      panel.from = of_.bias + at.column;
    }
    functions_.multiply(panel);
    if (is_packed_) std::swap(panel_, next_panel_);
    if (at.term + terms == of_.sizes.k) finish_panel(panel);
  }

  /// The panel after this one.
  NextPanel<T> next_panel(const Place& at, std::int64_t terms) const {
    Place next{.row = at.row, .term = at.term, .column = at.column + blocks_.columns};
    if (next.column >= of_.sizes.n) next = {.row = at.row, .term = at.term + terms, .column = 0};
    if (next.term >= of_.sizes.k) next = {.row = at.row + blocks_.rows, .term = 0, .column = 0};
    if (next.row >= of_.sizes.m) return {};
    return {.b = of_.b.at(next.term, next.column),
            .terms = std::min(blocks_.terms, of_.sizes.k - next.term),
            .columns = std::min(blocks_.columns, of_.sizes.n - next.column),
            .packed = next_panel_};
  }

  void finish_panel(const PanelProduct<T>& panel) const {
    if (of_.after == After::nothing) return;
    const auto columns = static_cast<std::size_t>(panel.columns);
    if (panel.columns == panel.c_row)
      return finish(of_.after, panel.c, columns * static_cast<std::size_t>(panel.rows));
    for (std::int64_t row = 0; row < panel.rows; ++row)
      finish(of_.after, panel.c + row * panel.c_row, columns);
  }

  const BlockedProduct<T>& of_;
  const PanelFunctions<T>& functions_;
  Blocks<T> blocks_;
  T* tiles_;
  T* panel_;
  T* next_panel_;
  bool is_packed_ = false;  // whether panel_ has been packed ahead
  bool packs_rows_;
  bool packs_panels_;
  bool rows_are_far_;
};

/// The product of no terms.
template <typename T>
void start_alone(const BlockedProduct<T>& product) {
  const auto n = static_cast<std::size_t>(product.sizes.n);
  for (std::int64_t row = 0; row < product.sizes.m; ++row) {
    T* c = product.c + row * product.c_row;
    if (product.bias != nullptr) {
      std::copy_n(product.bias, n, c);
    } else if (!product.accumulate) {
      std::fill_n(c, n, T{0});
    }
    finish(product.after, c, n);
  }
}

// --- products with a transpose ---

/// Whether a product that is at most so large may be worth it.
template <typename T>
bool can_be_turned(const BlockedSizes& sizes) {
  constexpr std::int64_t kLeastRows = 16;
  return sizes.m >= kLeastRows && sizes.n * sizes.k >= kFarBytes / static_cast<std::int64_t>(sizeof(T));
}

/// Where b lies transposed, its columns can be read where they lie, like rows of a. So few rows of a are
/// better taken as the panels: the transpose of the result is computed. Measured like the above: 64 rows
/// times the transpose of [4096, 4096] 94 GFLOP/s and else 80, 32 rows 92 and 71, 256 rows 97 and 97.
template <typename T>
bool is_better_turned(const BlockedSizes& sizes, Strided<const T> b) {
  constexpr std::int64_t kMostRows = 256;
  return b.row == 1 && b.column != 1 && sizes.m <= kMostRows && can_be_turned<T>(sizes);
}

constexpr std::int64_t kTurnedBytes =
    std::int64_t{256} * 1024;  // of the transpose of some columns of the result

template <typename T>
std::int64_t turned_columns(const BlockedSizes& sizes) {
  return std::min<std::int64_t>(
      sizes.n, kTurnedBytes / static_cast<std::int64_t>(sizeof(T)) / std::max<std::int64_t>(sizes.m, 1));
}

template <typename T>
void multiply_turned(const BlockedProduct<T>& of, std::byte* scratch, const PanelFunctions<T>& functions) {
  const auto [m, n, k] = of.sizes;
  T* turned = reinterpret_cast<T*>(scratch);
  const std::int64_t together = turned_columns<T>(of.sizes);
  scratch += whole_lines(m * together * static_cast<std::int64_t>(sizeof(T)));
  for (std::int64_t first = 0; first < n; first += together) {
    const std::int64_t columns = std::min(together, n - first);
    T* c = of.c + first;
    if (of.accumulate) functions.transpose(c, of.c_row, m, columns, turned, m);
    for (std::int64_t j = 0; of.bias != nullptr && j < columns; ++j)
      std::fill_n(turned + j * m, m, of.bias[first + j]);
    const BlockedProduct<T> part{.sizes = {.m = columns, .n = m, .k = k},
                                 .a = of.b.at(0, first).turned(),
                                 .b = of.a.turned(),
                                 .c = turned,
                                 .c_row = m,
                                 .accumulate = of.accumulate || of.bias != nullptr,
                                 .alpha = of.alpha};
    BlockedRun<T>(part, scratch, functions).run();
    functions.transpose(turned, m, columns, m, c, of.c_row);
    if (of.after == After::nothing) continue;
    for (std::int64_t i = 0; i < m; ++i)
      finish(of.after, c + i * of.c_row, static_cast<std::size_t>(columns));
  }
}

}  // namespace

template <typename T>
std::size_t blocked_scratch_bytes(const BlockedSizes& most, const PanelFunctions<T>& functions) {
  const std::int64_t plain = most_block_bytes(most, functions);
  if (!can_be_turned<T>(most)) return static_cast<std::size_t>(plain);
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  const std::int64_t turned_result = whole_lines(std::min(most.m * most.n * kSize, kTurnedBytes));
  const std::int64_t turned = most_block_bytes({.m = most.n, .n = most.m, .k = most.k}, functions);
  return static_cast<std::size_t>(std::max(plain, turned_result + turned));
}
template std::size_t blocked_scratch_bytes(const BlockedSizes&, const PanelFunctions<float>&);
template std::size_t blocked_scratch_bytes(const BlockedSizes&, const PanelFunctions<double>&);

template <typename T>
void multiply_in_blocks(const BlockedProduct<T>& product, std::byte* scratch,
                        const PanelFunctions<T>& functions) {
  if (product.sizes.m == 0 || product.sizes.n == 0) return;
  if (product.sizes.k == 0) return start_alone(product);
  if (is_better_turned(product.sizes, product.b)) return multiply_turned(product, scratch, functions);
  BlockedRun<T>(product, scratch, functions).run();
}
template void multiply_in_blocks(const BlockedProduct<float>&, std::byte*, const PanelFunctions<float>&);
template void multiply_in_blocks(const BlockedProduct<double>&, std::byte*, const PanelFunctions<double>&);

template <typename T>
void multiply_row(const T* x, const BlockedSizes& sizes, Strided<const T> b, T* y,
                  const PanelFunctions<T>& functions) {
  if (b.column == 1) {
    std::fill_n(y, sizes.n, T{0});
    functions.add_rows(x, sizes.k, b.data, b.row, y, sizes.n);
  } else {
    functions.dots(x, sizes.k, b.data, b.column, y, sizes.n);
  }
}
template void multiply_row(const float*, const BlockedSizes&, Strided<const float>, float*,
                           const PanelFunctions<float>&);
template void multiply_row(const double*, const BlockedSizes&, Strided<const double>, double*,
                           const PanelFunctions<double>&);

}  // namespace weft
