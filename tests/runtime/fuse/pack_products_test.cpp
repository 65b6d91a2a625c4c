// Products whose weights are packed once: what the reference computes, and new numbers after every change.

#include <gtest/gtest.h>

#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/source.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/ops/gemm.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::KernelCheck;
using testing_support::same_bits;
using testing_support::Sizes;
using testing_support::TensorSource;

constexpr double kPackedTolerance = 1e-4;

/// tanh(x w + b), with w as it is or transposed.
class PackedDense {
 public:
  PackedDense(const Sizes& x, std::int64_t columns, bool transposed) : source_("packed products") {
    const std::int64_t terms = x.back();
    x_ = input(graph_, "x", f32, Shape::of(x));
    fed_ = source_.uniform(x, -1.0, 1.0, f32);
    const Sizes sizes = transposed ? Sizes{columns, terms} : Sizes{terms, columns};
    w_ = parameter(graph_, "w", source_.uniform(sizes, -0.1, 0.1, f32));
    b_ = parameter(graph_, "b", source_.uniform({columns}, -1.0, 1.0, f32));
    y_ = tanh(matmul(x_, w_, false, transposed) + b_);
  }

  Graph& graph() { return graph_; }
  FunctionSpec spec() const { return {.inputs = {x_}, .outputs = {y_}}; }
  const Value& weight() const { return w_; }
  const Value& fed_value() const { return x_; }
  const Tensor& fed() const { return fed_; }

  Tensor run(const CompileOptions& options, int threads = 1) {
    Session session(graph_, {.threads = threads, .exact_threads = true, .compile = options});
    return session.compile(spec())({fed_})[0].clone();
  }
  /// The formula of the first product with a packed weight, if there is one.
  std::optional<GemmFormula> packed(const FunctionSpec& spec, int threads = 1,
                                    const CompileOptions& options = {}) {
    Session session(graph_, {.threads = threads, .exact_threads = true, .compile = options});
    const Compilation made = session.inspect(spec, {});
    const Graph& graph = *made.lowered.program.graph;
    for (NodeId id = 0; id < graph.size(); ++id) {
      const auto formula = formula_of(graph.node(id).op);
      if (formula && formula->packed.is_packed()) return formula;
    }
    return std::nullopt;
  }

 private:
  TensorSource source_;
  Graph graph_;
  Value x_, w_, b_, y_;
  Tensor fed_;
};

CompileOptions unpacked_products() { return {.without = {"pack_products"}}; }

/// Whether oneDNN has a matmul of its own here, which decides whether anything is packed.
bool can_pack() {
  PackedDense dense({64, 512}, 512, false);
  return dense.packed(dense.spec()).has_value();
}

TEST(PackProducts, ComputesWhatTheReferenceDoes) {
  int packed = 0;
  for (const Sizes& x : {Sizes{64, 512}, Sizes{5, 100}, Sizes{3, 7, 48}, Sizes{9, 4096}, Sizes{6, 2304}}) {
    for (const std::int64_t columns : {16, 75, 256}) {
      for (const bool transposed : {false, true}) {
        SCOPED_TRACE(fmt::format("{} to {} columns{}", to_string(Shape::of(x)), columns,
                                 transposed ? ", transposed" : ""));
        PackedDense dense(x, columns, transposed);
        const Tensor expected = dense.run({.reference_kernels = true});
        for (const int threads : {1, 2, 3})
          EXPECT_TRUE(close_to(dense.run({}, threads), expected, kPackedTolerance)) << threads;
        EXPECT_NO_THROW(dense.run({.self_check = true}));
        packed += dense.packed(dense.spec()) ? 1 : 0;
      }
    }
  }
  EXPECT_GE(packed, can_pack() ? 15 : 0);  // all that are transposed, and wide ones
}

TEST(PackProducts, KernelComputesWhatTheReferenceDoes) {
  TensorSource source("packed product kernel");
  for (const Sizes& x : {Sizes{12, 300}, Sizes{4, 3, 64}, Sizes{5, 3072}}) {
    PackedDense dense(x, 80, true);
    const auto formula = dense.packed(dense.spec());
    if (!formula) continue;
    const Tensor w = source.uniform({80, x.back()}, -0.1, 0.1, f32);
    const Tensor packed = evaluate(PackWeights{formula->packed.order}, {{w}})[0];
    const KernelCheck check(
        Gemm{*formula}, {source.uniform(x, -1.0, 1.0, f32), packed, source.uniform({80}, -1.0, 1.0, f32)});
    EXPECT_EQ(check.choice().name, "packed_matmul");
    check.expect_correct(kPackedTolerance, kPackedTolerance);
  }
}

TEST(PackProducts, IsDoneAnewAfterEveryChange) {
  PackedDense dense({8, 64}, 48, true);
  Session session(dense.graph());
  Session plain(dense.graph(), {.share = &session, .compile = unpacked_products()});
  const Function packed = session.compile(dense.spec());
  const Function expected = plain.compile(dense.spec());
  const Function step = session.compile({.updates = {assign(dense.weight(), dense.weight() * 3.0)}});
  const Tensor before = packed({dense.fed()})[0].clone();
  EXPECT_TRUE(close_to(before, expected({dense.fed()})[0].clone(), kPackedTolerance));
  step();
  const Tensor after = packed({dense.fed()})[0].clone();
  EXPECT_TRUE(close_to(after, expected({dense.fed()})[0].clone(), kPackedTolerance));
  EXPECT_FALSE(same_bits(after, before));
}

TEST(PackProducts, OfOneWeightIsDoneOnce) {
  PackedDense dense({8, 64}, 64, true);
  Value h = dense.fed_value();
  for (int i = 0; i < 3; ++i) h = relu(matmul(h, dense.weight(), false, true));
  Session session(dense.graph());
  const Function function = session.compile({.inputs = {dense.fed_value()}, .outputs = {h}});
  const std::size_t kept = function.ledger(std::vector{dense.fed().type()}).kept;
  EXPECT_EQ(kept, can_pack() ? std::size_t{64} * 64 * sizeof(float) : 0);
}

TEST(PackProducts, LeavesWhatIsNotWorthItOrChanges) {
  PackedDense row({1, 512}, 512, false);
  EXPECT_FALSE(row.packed(row.spec()));
  PackedDense wide({64, 1024}, 2048, false);
  EXPECT_FALSE(wide.packed(wide.spec(), 2));  // threads share the columns
  PackedDense dense({64, 512}, 512, false);
  EXPECT_FALSE(dense.packed(dense.spec(), 1, {.without = {"packed_matmul"}}));
  FunctionSpec step = dense.spec();
  step.updates = {assign(dense.weight(), dense.weight() * 2.0)};
  EXPECT_FALSE(dense.packed(step));
}

}  // namespace
}  // namespace weft
