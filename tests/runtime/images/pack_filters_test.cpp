// Filters that are packed once and not in every call: the same bits, and new ones after every change.

#include "weft/runtime/images/pack_filters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/conv.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/runtime/ops/packed_ops.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::KernelCheck;
using testing_support::same_bits;
using testing_support::TensorSource;

struct PackingCase {
  std::vector<std::int64_t> x;
  std::vector<std::int64_t> w;
  Conv2dOptions options{};
};

/// Shapes that oneDNN reads in different orders: blocks of channels, of filters alone, of groups.
std::vector<PackingCase> packing_cases() {
  return {{.x = {2, 32, 9, 9}, .w = {48, 32, 3, 3}, .options = {.padding = 1}},
          {.x = {3, 20, 7, 8}, .w = {17, 20, 3, 2}},
          {.x = {1, 3, 20, 20}, .w = {16, 3, 7, 7}, .options = {.stride = 2}},
          {.x = {2, 32, 9, 9}, .w = {32, 1, 3, 3}, .options = {.padding = 1, .groups = 32}},
          {.x = {2, 32, 9, 9}, .w = {64, 16, 3, 3}, .options = {.groups = 2}},
          {.x = {2, 64, 5, 5}, .w = {32, 64, 1, 1}}};
}

/// relu(conv(2x, w) + b) in a session.
class Packed {
 public:
  explicit Packed(const PackingCase& in) : source_("packing") {
    x_ = input(graph_, "x", f32, Shape::of(in.x));
    fed_ = source_.uniform(in.x, -1.0, 1.0, f32);
    w_ = parameter(graph_, "w", source_.uniform(in.w, -1.0, 1.0, f32));
    b_ = parameter(graph_, "b", source_.uniform({in.w[0], 1, 1}, -1.0, 1.0, f32));
    y_ = relu(conv2d(2.0 * x_, w_, in.options) + b_);
  }

  Graph& graph() { return graph_; }
  FunctionSpec spec() const { return {.inputs = {x_}, .outputs = {y_}}; }
  const Value& weight() const { return w_; }
  const Value& result() const { return y_; }
  const Tensor& fed() const { return fed_; }
  Tensor drawn(const Tensor& like) {
    return source_.uniform({like.sizes().begin(), like.sizes().end()}, -1.0, 1.0, f32);
  }

  Tensor run(const CompileOptions& options, int threads = 1) {
    Session session(graph_, {.threads = threads, .exact_threads = true, .compile = options});
    return session.compile(spec())({fed_})[0].clone();
  }

 private:
  TensorSource source_;
  Graph graph_;
  Value x_, w_, b_, y_;
  Tensor fed_;
};

const CompileOptions kUnpacked{.without = {"pack_filters"}};

template <typename O>
bool has_op(const Program& program) {
  const Graph& graph = *program.graph;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (graph.node(id).op.is<O>()) return true;
  }
  return false;
}

bool packs(Graph& graph, const FunctionSpec& spec, const CompileOptions& options = {}) {
  Session session(graph, {.compile = options});
  return has_op<PackedConvolution>(session.inspect(spec, {}).lowered.program);
}

TEST(PackFilters, ChangesNoBit) {
  int packed = 0;
  for (const PackingCase& in : packing_cases()) {
    SCOPED_TRACE(to_string(Shape::of(in.w)));
    Packed model(in);
    packed += packs(model.graph(), model.spec()) ? 1 : 0;
    EXPECT_TRUE(same_bits(model.run({}), model.run(kUnpacked)));
    EXPECT_TRUE(same_bits(model.run({}, 2), model.run(kUnpacked, 2)));
    EXPECT_TRUE(same_bits(model.run({.without = {"hoist"}}), model.run(kUnpacked)));
    model.run({.self_check = true});
  }
  EXPECT_GE(packed, 4);
}

TEST(PackFilters, IsDoneInThePrologue) {
  Packed model(packing_cases()[0]);
  Session session(model.graph());
  const Compilation made = session.inspect(model.spec(), {});
  EXPECT_TRUE(has_op<PackedConvolution>(made.lowered.program));
  EXPECT_FALSE(has_op<PackWeights>(made.lowered.program));
  ASSERT_NE(made.prologue, nullptr);
  EXPECT_TRUE(has_op<PackWeights>(made.prologue->lowered.program));
  const MemoryLedger ledger = session.compile(model.spec()).ledger(std::vector{model.fed().type()});
  EXPECT_GE(ledger.kept, model.weight().shape().elements() * sizeof(float));
}

