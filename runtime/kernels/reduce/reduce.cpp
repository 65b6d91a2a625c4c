#include "weft/runtime/kernels/reduce/reduce.h"

#include <algorithm>

#include "weft/ops/reduce.h"
#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

/// The input seen as [outer, reduced, inner]; the sum goes over the middle.
struct Middle {
  std::size_t outer = 1;
  std::size_t reduced = 1;
  std::size_t inner = 1;
};

std::optional<Middle> middle_of(const Shape& shape, const Axes& listed) {
  const Axes axes = normalize_axes(listed, shape.rank());
  if (!axes.empty() && axes.back() - axes.front() != static_cast<std::int64_t>(axes.size()) - 1)
    return std::nullopt;
  Middle middle;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    const auto size = static_cast<std::size_t>(shape[axis].size());
    const auto at = static_cast<std::int64_t>(axis);
    if (axes.empty() || at < axes.front()) {
      middle.outer *= size;
    } else if (at > axes.back()) {
      middle.inner *= size;
    } else {
      middle.reduced *= size;
    }
  }
  return middle;
}

/// Up to this many rows are added in f32, more in f64; see VectorFunctions.
constexpr std::size_t kFewRows = 256;

/// Sums of n columns of rows that lie `stride` elements apart. For many rows, each column needs room for a
/// number of f64.
class ColumnSums {
 public:
  ColumnSums(std::size_t rows, std::size_t stride) : rows_(rows), stride_(stride) {}

  std::size_t scratch_bytes(std::size_t n) const { return rows_ <= kFewRows ? 0 : n * sizeof(double); }

  void run(const float* x, float* y, std::size_t n, std::byte* scratch) const {
    if (rows_ <= kFewRows) {
      std::fill(y, y + n, 0.0F);
      return vector_functions().add_rows(x, rows_, stride_, y, n);
    }
    auto* sums = reinterpret_cast<double*>(scratch);
    std::fill(sums, sums + n, 0.0);
    vector_functions().add_many_rows(x, rows_, stride_, nullptr, 0, sums, n);
    for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<float>(sums[i]);
  }

 private:
  std::size_t rows_;
  std::size_t stride_;
};

class SumKernel final : public Kernel {
 public:
  /// Outer rows [range) of a sum with outer axes, or columns [range) of one without.
  SumKernel(const Middle& middle, bool by_columns, Range range)
      : middle_(middle), sums_(middle.reduced, middle.inner), by_columns_(by_columns), range_(range) {}

  std::size_t scratch_bytes() const override {
    return sums_.scratch_bytes(by_columns_ ? static_cast<std::size_t>(range_.end - range_.begin)
                                           : middle_.inner);
  }

  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]);
    const auto begin = static_cast<std::size_t>(range_.begin);
    const auto end = static_cast<std::size_t>(range_.end);
    const auto [outer, reduced, inner] = middle_;
    if (by_columns_) {
      return sums_.run(x + begin, y + begin, end - begin, buffers.scratch);
    }
    for (std::size_t row = begin; row < end; ++row) {
      const float* block = x + row * reduced * inner;
      if (inner == 1) {
        y[row] = static_cast<float>(vector_functions().sum(block, reduced));
      } else {
        sums_.run(block, y + row * inner, inner, buffers.scratch);
      }
    }
  }

 private:
  Middle middle_;
  ColumnSums sums_;
  bool by_columns_;
  Range range_;
};

/// The input seen as [outer, kept, inner]; the sum goes over both sides, and `kept` is the output's first
/// axis: the gradient of a bias for each channel.
struct Sides {
  std::size_t outer = 1;
  std::size_t kept = 1;
  std::size_t inner = 1;
};

std::optional<Sides> sides_of(const Shape& shape, const Sum& sum) {
  const Axes axes = normalize_axes(sum.axes, shape.rank());
  Sides sides;
  std::size_t first = 0;
  while (first < axes.size() && axes[first] == static_cast<std::int64_t>(first)) ++first;
  if (sum.keep_dims || first == 0 || first + 1 != shape.rank() - (axes.size() - first)) return std::nullopt;
  for (std::size_t i = first; i < axes.size(); ++i) {
    if (axes[i] != static_cast<std::int64_t>(i + 1)) return std::nullopt;
  }
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    const auto size = static_cast<std::size_t>(shape[axis].size());
    (axis < first ? sides.outer : axis == first ? sides.kept : sides.inner) *= size;
  }
  return sides;
}

class SidesSumKernel final : public Kernel {
 public:
  SidesSumKernel(const Sides& sides, Range range) : sides_(sides), range_(range) {}

  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]);
    const auto [outer, kept, inner] = sides_;
    for (auto at = static_cast<std::size_t>(range_.begin); at < static_cast<std::size_t>(range_.end); ++at) {
      double total = 0.0;
      for (std::size_t block = 0; block < outer; ++block) {
        total += vector_functions().sum(x + (block * kept + at) * inner, inner);
      }
      y[at] = static_cast<float>(total);
    }
  }

 private:
  Sides sides_;
  Range range_;
};

