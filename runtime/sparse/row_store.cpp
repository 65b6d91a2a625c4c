#include "weft/runtime/sparse/row_store.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "weft/graph/error.h"
#include "weft/runtime/machine/cache.h"
#include "weft/runtime/machine/thread_pool.h"
#include "weft/runtime/sparse/compress.h"

namespace weft {
namespace {

/// A column without a non-zero in the batch still costs a look. In the store's load it counts as one non-zero
/// for this many rows.
constexpr std::int64_t kRowsPerLook = 64;

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

/// Some rows of a window.
struct RowRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

RowRange shard_of(std::int64_t rows, std::size_t shard, std::size_t shards) {
  const auto cut = [&](std::size_t i) {
    return rows * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(shards);
  };
  return {cut(shard), cut(shard + 1)};
}

std::size_t shards_for(const ThreadPool* pool) {
  return pool == nullptr ? 1 : static_cast<std::size_t>(pool->threads());
}

/// Calls `work(shard)` for each shard of the rows. It must not throw, so the caller allocates its memory.
void each_shard(ThreadPool* pool, const std::function<void(std::size_t shard)>& work) {
  if (pool != nullptr && pool->try_run([&](int thread) { work(static_cast<std::size_t>(thread)); })) return;
  for (std::size_t shard = 0; shard < shards_for(pool); ++shard) work(shard);
}

/// The first element of a row of the window.
template <typename T>
const T* row_of(const T* values, std::int64_t width, const Window& window, std::int64_t row) {
  return values + (window.first_row + row) * width + window.first_column;
}

/// What one shard of the rows counts, and its counters.
struct Counts {
  std::vector<std::int64_t> columns;
  // Narrow counters let the compiler count many columns at once; a block of rows cannot overflow them.
  std::vector<std::uint8_t> block;
};

template <typename T>
void count_rows(const T* values, std::int64_t width, const Window& window, const RowRange& rows,
                std::int64_t* row_counts, Counts& counts) {
  constexpr std::int64_t kRowsOfBlock = 255;
  const std::size_t columns = counts.columns.size();
  for (std::int64_t row = rows.first; row < rows.last; ++row) {
    const T* const from = row_of(values, width, window, row);
    std::int32_t count = 0;
    for (std::size_t i = 0; i < columns; ++i) {
      const bool counts_here = from[i] != T{0};
      counts.block[i] = static_cast<std::uint8_t>(counts.block[i] + (counts_here ? 1 : 0));
      count += counts_here ? 1 : 0;
    }
    row_counts[row] = count;
    if ((row - rows.first + 1) % kRowsOfBlock != 0 && row + 1 != rows.last) continue;
    for (std::size_t i = 0; i < columns; ++i) counts.columns[i] += counts.block[i];
    std::ranges::fill(counts.block, std::uint8_t{0});
  }
}

/// A row as compress writes it, with room for one element past its end.
template <typename T, typename C>
struct RowBuffer {
  explicit RowBuffer(std::int64_t width)
      : columns(static_cast<std::size_t>(width) + 1), values(static_cast<std::size_t>(width) + 1) {}
  std::vector<C> columns;
  std::vector<T> values;
};

template <typename T, typename C>
void fill(const T* values, std::int64_t width, const Window& window, RowStore& store, ThreadPool* pool) {
  const auto begins = store.parts[0].values<std::int64_t>();
  const auto ends = store.parts[1].values<std::int64_t>();
  auto* columns = store.parts[2].mutable_values<C>().data();
  auto* stored = store.parts[3].mutable_values<T>().data();
  const std::size_t shards = shards_for(pool);
  std::vector<RowBuffer<T, C>> buffers(shards, RowBuffer<T, C>(window.columns()));
  each_shard(pool, [&](std::size_t shard) {
    const RowRange rows = shard_of(window.rows(), shard, shards);
    RowBuffer<T, C>& buffer = buffers[shard];
    for (std::int64_t row = rows.first; row < rows.last; ++row) {
      const T* const from = row_of(values, width, window, row);
      const std::int64_t at = begins[static_cast<std::size_t>(row)];
      if (ends[static_cast<std::size_t>(row)] < ends[static_cast<std::size_t>(rows.last) - 1]) {
        compress(from, window.columns(), columns + at, stored + at);
        continue;
      }
      // What compress writes past the shard's last entry belongs to the next shard.
      const std::int64_t count =
          compress(from, window.columns(), buffer.columns.data(), buffer.values.data());
      std::copy_n(buffer.columns.data(), count, columns + at);
      std::copy_n(buffer.values.data(), count, stored + at);
    }
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

Density measure_density(const Tensor& tensor, const Window& window, ThreadPool* pool) {
  Density density;
  const auto columns = static_cast<std::size_t>(window.columns());
  const std::size_t shards = shards_for(pool);
  density.row_ends.resize(static_cast<std::size_t>(window.rows()));
  density.column_counts.assign(columns, 0);
  std::vector<Counts> counts(
      shards, {.columns = std::vector<std::int64_t>(columns), .block = std::vector<std::uint8_t>(columns)});
  visit_values(tensor, [&]<typename T>(const T* values) {
    each_shard(pool, [&](std::size_t shard) {
      count_rows(values, width_of(tensor), window, shard_of(window.rows(), shard, shards),
                 density.row_ends.data(), counts[shard]);
    });
  });
  if (!density.row_ends.empty()) density.fullest_row = std::ranges::max(density.row_ends);
  std::partial_sum(density.row_ends.begin(), density.row_ends.end(), density.row_ends.begin());
  if (!density.row_ends.empty()) density.nonzeros = density.row_ends.back();
  for (const Counts& shard : counts) {
    std::ranges::transform(density.column_counts, shard.columns, density.column_counts.begin(), std::plus{});
  }
  density.used_columns = std::ranges::count_if(density.column_counts, [](std::int64_t n) { return n > 0; });
  return density;
}

RowStore make_row_store(const Tensor& tensor, const Window& window, const Density& density,
                        ThreadPool* pool) {
  RowStore store;
  RowLayout& layout = store.layout;
  layout = {.rows = window.rows(),
            .columns = window.columns(),
            .nonzeros = density.nonzeros,
            .fullest_row = density.fullest_row,
            .values = tensor.dtype(),
            .wide_columns = window.columns() > std::numeric_limits<std::uint16_t>::max(),
            .column_load = load_before(density, window.rows())};
  const std::int64_t room = layout.nonzeros + 1;
  store.parts = {Tensor::uninitialized(DType::i64, {layout.rows}),
                 Tensor::uninitialized(DType::i64, {layout.rows}),
                 Tensor::zeros(layout.column_dtype(), {room}), Tensor::zeros(layout.values, {room})};
  const auto ends = store.parts[1].mutable_values<std::int64_t>();
  std::ranges::copy(density.row_ends, ends.begin());
  const auto begins = store.parts[0].mutable_values<std::int64_t>();
  if (!begins.empty()) begins[0] = 0;
  for (std::size_t row = 1; row < begins.size(); ++row) begins[row] = ends[row - 1];
  visit_values(tensor, [&]<typename T>(const T* values) {
    if (layout.wide_columns) {
      fill<T, std::int32_t>(values, width_of(tensor), window, store, pool);
    } else {
      fill<T, std::uint16_t>(values, width_of(tensor), window, store, pool);
    }
  });
  return store;
}

StoredRows RowStore::rows() const {
  return stored_rows({.form = LeftForm::rows, .rows = layout},
                     [&](std::size_t i) { return parts[i].data(); });
}

RowStores::Entry& RowStores::entry(const Tensor& tensor, const Window& window) {
  const auto found = std::ranges::find_if(entries_, [&](const std::unique_ptr<Entry>& entry) {
    return entry->tensor.data() == tensor.data() && entry->tensor.type() == tensor.type() &&
           entry->window == window;
  });
  if (found != entries_.end()) return **found;
  entries_.push_back(std::make_unique<Entry>(Entry{
      .tensor = tensor, .window = window, .density = measure_density(tensor, window, pool_), .store = {}}));
  return *entries_.back();
}

const Density& RowStores::density(const Tensor& tensor, const Window& window) {
  return entry(tensor, window).density;
}

const RowStore& RowStores::store(const Tensor& tensor, const Window& window) {
  Entry& found = entry(tensor, window);
  if (!found.store) {
    found.store = std::make_unique<RowStore>(make_row_store(tensor, window, found.density, pool_));
  }
  return *found.store;
}

}  // namespace weft
