// Gradients of many slices or rows of one tensor are put together by few ops that write each part once.

#include <gtest/gtest.h>

#include <algorithm>

#include "weft/autodiff/gradients.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/pass_list.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::TensorSource;

/// A function of x [6, 9], and feeds for it.
struct Job {
  Graph graph;
  Value x = input(graph, "x", f32, {6, 9});
  TensorSource source{"scattered"};
  Tensor fed = source.uniform({6, 9}, -2.0, 2.0, f32);

  /// How many steps of that op the plan for these outputs has.
  std::ptrdiff_t steps(const Value& output, std::string_view op, const CompileOptions& options = {}) {
    Session session(graph, {.compile = options});
    const Compilation made = session.inspect({.inputs = {x}, .outputs = {output}, .updates = {}}, {});
    return std::ranges::count_if(
        made.lowered.steps, [&](NodeId id) { return made.lowered.program.graph->node(id).op.name() == op; });
  }

  Tensor run(const Value& output, const CompileOptions& options) {
    Session session(graph, {.compile = options});
    return session.compile({.inputs = {x}, .outputs = {output}, .updates = {}})({fed})[0];
  }

  void expect_same_with_and_without(const Value& output) {
    EXPECT_TRUE(close_to(run(output, {}), run(output, {.without = {"fuse_scattered"}}), 1e-6));
  }
};

/// The gradient of the sum of (i + 1) times the squares of some values.
Value slope_of(const std::vector<Value>& parts, const Value& x) {
  Value loss;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Value term = sum(square(parts[i])) * static_cast<double>(i + 1);
    loss = loss.has_value() ? loss + term : term;
  }
  return gradient(loss, x);
}

TEST(FuseScattered, PutsSlicesThatDoNotOverlapBackByOneStep) {
  Job job;
  std::vector<Value> parts;
  for (std::int64_t t = 0; t < 9; ++t) parts.push_back(slice(job.x, 1, t, t + 1));
  const Value slope = slope_of(parts, job.x);
  EXPECT_EQ(job.steps(slope, "unslice"), 1);
  EXPECT_EQ(job.steps(slope, "unslice", {.without = {"fuse_scattered"}}), 9);
  job.expect_same_with_and_without(slope);
}

TEST(FuseScattered, LaysOverlappingSlicesIntoAsFewStepsAsOverlap) {
  Job job;
  std::vector<Value> parts;
  for (std::int64_t t = 0; t + 3 <= 9; ++t) parts.push_back(slice(job.x, 1, t, t + 3));
  const Value slope = slope_of(parts, job.x);
  EXPECT_EQ(job.steps(slope, "unslice"), 3);
  job.expect_same_with_and_without(slope);
}

TEST(FuseScattered, AddsUpWhatBelongsToOneSlice) {
  Job job;
  std::vector<Value> parts;
  for (int i = 0; i < 4; ++i) parts.push_back(slice(job.x, 0, 1, 3) * static_cast<double>(i));
  const Value slope =
      slope_of({exp(slice(job.x, 0, 1, 3)), slice(job.x, 0, 1, 3), slice(job.x, 0, 4, 6)}, job.x);
  EXPECT_EQ(job.steps(slope, "unslice"), 1);
  job.expect_same_with_and_without(slope);
}

TEST(FuseScattered, KeepsWhatElseIsAdded) {
  Job job;
  const Value slope = slope_of(
      {slice(job.x, 1, 0, 2), job.x, slice(job.x, 1, 5, 9, 2), slice(job.x, 0, 0, 3), slice(job.x, 0, 3, 6)},
      job.x);
  EXPECT_EQ(job.steps(slope, "unslice"), 2);
  job.expect_same_with_and_without(slope);
}

TEST(FuseScattered, LeavesASliceThatIsReadElsewhere) {
  Job job;
  const Value first = apply(Unslice{{{.axis = 1, .start = 0, .stop = 2}}, {6, 9}}, slice(job.x, 1, 0, 2));
  const Value second = apply(Unslice{{{.axis = 1, .start = 3, .stop = 5}}, {6, 9}}, slice(job.x, 1, 3, 5));
  EXPECT_EQ(job.steps((first + second) * first, "unslice"), 2);
  EXPECT_EQ(job.steps(first + second, "unslice"), 1);
}

TEST(FuseScattered, AddsRowsOfManyGathersByOneStep) {
  Job job;
  std::vector<Value> parts;
  for (std::int32_t i = 0; i < 5; ++i)
    parts.push_back(gather(job.x, constant(job.graph, Tensor::of<std::int32_t>({i, 2, i + 1, 2}, {2, 2}))));
  parts.push_back(gather(job.x, constant(job.graph, Tensor::of<std::int64_t>({5}, {1}))));
  parts.push_back(gather(job.x, constant(job.graph, Tensor::of<std::int32_t>({3}, {}))));
  const Value slope = slope_of(parts, job.x);
  const CompileOptions apart{.without = {"fuse_accumulate"}};  // which would add one to what the other makes
  EXPECT_EQ(job.steps(slope, "scatter_add", apart), 2);        // one for each dtype of indices
  EXPECT_EQ(job.steps(slope, "scatter_add", {.without = {"fuse_scattered", "fuse_accumulate"}}), 7);
  job.expect_same_with_and_without(slope);
}

}  // namespace
}  // namespace weft
