#include "weft/runtime/kernels/layout/rows.h"

#include <algorithm>
#include <cstring>

#include "weft/ops/gather.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

/// How a list of indices of any rank is cut: along its first axis with more than one element.
struct IndexCut {
  std::int64_t extent = 1;
  std::int64_t indices = 1;  // in one row of the cut
};

IndexCut cut_of(const Shape& indices) {
  for (const Dim& dim : indices) {
    if (!dim.is(1)) {
      const std::int64_t extent = dim.size();
      return {.extent = extent, .indices = extent == 0 ? 0 : indices.elements() / extent};
    }
  }
  return {};
}

ConstArg indices_in(const KernelBuffers& buffers, std::size_t input, DType dtype, Range range) {
  return {.dtype = dtype,
          .sizes = {},
          .data = buffers.inputs[input] + static_cast<std::size_t>(range.begin) * size_of(dtype),
          .elements = range.end - range.begin};
}

struct RowCopy {
  std::int64_t table_rows = 0;
  std::size_t row_bytes = 0;
  DType index = DType::i64;
  Range indices;
};

class GatherKernel final : public Kernel {
 public:
  explicit GatherKernel(const RowCopy& copy) : copy_(copy) {}

  void run(const KernelBuffers& buffers) override {
    const auto [table_rows, row_bytes, dtype, range] = copy_;
    const ConstArg indices = indices_in(buffers, 1, dtype, range);
    check_indices(indices, table_rows, "index", range.begin);
    std::byte* to = buffers.outputs[0] + static_cast<std::size_t>(range.begin) * row_bytes;
    for (std::int64_t i = 0; i < indices.elements; ++i, to += row_bytes) {
      std::memcpy(to, buffers.inputs[0] + static_cast<std::size_t>(index_at(indices, i)) * row_bytes,
                  row_bytes);
    }
  }

 private:
  RowCopy copy_;
};

struct RowSums {
  DType index = DType::i64;
  std::int64_t indices = 0;
  std::int64_t table_rows = 0;
  std::size_t row = 0;  // elements
};

/// Adds a row to sums in f64.
template <typename T>
void add_to(double* sums, const T* row, std::size_t length) {
  for (std::size_t j = 0; j < length; ++j) sums[j] += static_cast<double>(row[j]);
}

/// Rows [range) of the table. The indices that name a row are linked into a list, in ascending order, so that
/// every row is written once.
template <typename T>
class ScatterAddKernel final : public Kernel {
 public:
  ScatterAddKernel(const RowSums& sums, Range rows) : sums_(sums), rows_(rows) {}

  std::size_t scratch_bytes() const override {
    const auto links = static_cast<std::size_t>(rows_.end - rows_.begin + sums_.indices);
    return sums_.row * sizeof(double) + links * sizeof(std::int64_t);
  }

  void run(const KernelBuffers& buffers) override {
    const ConstArg indices = indices_in(buffers, 1, sums_.index, {.begin = 0, .end = sums_.indices});
    check_indices(indices, sums_.table_rows, "index");
    auto* sums = reinterpret_cast<double*>(buffers.scratch);
    auto* first = reinterpret_cast<std::int64_t*>(sums + sums_.row);
    auto* next = first + (rows_.end - rows_.begin);
    std::fill(first, next, kNone);
    for (std::int64_t i = sums_.indices; i-- > 0;) {
      const std::int64_t row = index_at(indices, i);
      if (row < rows_.begin || row >= rows_.end) continue;
      next[i] = first[row - rows_.begin];
      first[row - rows_.begin] = i;
    }
    const auto* x = reinterpret_cast<const T*>(buffers.inputs[0]);
    T* y = reinterpret_cast<T*>(buffers.outputs[0]) + static_cast<std::size_t>(rows_.begin) * sums_.row;
    for (std::int64_t row = 0; row < rows_.end - rows_.begin; ++row, y += sums_.row)
      write_row(x, first[row], next, sums, y);
  }

 private:
  static constexpr std::int64_t kNone = -1;

