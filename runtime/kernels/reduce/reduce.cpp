#include "weft/runtime/kernels/reduce/reduce.h"

#include <algorithm>

#include "weft/ops/folds.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/kernels/reduce/reduction.h"
#include "weft/runtime/kernels/reduce/rules.h"
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

/// Whether a sum of f32 goes over few rows, all under one loop.
bool is_over_few_rows(const KernelSite& site, const Axes& axes) {
  const ReductionLoops loops(site.inputs[0].shape, axes);
  return !loops.run_is_reduced && loops.fold == 1 && loops.reduced.size() == 1 && loops.terms() <= kFewRows;
}

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
  choice.cut = {.extent = cuttable ? work : 1,
                .inputs = {rows_if(cuttable), rows_if(cuttable && !by_columns)}};
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
  if (sum == nullptr) return std::nullopt;
  if (site.inputs[0].dtype == DType::f32) {
    return is_over_few_rows(site, sum->axes) ? reduction_choice(site, sum->axes, FewRowsSum{})
                                             : reduction_choice(site, sum->axes, FloatSum{});
  }
  return visit_numbers(site.inputs[0].dtype,
                       [&]<typename T>(T) { return reduction_choice(site, sum->axes, WideSum<T>{}); });
}

std::optional<KernelChoice> mean_kernel(const KernelSite& site) {
  const auto* mean = site.op.as<Mean>();
  if (mean == nullptr) return std::nullopt;
  const ReductionLoops loops(site.inputs[0].shape, mean->axes);
  const auto count = static_cast<double>(loops.terms());
  if (site.inputs[0].dtype == DType::f64) {
    const bool at_once = loops.fold == 1 && loops.reduced.size() == (loops.run_is_reduced ? 0 : 1);
    return at_once ? reduction_choice(site, mean->axes, WholeMean<WideSum<double>, long double>{count})
                   : reduction_choice(site, mean->axes, WideMean{static_cast<long double>(count)});
  }
  return is_over_few_rows(site, mean->axes)
             ? reduction_choice(site, mean->axes, WholeMean<FewRowsSum, double>{static_cast<float>(count)})
             : reduction_choice(site, mean->axes, FloatMean{{}, 1.0 / count});
}

std::optional<KernelChoice> max_kernel(const KernelSite& site) {
  const auto* max = site.op.as<Max>();
  if (max == nullptr) return std::nullopt;
  return visit_numbers(site.inputs[0].dtype,
                       [&]<typename T>(T) { return reduction_choice(site, max->axes, Largest<T>{}); });
}

std::optional<KernelChoice> min_kernel(const KernelSite& site) {
  const auto* min = site.op.as<Min>();
  if (min == nullptr) return std::nullopt;
  return visit_numbers(site.inputs[0].dtype,
                       [&]<typename T>(T) { return reduction_choice(site, min->axes, Smallest<T>{}); });
}

std::optional<KernelChoice> prod_kernel(const KernelSite& site) {
  const auto* prod = site.op.as<Prod>();
  if (prod == nullptr) return std::nullopt;
  return visit_numbers(site.inputs[0].dtype,
                       [&]<typename T>(T) { return reduction_choice(site, prod->axes, ProductOf<T>{}); });
}

}  // namespace weft
