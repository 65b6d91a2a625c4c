#include "weft/runtime/kernels/layout/single_rows.h"

#include <algorithm>
#include <cstring>

#include "weft/ops/gather.h"
#include "weft/runtime/ops/row_ops.h"

namespace weft {
namespace {

/// The indices of an op on rows, as its kernels read them.
struct RowList {
  DType dtype = DType::i64;
  std::int64_t count = 0;

  ConstArg in(const KernelBuffers& buffers, std::size_t input) const {
    return {.dtype = dtype, .sizes = {}, .data = buffers.inputs[input], .elements = count};
  }
};

RowList row_list(const TensorType& indices) {
  return {.dtype = indices.dtype, .count = indices.shape.elements()};
}

double row_bytes_of(const TensorType& type) {
  return static_cast<double>(type.shape.elements()) * static_cast<double>(size_of(type.dtype));
}

/// Equal indices stand together once they are sorted; each run of them is summed once, in f64, in the order
/// of the indices.
template <typename T>
class SumEqualRowsKernel final : public Kernel {
 public:
  SumEqualRowsKernel(const RowList& list, std::size_t row) : list_(list), row_(row) {}

  std::size_t scratch_bytes() const override {
    return row_ * sizeof(double) + static_cast<std::size_t>(list_.count) * sizeof(Place);
  }

  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const T*>(buffers.inputs[0]);
    T* y = reinterpret_cast<T*>(buffers.outputs[0]);
    auto* sums = reinterpret_cast<double*>(buffers.scratch);
    auto* first = reinterpret_cast<Place*>(sums + row_);
    const ConstArg indices = list_.in(buffers, 1);
    for (std::int64_t i = 0; i < list_.count; ++i) first[i] = {.row = index_at(indices, i), .at = i};
    const std::span<Place> places(first, static_cast<std::size_t>(list_.count));
    std::ranges::sort(places);
    for (std::size_t i = 0; i < places.size();) {
      std::size_t end = i + 1;
      while (end < places.size() && places[end].row == places[i].row) ++end;
      sum_rows(x, places.subspan(i, end - i), sums, y);
      i = end;
    }
  }

 private:
  struct Place {
    std::int64_t row;  // of the table
    std::int64_t at;   // among the indices
    auto operator<=>(const Place&) const = default;
  };

  void sum_rows(const T* x, std::span<const Place> places, double* sums, T* y) const {
    if (places.size() == 1) {
      const std::size_t start = static_cast<std::size_t>(places[0].at) * row_;
      for (std::size_t j = 0; j < row_; ++j)
        y[start + j] = T{0} + x[start + j];  // a sum begins with 0: -0 gives 0
      return;
    }
    std::fill(sums, sums + row_, 0.0);
    for (const Place& place : places) {
      const T* from = x + static_cast<std::size_t>(place.at) * row_;
      for (std::size_t j = 0; j < row_; ++j) sums[j] += static_cast<double>(from[j]);
    }
    for (const Place& place : places) {
      T* to = y + static_cast<std::size_t>(place.at) * row_;
      for (std::size_t j = 0; j < row_; ++j) to[j] = static_cast<T>(sums[j]);
    }
  }

  RowList list_;
  std::size_t row_;  // elements
};

/// Replaces those of rows [range) of what is there that the indices name. In place it visits no other rows.
class ReplaceRowsKernel final : public Kernel {
 public:
  ReplaceRowsKernel(const RowList& list, std::size_t bytes, Range rows)
      : list_(list), bytes_(bytes), rows_(rows) {}

  void run(const KernelBuffers& buffers) override {
    const std::byte* c = buffers.inputs[0];
    const std::byte* x = buffers.inputs[1];
    std::byte* y = buffers.outputs[0];
    if (y != c) {
      const std::size_t start = static_cast<std::size_t>(rows_.begin) * bytes_;
      std::memcpy(y + start, c + start, static_cast<std::size_t>(rows_.end - rows_.begin) * bytes_);
    }
    const ConstArg indices = list_.in(buffers, 2);
    for (std::int64_t i = 0; i < list_.count; ++i, x += bytes_) {
      const std::int64_t row = index_at(indices, i);
      if (row < rows_.begin || row >= rows_.end) continue;
      std::memcpy(y + static_cast<std::size_t>(row) * bytes_, x, bytes_);
    }
  }

 private:
  RowList list_;
  std::size_t bytes_;  // of a row
  Range rows_;
};

}  // namespace

std::optional<KernelChoice> sum_equal_rows_kernel(const KernelSite& site) {
  if (!site.op.is<SumEqualRows>() || site.outputs[0].shape.elements() == 0) return std::nullopt;
  const RowList list = row_list(site.inputs[1]);
  const auto row = static_cast<std::size_t>(site.outputs[0].shape.elements() / list.count);
  KernelChoice choice;
  choice.work.bytes = 2.0 * row_bytes_of(site.outputs[0]) + row_bytes_of(site.inputs[1]);
  choice.make = [list, row, dtype = site.outputs[0].dtype](Range) -> std::unique_ptr<Kernel> {
    if (dtype == DType::f32) return std::make_unique<SumEqualRowsKernel<float>>(list, row);
    return std::make_unique<SumEqualRowsKernel<double>>(list, row);
  };
  return choice;
}

std::optional<KernelChoice> replace_rows_kernel(const KernelSite& site) {
  if (!site.op.is<ReplaceRows>() || site.outputs[0].shape.elements() == 0) return std::nullopt;
  const TensorType& table = site.outputs[0];
  const RowList list = row_list(site.inputs[2]);
  const std::size_t bytes = static_cast<std::size_t>(row_elements(table)) * size_of(table.dtype);
  KernelChoice choice;
  choice.cut = {.extent = row_count(table), .inputs = {Portion::rows}, .seamless = true};
  choice.in_place = {{.output = 0, .input = 0}};
  choice.work.bytes = 2.0 * row_bytes_of(site.inputs[1]) + row_bytes_of(site.inputs[2]);
  choice.make = [list, bytes](Range rows) { return std::make_unique<ReplaceRowsKernel>(list, bytes, rows); };
  return choice;
}

}  // namespace weft