  void write_row(const T* x, std::int64_t at, const std::int64_t* next, double* sums, T* y) const {
    const std::size_t length = sums_.row;
    const auto row_at = [&](std::int64_t i) { return x + static_cast<std::size_t>(i) * length; };
    if (at == kNone) {
      std::fill(y, y + length, T{0});
      return;
    }
    if (next[at] == kNone) {
      const T* from = row_at(at);
      for (std::size_t j = 0; j < length; ++j) y[j] = T{0} + from[j];  // a sum begins with 0: -0 gives 0
      return;
    }
    std::fill(sums, sums + length, 0.0);
    for (; at != kNone; at = next[at]) add_to(sums, row_at(at), length);
    for (std::size_t j = 0; j < length; ++j) y[j] = static_cast<T>(sums[j]);
  }

  RowSums sums_;
  Range rows_;
};

/// Adds to rows [range) of what is there, each row of the table once. In place it visits no other rows.
template <typename T>
class ScatterAccumulateKernel final : public Kernel {
 public:
  ScatterAccumulateKernel(const RowSums& sums, double alpha, Range rows)
      : sums_(sums), alpha_(static_cast<T>(alpha)), rows_(rows) {}

  std::size_t scratch_bytes() const override {
    return sums_.row * sizeof(double) + static_cast<std::size_t>(sums_.indices) * sizeof(Place);
  }

  void run(const KernelBuffers& buffers) override {
    const auto* c = reinterpret_cast<const T*>(buffers.inputs[0]);
    const auto* x = reinterpret_cast<const T*>(buffers.inputs[1]);
    T* y = reinterpret_cast<T*>(buffers.outputs[0]);
    if (y != c) {
      std::copy(c + static_cast<std::size_t>(rows_.begin) * sums_.row,
                c + static_cast<std::size_t>(rows_.end) * sums_.row,
                y + static_cast<std::size_t>(rows_.begin) * sums_.row);
    }
    auto* sums = reinterpret_cast<double*>(buffers.scratch);
    const std::span<const Place> places = sorted_places(buffers, reinterpret_cast<Place*>(sums + sums_.row));
    for (std::size_t i = 0; i < places.size();) {
      std::size_t end = i + 1;
      while (end < places.size() && places[end].row == places[i].row) ++end;
      add_rows(x, places.subspan(i, end - i), sums, y + static_cast<std::size_t>(places[i].row) * sums_.row);
      i = end;
    }
  }

 private:
  struct Place {
    std::int64_t row;    // of the table
    std::int64_t index;  // among the indices
    auto operator<=>(const Place&) const = default;
  };

  std::span<const Place> sorted_places(const KernelBuffers& buffers, Place* places) const {
    const ConstArg indices = indices_in(buffers, 2, sums_.index, {.begin = 0, .end = sums_.indices});
    std::size_t count = 0;
    for (std::int64_t i = 0; i < sums_.indices; ++i) {
      const std::int64_t row = index_at(indices, i);
      if (row >= rows_.begin && row < rows_.end) places[count++] = {.row = row, .index = i};
    }
    std::sort(places, places + count);
    return {places, count};
  }

  void add_rows(const T* x, std::span<const Place> places, double* sums, T* y) const {
    const std::size_t length = sums_.row;
    const auto row_of = [&](const Place& place) {
      return x + static_cast<std::size_t>(place.index) * length;
    };
    if (places.size() == 1) {
      const T* from = row_of(places[0]);
      for (std::size_t j = 0; j < length; ++j) y[j] += alpha_ * from[j];
      return;
    }
    std::fill(sums, sums + length, 0.0);
    for (const Place& place : places) add_to(sums, row_of(place), length);
    for (std::size_t j = 0; j < length; ++j) y[j] += alpha_ * static_cast<T>(sums[j]);
  }

  RowSums sums_;
  T alpha_;
  Range rows_;
};

class OneHotKernel final : public Kernel {
 public:
  OneHotKernel(const OneHot& op, DType index, Range indices) : op_(op), index_(index), range_(indices) {}

  void run(const KernelBuffers& buffers) override {
    const ConstArg indices = indices_in(buffers, 0, index_, range_);
    check_indices(indices, op_.depth, "label", range_.begin);
    visit_dtype(op_.dtype, [&]<typename T>(T) {
      T* row = reinterpret_cast<T*>(buffers.outputs[0]) + range_.begin * op_.depth;
      std::fill(row, row + indices.elements * op_.depth, T{0});
      for (std::int64_t i = 0; i < indices.elements; ++i, row += op_.depth) row[index_at(indices, i)] = T{1};
    });
  }

