#include "weft/runtime/sparse/row_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "weft/graph/error.h"
#include "weft/runtime/sparse/compress.h"

namespace weft {
namespace {

constexpr std::int64_t kAlignment = 64;
/// A column without a non-zero in the batch still costs a look; in non-zeros of the whole store, one for this
/// many rows.
constexpr std::int64_t kRowsPerLook = 64;

std::int64_t aligned(std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::int64_t width_of(const Tensor& tensor) {
  std::int64_t width = 1;
  for (const std::int64_t size : tensor.sizes().subspan(1)) width *= size;
  return width;
}

template <typename F>
void visit_values(const Tensor& tensor, F f) {
  if (tensor.dtype() == DType::u8) return f(tensor.values<std::uint8_t>().data());
  if (tensor.dtype() == DType::f32) return f(tensor.values<float>().data());
  throw Error(ErrorCode::dtype_mismatch, "only u8 and f32 are stored by rows",
              {.actual = to_string(tensor.type())});
}

/// Calls `visit(row of the window, its first element)`.
template <typename T, typename F>
void each_row(const T* values, std::int64_t width, const Window& window, F visit) {
  for (std::int64_t row = 0; row < window.rows(); ++row) {
    visit(row, values + (window.first_row + row) * width + window.first_column);
  }
}

template <typename T, typename C>
void fill(const T* values, std::int64_t width, const Window& window, const RowLayout& layout,
          std::byte* bytes) {
  auto* offsets = reinterpret_cast<std::int64_t*>(bytes);
  auto* columns = reinterpret_cast<C*>(bytes + layout.columns_at());
  auto* stored = reinterpret_cast<T*>(bytes + layout.values_at());
  offsets[0] = 0;
  each_row(values, width, window, [&](std::int64_t row, const T* from) {
    const std::int64_t at = offsets[row];
    offsets[row + 1] = at + compress(from, window.columns(), columns + at, stored + at);
  });
}

std::shared_ptr<const std::vector<std::int64_t>> load_before(const Density& density, std::int64_t rows) {
  std::vector<std::int64_t> load{0};
  for (const std::int64_t count : density.column_counts)
    load.push_back(load.back() + count + rows / kRowsPerLook + 1);
  return std::make_shared<const std::vector<std::int64_t>>(std::move(load));
}

}  // namespace

Window whole_of(const Tensor& tensor) {
  return {.first_row = 0, .last_row = tensor.sizes()[0], .first_column = 0, .last_column = width_of(tensor)};
}

Density measure_density(const Tensor& tensor, const Window& window) {
  Density density;
  const auto columns = static_cast<std::size_t>(window.columns());
  density.column_counts.assign(columns, 0);
  visit_values(tensor, [&]<typename T>(const T* values) {
    // Narrow counters let the compiler count many columns at once; a block of rows cannot overflow them.
    constexpr std::int64_t kRowsOfBlock = 255;
    std::vector<std::uint8_t> block(columns, 0);
    each_row(values, width_of(tensor), window, [&](std::int64_t row, const T* from) {
      std::int32_t count = 0;
      for (std::size_t i = 0; i < columns; ++i) {
        const bool counts = from[i] != T{0};
        block[i] = static_cast<std::uint8_t>(block[i] + (counts ? 1 : 0));
        count += counts ? 1 : 0;
      }
      density.nonzeros += count;
      density.fullest_row = std::max<std::int64_t>(density.fullest_row, count);
      if ((row + 1) % kRowsOfBlock != 0 && row + 1 != window.rows()) return;
      for (std::size_t i = 0; i < columns; ++i) density.column_counts[i] += block[i];
      std::ranges::fill(block, std::uint8_t{0});
    });
  });
  density.used_columns = std::ranges::count_if(density.column_counts, [](std::int64_t n) { return n > 0; });
  return density;
}

std::int64_t RowLayout::columns_at() const { return aligned((rows + 1) * 8); }
std::int64_t RowLayout::values_at() const {
  return aligned(columns_at() + (nonzeros + 1) * (wide_columns ? 4 : 2));
}
std::int64_t RowLayout::bytes() const {
  return aligned(values_at() + (nonzeros + 1) * static_cast<std::int64_t>(size_of(values)));
}
double RowLayout::density() const {
  const double all = static_cast<double>(rows) * static_cast<double>(columns);
  return all == 0.0 ? 0.0 : static_cast<double>(nonzeros) / all;
}

StoredRows RowLayout::view(const void* bytes) const {
  const auto* base = static_cast<const std::byte*>(bytes);
  const auto* offsets = reinterpret_cast<const std::int64_t*>(base);
  return {.begins = offsets,
          .ends = offsets + 1,
          .columns = base + columns_at(),
          .values = base + values_at(),
          .wide_columns = wide_columns,
          .byte_values = values == DType::u8};
}

std::string attribute_text(const RowLayout& layout) {
  constexpr double kPercent = 100.0;
  return fmt::format("{} x {}, {:.1f}% not 0, {} columns, {} values", layout.rows, layout.columns,
                     kPercent * layout.density(), layout.wide_columns ? "i32" : "u16",
                     name_of(layout.values));
}

RowStore make_row_store(const Tensor& tensor, const Window& window, const Density& density) {
  RowStore store;
  RowLayout& layout = store.layout;
  layout = {.rows = window.rows(),
            .columns = window.columns(),
            .nonzeros = density.nonzeros,
            .fullest_row = density.fullest_row,
            .values = tensor.dtype(),
            .wide_columns = window.columns() > std::numeric_limits<std::uint16_t>::max(),
            .column_load = load_before(density, window.rows())};
  store.bytes = Tensor::uninitialized(DType::u8, {layout.bytes()});
  auto* bytes = static_cast<std::byte*>(store.bytes.mutable_data());
  visit_values(tensor, [&]<typename T>(const T* values) {
    if (layout.wide_columns) {
      fill<T, std::int32_t>(values, width_of(tensor), window, layout, bytes);
    } else {
      fill<T, std::uint16_t>(values, width_of(tensor), window, layout, bytes);
    }
  });
  return store;
}

RowStores::Entry& RowStores::entry(const Tensor& tensor, const Window& window) {
  const auto found = std::ranges::find_if(entries_, [&](const std::unique_ptr<Entry>& entry) {
    return entry->tensor.data() == tensor.data() && entry->tensor.type() == tensor.type() &&
           entry->window == window;
  });
  if (found != entries_.end()) return **found;
  entries_.push_back(std::make_unique<Entry>(
      Entry{.tensor = tensor, .window = window, .density = measure_density(tensor, window), .store = {}}));
  return *entries_.back();
}

const Density& RowStores::density(const Tensor& tensor, const Window& window) {
  return entry(tensor, window).density;
}

const RowStore& RowStores::store(const Tensor& tensor, const Window& window) {
  Entry& found = entry(tensor, window);
  if (!found.store) {
    found.store = std::make_unique<RowStore>(make_row_store(tensor, window, found.density));
  }
  return *found.store;
}

}  // namespace weft
