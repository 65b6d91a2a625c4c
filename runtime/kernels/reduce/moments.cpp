#include "weft/runtime/kernels/reduce/moments.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "weft/ops/moments.h"
#include "weft/runtime/kernels/reduce/reduction.h"
#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {
namespace {

/// Loops over what one element of the result is made of: runs of elements side by side or, where the
/// innermost axis is kept, columns of rows.
class GroupsKernel : public Kernel {
 public:
  GroupsKernel(const ReductionLoops& loops, Range range)
      : loops_(loops),
        count_(loops.terms()),
        begin_(static_cast<std::size_t>(range.begin)),
        end_(static_cast<std::size_t>(range.end)) {
    if (loops_.run_is_reduced || loops_.reduced.empty()) return;
    rows_ = loops_.reduced.back();
    loops_.reduced.pop_back();
  }

  std::size_t scratch_bytes() const override {
    return loops_.run_is_reduced ? 0 : 3 * std::min(loops_.run, kStrip) * sizeof(double);
  }

 protected:
  static constexpr std::size_t kStrip = 1024;  // columns whose sums stay in the caches

  /// Calls `each(element of the result, where its first run begins)`.
  template <typename F>
  void for_each_group(F each) const {
    for (std::size_t at = begin_; at < end_; ++at) each(at, detail::offset_of(loops_.kept, at));
  }
  /// Calls `each(element of the result, where its first row begins, elements)`. There are `fold()` columns
  /// for each element.
  template <typename F>
  void for_each_strip(F each) const {
    for (std::size_t at = begin_; at < end_;) {
      const std::size_t first = at % loops_.run_results();
      const std::size_t count =
          std::min({end_ - at, loops_.run_results() - first, std::max<std::size_t>(kStrip / loops_.fold, 1)});
      each(at, detail::offset_of(loops_.kept, at / loops_.run_results()) + first * loops_.fold, count);
      at += count;
    }
  }
  /// The sum over the columns of an element.
  double folded(const double* columns, std::size_t element) const {
    const double* first = columns + element * loops_.fold;
    return std::accumulate(first, first + loops_.fold, 0.0);
  }
  void spread(double number, double* columns, std::size_t element) const {
    std::fill_n(columns + element * loops_.fold, loops_.fold, number);
  }
  /// Calls `each(where it begins)` for all runs of one group, or blocks of `rows()` of one strip.
  template <typename F>
  void for_each_run(F each) const {
    detail::for_each_offset(loops_.reduced, 0, each);
  }

  std::size_t fold() const { return loops_.fold; }
  std::size_t run_length() const { return loops_.run; }
  ReductionLoops::Loop rows() const { return rows_; }
  bool has_runs() const { return loops_.run_is_reduced; }
  std::size_t count() const { return count_; }

 private:
  ReductionLoops loops_;
  ReductionLoops::Loop rows_;  // where rows are reduced, the innermost loop over them
  std::size_t count_;
  std::size_t begin_;
  std::size_t end_;
};

class MomentsKernel final : public GroupsKernel {
 public:
  using GroupsKernel::GroupsKernel;

  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* mean = reinterpret_cast<float*>(buffers.outputs[0]);
    auto* deviation = reinterpret_cast<double*>(buffers.outputs[1]);
    const double share = 1.0 / static_cast<double>(std::max<std::size_t>(count(), 1));
    const VectorFunctions& vector = vector_functions();
    if (has_runs()) {
      for_each_group([&](std::size_t at, std::size_t first) {
        double sum = 0.0;
        for_each_run([&](std::size_t offset) { sum += vector.sum(x + first + offset, run_length()); });
        const double middle = sum * share;
        double squares = 0.0;
        for_each_run([&](std::size_t offset) {
          squares += vector.sum_squared_gaps(x + first + offset, middle, run_length());
        });
        mean[at] = static_cast<float>(middle);
        deviation[at] = std::sqrt(squares * share);
      });
      return;
    }
    for_each_strip([&](std::size_t at, std::size_t first, std::size_t elements) {
      const std::size_t columns = elements * fold();
      auto* means = reinterpret_cast<double*>(buffers.scratch);
      double* squares = means + columns;
      std::fill(means, means + 2 * columns, 0.0);
      for_each_run([&](std::size_t offset) {
        vector.add_many_rows(x + first + offset, rows().size, rows().stride, nullptr, 0, means, columns);
      });
      for (std::size_t j = 0; j < elements; ++j) spread(folded(means, j) * share, means, j);
      for_each_run([&](std::size_t offset) {
        vector.add_squared_gaps(x + first + offset, rows().size, rows().stride, means, squares, columns);
      });
      for (std::size_t j = 0; j < elements; ++j) {
        mean[at + j] = static_cast<float>(means[j * fold()]);
        deviation[at + j] = std::sqrt(folded(squares, j) * share);
      }
    });
  }
};

