#pragma once
// The inner loops of blocked products, for f32 and f64, compiled once for each instruction set and chosen by
// what the CPU has. An element of a result is made by the same instructions in the same order wherever it
// lies, so that its bits do not depend on how the work is cut. Internal to runtime/kernels/.

#include <cstdint>
#include <span>
#include <string_view>

namespace weft {

/// Where element (i, j) of a matrix lies: at data + i * row + j * column.
template <typename T>
struct Strided {
  T* data = nullptr;
  std::int64_t row = 0;
  std::int64_t column = 0;

  Strided at(std::int64_t i, std::int64_t j) const { return {data + i * row + j * column, row, column}; }
  Strided turned() const { return {data, column, row}; }
};

/// A panel of b that is copied, part by part, while the one before it is multiplied.
template <typename T>
struct NextPanel {
  Strided<const T> b;
  std::int64_t terms = 0;
  std::int64_t columns = 0;
  T* packed = nullptr;
};

/// c = from + alpha * a b for one panel of b: `terms` rows of whole vectors, side by side. Rows of c lie one
/// after the other in tiles; tile t of a begins at a.data + t * a_tile.
template <typename T>
struct PanelProduct {
  Strided<const T> a;
  std::int64_t a_tile = 0;
  const T* b = nullptr;
  std::int64_t b_row = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;  // at most PanelFunctions::columns
  std::int64_t terms = 0;
  T alpha = 1;
  const T* from = nullptr;  // null: zeros
  std::int64_t from_row = 0;
  T* c = nullptr;
  std::int64_t c_row = 0;
  NextPanel<T> next{};
  bool asks_for_rows = false;  // of a, before they are read: they are far from the processor
};

template <typename T>
struct PanelFunctions {
  std::string_view instruction_set;  // "sse2", "avx2", "avx512"
  std::int64_t rows = 0;             // of a tile
  std::int64_t lanes = 0;            // of a vector
  std::int64_t columns = 0;          // of the widest panel

  void (*multiply)(const PanelProduct<T>& product) = nullptr;
  /// Copies `terms` rows of `columns` elements of b to rows of whole vectors, filled up with zeros.
  void (*pack_panel)(Strided<const T> b, std::int64_t terms, std::int64_t columns, T* packed) = nullptr;
  /// Copies rows of a to tiles, each `terms` columns of `rows` elements.
  void (*pack_tiles)(Strided<const T> a, std::int64_t rows, std::int64_t terms, T* packed) = nullptr;
  /// to[j * to_row + i] = from[i * from_row + j]
  void (*transpose)(const T* from, std::int64_t from_row, std::int64_t rows, std::int64_t columns, T* to,
                    std::int64_t to_row) = nullptr;
  /// y[j] += the sum over `terms` of x[p] b[p, j], where the elements of a row of b lie side by side.
  void (*add_rows)(const T* x, std::int64_t terms, const T* b, std::int64_t b_row, T* y,
                   std::int64_t n) = nullptr;
  /// y[j] = the sum over `terms` of x[p] b[p, j], where the elements of a column of b lie side by side.
  void (*dots)(const T* x, std::int64_t terms, const T* b, std::int64_t b_column, T* y,
               std::int64_t n) = nullptr;
};

/// Those for this CPU.
template <typename T>
const PanelFunctions<T>& panel_functions();

/// Those for all instruction sets that this CPU has, the best first.
template <typename T>
std::span<const PanelFunctions<T>* const> usable_panel_functions();

// Defined by the file that is compiled for the instruction set.
extern const PanelFunctions<float> kSse2Panels;
extern const PanelFunctions<double> kSse2DoublePanels;
extern const PanelFunctions<float> kAvx2Panels;
extern const PanelFunctions<double> kAvx2DoublePanels;
extern const PanelFunctions<float> kAvx512Panels;
extern const PanelFunctions<double> kAvx512DoublePanels;

}  // namespace weft
