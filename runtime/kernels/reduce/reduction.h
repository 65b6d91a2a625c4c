#pragma once
// Reductions over any axes: one loop nest for all of them, over a rule that says how numbers are brought
// together. Internal to runtime/kernels/.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "weft/ops/reduce.h"
#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// A tensor and the axes that are reduced, as loops: neighbouring axes of one kind are one. The innermost,
/// whose elements lie side by side, is `run`; the others are listed from the outermost to the innermost.
struct ReductionLoops {
  struct Loop {
    std::size_t size = 1;
    std::size_t stride = 0;
  };

  std::vector<Loop> kept;
  std::vector<Loop> reduced;
  std::size_t run = 1;
  bool run_is_reduced = true;
  std::size_t fold = 1;  // where the run is kept: so many neighbours in it come together all the same

  ReductionLoops(const Shape& shape, const Axes& axes);

  /// Elements of the result that one run gives.
  std::size_t run_results() const { return run_is_reduced ? 1 : run / fold; }

  /// Elements that come together in one of the result.
  std::size_t terms() const;
};

/// A cut of the output's elements into equal ranges, for a kernel that can compute any range of them: along
/// the first axis with more than one element. An input is read by rows where that axis is its first, too.
Cut cut_of_reduction(const KernelSite& site, const Axes& axes);

namespace detail {

template <typename F>
void for_each_offset(std::span<const ReductionLoops::Loop> loops, std::size_t offset, const F& f) {
  if (loops.empty()) return f(offset);
  for (std::size_t i = 0; i < loops[0].size; ++i, offset += loops[0].stride)
    for_each_offset(loops.subspan(1), offset, f);
}

/// Where position number `at` of some loops begins.
inline std::size_t offset_of(std::span<const ReductionLoops::Loop> loops, std::size_t at) {
  std::size_t offset = 0;
  for (std::size_t i = loops.size(); i-- > 1; at /= loops[i].size)
    offset += at % loops[i].size * loops[i].stride;
  return loops.empty() ? 0 : offset + at * loops[0].stride;
}

}  // namespace detail

/// Elements [range) of a reduction's result. A rule has the types In, State and Out, and
///   static constexpr State kNothing;                    of no elements
///   State reduce(const In* x, std::size_t n)            of n elements side by side
///   State join(State a, State b)
///   void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n)
///                                                       joins column j of the rows to s[j]
///   Out finish(State s)
template <typename Rule>
class ReductionKernel final : public Kernel {
 public:
  using In = typename Rule::In;
  using State = typename Rule::State;
  using Out = typename Rule::Out;

  ReductionKernel(const Rule& rule, ReductionLoops loops, Range range)
      : rule_(rule),
        loops_(std::move(loops)),
        begin_(static_cast<std::size_t>(range.begin)),
        end_(static_cast<std::size_t>(range.end)) {
    if (loops_.run_is_reduced || loops_.reduced.empty()) return;
    rows_ = loops_.reduced.back();
    loops_.reduced.pop_back();
  }

  std::size_t scratch_bytes() const override {
    return loops_.run_is_reduced || in_place() ? 0 : std::min(loops_.run, kStrip) * sizeof(State);
  }

  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const In*>(buffers.inputs[0]);
    auto* y = reinterpret_cast<Out*>(buffers.outputs[0]);
    if (loops_.run_is_reduced) {
      for (std::size_t at = begin_; at < end_; ++at)
        y[at] = reduced_at(x + detail::offset_of(loops_.kept, at));
      return;
    }
    for (std::size_t at = begin_; at < end_;) {
      const std::size_t first = at % loops_.run_results();
      const std::size_t count =
          std::min({end_ - at, loops_.run_results() - first, std::max<std::size_t>(kStrip / loops_.fold, 1)});
      reduce_columns(x + detail::offset_of(loops_.kept, at / loops_.run_results()) + first * loops_.fold,
                     y + at, count, reinterpret_cast<State*>(buffers.scratch));
      at += count;
    }
  }

 private:
  /// Whether the states may lie where the results come to lie.
  bool in_place() const { return std::is_same_v<State, Out> && loops_.fold == 1; }
  static constexpr std::size_t kStrip = 4096;  // columns whose states stay in the caches

  Out reduced_at(const In* x) const {
    if (loops_.reduced.empty()) return rule_.finish(rule_.reduce(x, loops_.run));
    State state = Rule::kNothing;
    detail::for_each_offset(loops_.reduced, 0, [&](std::size_t offset) {
      state = rule_.join(state, rule_.reduce(x + offset, loops_.run));
    });
    return rule_.finish(state);
  }

  void reduce_columns(const In* x, Out* y, std::size_t count, State* scratch) const {
    State* states = scratch;
    if constexpr (std::is_same_v<State, Out>) {
      if (in_place()) states = y;
    }
    const std::size_t columns = count * loops_.fold;
    std::fill(states, states + columns, Rule::kNothing);
    detail::for_each_offset(loops_.reduced, 0, [&](std::size_t offset) {
      rule_.reduce_rows(x + offset, rows_.size, rows_.stride, states, columns);
    });
    for (std::size_t i = 0; i < count; ++i, states += loops_.fold) {
      State state = states[0];
      for (std::size_t j = 1; j < loops_.fold; ++j) state = rule_.join(state, states[j]);
      y[i] = rule_.finish(state);
    }
  }

  Rule rule_;
  ReductionLoops loops_;
  ReductionLoops::Loop rows_;
  std::size_t begin_;
  std::size_t end_;
};

/// The choice of a kernel that computes `axes` of the site's only input by a rule.
template <typename Rule>
KernelChoice reduction_choice(const KernelSite& site, const Axes& axes, const Rule& rule) {
  KernelChoice choice;
  choice.cut = cut_of_reduction(site, axes);
  const std::int64_t step = choice.cut.extent > 0 ? site.outputs[0].shape.elements() / choice.cut.extent : 0;
  choice.work = work_of(site);
  choice.work.flops = static_cast<double>(site.inputs[0].shape.elements());
  choice.make = [rule, step, loops = ReductionLoops(site.inputs[0].shape, axes)](Range range) {
    return std::make_unique<ReductionKernel<Rule>>(
        rule, loops, Range{.begin = range.begin * step, .end = range.end * step});
  };
  return choice;
}

}  // namespace weft