std::optional<KernelChoice> sides_sum_kernel(const KernelSite& site, const Sum& sum) {
  const auto sides = sides_of(site.inputs[0].shape, sum);
  if (!sides) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = static_cast<std::int64_t>(sides->kept), .row_inputs = {false}};
  choice.make = [sides = *sides](Range range) { return std::make_unique<SidesSumKernel>(sides, range); };
  return choice;
}

/// y = c + alpha * the sum over the middle of x, for some outer rows and some columns.
class SumAccumulateKernel final : public Kernel {
 public:
  SumAccumulateKernel(const Middle& middle, float alpha, Range outer, Range columns)
      : middle_(middle),
        sums_(middle.reduced, middle.inner),
        alpha_(alpha),
        outer_(outer),
        begin_(static_cast<std::size_t>(columns.begin)),
        size_(static_cast<std::size_t>(columns.end - columns.begin)) {}

  std::size_t scratch_bytes() const override { return sums_.scratch_bytes(size_) + size_ * sizeof(float); }

  void run(const KernelBuffers& buffers) override {
    auto* sum = reinterpret_cast<float*>(buffers.scratch + sums_.scratch_bytes(size_));
    const auto [outer, reduced, inner] = middle_;
    for (auto row = static_cast<std::size_t>(outer_.begin); row < static_cast<std::size_t>(outer_.end);
         ++row) {
      const std::size_t at = row * inner + begin_;
      const auto* c = reinterpret_cast<const float*>(buffers.inputs[0]) + at;
      const auto* x = reinterpret_cast<const float*>(buffers.inputs[1]) + row * reduced * inner + begin_;
      auto* y = reinterpret_cast<float*>(buffers.outputs[0]) + at;
      sums_.run(x, sum, size_, buffers.scratch);
      for (std::size_t i = 0; i < size_; ++i) y[i] = c[i] + alpha_ * sum[i];
    }
  }

 private:
  Middle middle_;
  ColumnSums sums_;
  float alpha_;
  Range outer_;
  std::size_t begin_;
  std::size_t size_;
};

}  // namespace

std::optional<KernelChoice> sum_accumulate_kernel(const KernelSite& site) {
  const auto* op = site.op.as<SumAccumulate>();
  if (op == nullptr || site.inputs[1].dtype != DType::f32) return std::nullopt;
  const auto middle = middle_of(site.inputs[1].shape, op->axes);
  if (!middle) return std::nullopt;
  const Range outer{.begin = 0, .end = static_cast<std::int64_t>(middle->outer)};
  const Range columns{.begin = 0, .end = static_cast<std::int64_t>(middle->inner)};
  const bool by_columns = middle->outer == 1;
  const std::int64_t work = by_columns ? columns.end : outer.end;
  const bool cuttable = row_count(site.outputs[0]) == work;
  KernelChoice choice;
  choice.cut = {.extent = cuttable ? work : 1, .row_inputs = {cuttable, cuttable && !by_columns}};
  choice.in_place = {{.output = 0, .input = 0}};
  choice.make = [middle = *middle, alpha = static_cast<float>(op->alpha), cuttable, by_columns, outer,
                 columns](Range range) {
    return std::make_unique<SumAccumulateKernel>(middle, alpha, cuttable && !by_columns ? range : outer,
                                                 cuttable && by_columns ? range : columns);
  };
  return choice;
}

std::optional<KernelChoice> sum_kernel(const KernelSite& site) {
  const auto* sum = site.op.as<Sum>();
  if (sum == nullptr || site.inputs[0].dtype != DType::f32) return std::nullopt;
  const auto middle = middle_of(site.inputs[0].shape, sum->axes);
  if (!middle) return sides_sum_kernel(site, *sum);
  KernelChoice choice;
  const bool by_columns = middle->outer == 1 && middle->inner > 1;
  const auto work = static_cast<std::int64_t>(by_columns ? middle->inner : middle->outer);
  // A cut goes along the output's first axis. If the kernel does not work along that axis, it is not cut.
  const std::int64_t rows = row_count(site.outputs[0]);
  const bool cuttable =
      !site.outputs[0].shape.is_scalar() && (by_columns ? rows > 0 && work % rows == 0 : rows == work);
  const std::int64_t step = cuttable ? work / std::max<std::int64_t>(rows, 1) : work;
  choice.cut = {.extent = cuttable ? rows : 1, .row_inputs = {cuttable && !by_columns}};
  choice.make = [middle = *middle, by_columns, step](Range range) {
    return std::make_unique<SumKernel>(middle, by_columns,
                                       Range{.begin = range.begin * step, .end = range.end * step});
  };
  return choice;
}

}  // namespace weft