 private:
  OneHot op_;
  DType index_;
  Range range_;
};

double bytes_of(const TensorType& type) {
  return static_cast<double>(type.shape.elements()) * static_cast<double>(size_of(type.dtype));
}

}  // namespace

std::optional<KernelChoice> gather_kernel(const KernelSite& site) {
  if (!site.op.is<Gather>()) return std::nullopt;
  const TensorType& table = site.inputs[0];
  RowCopy copy{.table_rows = row_count(table),
               .row_bytes = static_cast<std::size_t>(row_elements(table)) * size_of(table.dtype),
               .index = site.inputs[1].dtype,
               .indices = {}};
  if (copy.row_bytes == 0) return std::nullopt;
  const IndexCut cut = cut_of(site.inputs[1].shape);
  KernelChoice choice;
  choice.cut = {.extent = cut.extent, .inputs = {Portion::whole, Portion::rows}};
  choice.work.bytes = 2.0 * bytes_of(site.outputs[0]);
  choice.make = [copy, cut](Range range) mutable {
    copy.indices = {.begin = range.begin * cut.indices, .end = range.end * cut.indices};
    return std::make_unique<GatherKernel>(copy);
  };
  return choice;
}

std::optional<KernelChoice> scatter_add_kernel(const KernelSite& site) {
  if (!site.op.is<ScatterAdd>() || site.outputs[0].shape.elements() == 0) return std::nullopt;
  const TensorType& table = site.outputs[0];
  const RowSums sums{.index = site.inputs[1].dtype,
                     .indices = site.inputs[1].shape.elements(),
                     .table_rows = row_count(table),
                     .row = static_cast<std::size_t>(row_elements(table))};
  KernelChoice choice;
  choice.cut = {.extent = sums.table_rows, .inputs = {}, .seamless = true};
  choice.work.bytes = bytes_of(site.inputs[0]) + bytes_of(site.inputs[1]) + bytes_of(table);
  choice.make = [sums, dtype = table.dtype](Range rows) -> std::unique_ptr<Kernel> {
    if (dtype == DType::f32) return std::make_unique<ScatterAddKernel<float>>(sums, rows);
    return std::make_unique<ScatterAddKernel<double>>(sums, rows);
  };
  return choice;
}

std::optional<KernelChoice> scatter_accumulate_kernel(const KernelSite& site) {
  const auto* op = site.op.as<ScatterAccumulate>();
  if (op == nullptr || site.outputs[0].shape.elements() == 0) return std::nullopt;
  const TensorType& table = site.outputs[0];
  const RowSums sums{.index = site.inputs[2].dtype,
                     .indices = site.inputs[2].shape.elements(),
                     .table_rows = row_count(table),
                     .row = static_cast<std::size_t>(row_elements(table))};
  KernelChoice choice;
  choice.cut = {.extent = sums.table_rows, .inputs = {Portion::rows}, .seamless = true};
  choice.in_place = {{.output = 0, .input = 0}};
  choice.work.bytes = 3.0 * bytes_of(site.inputs[1]) + bytes_of(site.inputs[2]);
  choice.make = [sums, dtype = table.dtype, alpha = op->alpha](Range rows) -> std::unique_ptr<Kernel> {
    if (dtype == DType::f32) return std::make_unique<ScatterAccumulateKernel<float>>(sums, alpha, rows);
    return std::make_unique<ScatterAccumulateKernel<double>>(sums, alpha, rows);
  };
  return choice;
}

std::optional<KernelChoice> one_hot_kernel(const KernelSite& site) {
  const auto* op = site.op.as<OneHot>();
  if (op == nullptr || site.outputs[0].shape.elements() == 0) return std::nullopt;
  const IndexCut cut = cut_of(site.inputs[0].shape);
  KernelChoice choice;
  choice.cut = {.extent = cut.extent, .inputs = {Portion::rows}};
  choice.make = [op = *op, dtype = site.inputs[0].dtype, cut](Range range) {
    return std::make_unique<OneHotKernel>(
        op, dtype, Range{.begin = range.begin * cut.indices, .end = range.end * cut.indices});
  };
  return choice;
}

}  // namespace weft