class CentredSumsKernel final : public GroupsKernel {
 public:
  using GroupsKernel::GroupsKernel;

  void run(const KernelBuffers& buffers) override {
    const auto* y = reinterpret_cast<const float*>(buffers.inputs[0]);
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[1]);
    const auto* mean = reinterpret_cast<const float*>(buffers.inputs[2]);
    auto* sums = reinterpret_cast<float*>(buffers.outputs[0]);
    auto* products = reinterpret_cast<double*>(buffers.outputs[1]);
    if (has_runs()) {
      for_each_group([&](std::size_t at, std::size_t first) {
        CentredSum total{};
        for_each_run([&](std::size_t offset) {
          const CentredSum part = vector_functions().centred_sum(y + first + offset, x + first + offset,
                                                                 static_cast<double>(mean[at]), run_length());
          total.factors += part.factors;
          total.products += part.products;
        });
        sums[at] = static_cast<float>(total.factors);
        products[at] = total.products;
      });
      return;
    }
    for_each_strip([&](std::size_t at, std::size_t first, std::size_t elements) {
      const std::size_t columns = elements * fold();
      auto* factors = reinterpret_cast<double*>(buffers.scratch);
      double* both = factors + columns;
      double* means = both + columns;
      std::fill(factors, means, 0.0);
      for (std::size_t j = 0; j < elements; ++j) spread(static_cast<double>(mean[at + j]), means, j);
      for_each_run([&](std::size_t offset) {
        vector_functions().add_centred_sums(y + first + offset, x + first + offset, rows().size,
                                            rows().stride, means, factors, both, columns);
      });
      for (std::size_t j = 0; j < elements; ++j) {
        sums[at + j] = static_cast<float>(folded(factors, j));
        products[at + j] = folded(both, j);
      }
    });
  }
};

template <typename GroupKernel>
std::optional<KernelChoice> groups_choice(const KernelSite& site, const Axes& axes) {
  if (site.inputs[0].dtype != DType::f32) return std::nullopt;
  KernelChoice choice;
  choice.cut = cut_of_reduction(site, axes);
  // The moments themselves lie as the results do.
  choice.cut.inputs.assign(site.inputs.size(), choice.cut.input(0));
  if (site.inputs.size() == 3) choice.cut.inputs[2] = rows_if(choice.cut.extent > 1);
  const std::int64_t step = choice.cut.extent > 0 ? site.outputs[0].shape.elements() / choice.cut.extent : 0;
  choice.work = work_of(site);
  choice.work.flops = 4.0 * static_cast<double>(site.inputs[0].shape.elements());
  choice.make = [step, loops = ReductionLoops(site.inputs[0].shape, axes)](Range range) {
    return std::make_unique<GroupKernel>(loops, Range{.begin = range.begin * step, .end = range.end * step});
  };
  return choice;
}

}  // namespace

std::optional<KernelChoice> moments_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Moments>();
  return op != nullptr ? groups_choice<MomentsKernel>(site, op->axes) : std::nullopt;
}

std::optional<KernelChoice> centred_sums_kernel(const KernelSite& site) {
  const auto* op = site.op.as<CentredSums>();
  return op != nullptr ? groups_choice<CentredSumsKernel>(site, op->axes) : std::nullopt;
}

}  // namespace weft