TEST(PackFilters, IsDoneAnewAfterEveryChange) {
  Packed model(packing_cases()[0]);
  Session session(model.graph());
  Session plain(model.graph(), {.share = &session, .compile = kUnpacked});
  const Function packed = session.compile(model.spec());
  const Function expected = plain.compile(model.spec());
  const Function step = session.compile({.updates = {assign(model.weight(), model.weight() * 1.5)}});
  const auto expect_equal = [&] {
    EXPECT_TRUE(same_bits(packed({model.fed()})[0].clone(), expected({model.fed()})[0].clone()));
  };
  expect_equal();
  const Tensor before = packed({model.fed()})[0].clone();
  session.set(model.weight(), model.drawn(session.value(model.weight())));
  expect_equal();
  EXPECT_FALSE(same_bits(packed({model.fed()})[0].clone(), before));
  step();
  expect_equal();
}

TEST(PackFilters, LeavesProgramsThatChangeTheSession) {
  Packed model(packing_cases()[0]);
  FunctionSpec step = model.spec();
  EXPECT_TRUE(packs(model.graph(), step));
  EXPECT_FALSE(packs(model.graph(), step, {.without = {"onednn_conv"}}));
  step.outputs.push_back(random_uniform(model.graph(), f32, {2}));
  EXPECT_FALSE(packs(model.graph(), step));
  step = model.spec();
  step.updates = {assign(model.weight(), model.weight() * 2.0)};
  EXPECT_FALSE(packs(model.graph(), step));
}

TEST(PackFilters, LeavesFiltersThatACallComputes) {
  Graph graph;
  const Value x = input(graph, "x", f32, {1, 16, 8, 8});
  const Value w = input(graph, "w", f32, {16, 16, 3, 3});
  EXPECT_FALSE(packs(graph, {.inputs = {x, w}, .outputs = {conv2d(x, w)}}));
}

TEST(PackedConvolution, ComputesWhatTheReferenceDoes) {
  constexpr double kTolerance = 1e-4;
  TensorSource source("packed kernel");
  for (const PackingCase& in : packing_cases()) {
    Graph graph;
    const Value x = input(graph, "x", f32, Shape::of(in.x));
    const Tensor w = source.uniform(in.w, -1.0, 1.0, f32);
    const Value y = conv2d(x, parameter(graph, "w", w), in.options);
    const auto program = pack_filters(extract(graph, {{y}}), {});
    if (!program) continue;
    for (NodeId id = 0; id < program->graph->size(); ++id) {
      const Op& op = program->graph->node(id).op;
      const auto* packed = op.as<PackedConvolution>();
      if (packed == nullptr) continue;
      const Tensor filters = evaluate(PackWeights{packed->order}, {{w}})[0];
      const Tensor pictures = source.uniform(in.x, -1.0, 1.0, f32);
      const KernelCheck check(op, {pictures, filters});
      EXPECT_EQ(check.choice().name, "onednn_conv");
      check.expect_correct(kTolerance, kTolerance);
      const Tensor plain = evaluate(packed->unpacked(), {{pictures, w}})[0];
      EXPECT_TRUE(same_bits(evaluate(op, {{pictures, filters}})[0], plain));
    }
  }
}

TEST(BlockedOrder, LaysNestedBlocksWithZerosBehindTheEnd) {
  // [3, 2] in blocks of 2 rows: both rows of a column side by side.
  const PackWeights pack{
      {.sizes = {3, 2}, .strides = {4, 2}, .blocks = {2}, .block_axes = {0}, .elements = 8}};
  const Tensor packed = evaluate(pack, {{Tensor::of({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}, {3, 2})}})[0];
  EXPECT_THAT(packed.values<float>(), testing::ElementsAre(1, 3, 2, 4, 5, 0, 6, 0));
}

}  // namespace
}  // namespace weft
