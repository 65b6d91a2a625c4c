// What parameters alone decide is computed when one has changed, and not in every call.

#include "weft/runtime/compile/hoist.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "weft/autodiff/gradients.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

std::atomic<int> doublings{0};

/// y = 2x, which counts its calls and refuses negative numbers.
struct CountedDouble {
  static constexpr std::string_view name = "counted_double";
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    ++doublings;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i] < T{0}) throw Error(ErrorCode::out_of_range, "a negative number");
      y[i] = T{2} * x[i];
    }
  }
  static constexpr NoGradient gradient{"it is for tests"};
};

Tensor fed() { return Tensor::of({1.0F, 10.0F}); }

/// x * 2w, and an update that adds 1 to w.
class KeptDouble : public testing::Test {
 protected:
  void SetUp() override { doublings = 0; }

  Function product_in(Session& session) {
    return session.compile({.inputs = {x_}, .outputs = {x_ * apply(CountedDouble{}, w_)}});
  }

  Graph graph_;
  Value x_ = input(graph_, "x", f32, {2});
  Value w_ = parameter(graph_, "w", Tensor::of({1.0F, 2.0F}));
};

TEST_F(KeptDouble, IsComputedOnceForAllCalls) {
  Session session(graph_);
  const Function product = product_in(session);
  for (int call = 0; call < 3; ++call) EXPECT_EQ(product({fed()})[0].values<float>()[1], 40.0F);
  EXPECT_EQ(doublings, 1);
}

TEST_F(KeptDouble, IsComputedAnewAfterEveryChange) {
  Session session(graph_);
  const Function product = product_in(session);
  const Function step = session.compile({.inputs = {}, .outputs = {}, .updates = {assign(w_, w_ + 1.0)}});
  EXPECT_EQ(product({fed()})[0].values<float>()[1], 40.0F);
  session.set("w", Tensor::of({1.0F, 3.0F}));
  EXPECT_EQ(product({fed()})[0].values<float>()[1], 60.0F);
  step();
  EXPECT_EQ(product({fed()})[0].values<float>()[1], 80.0F);
  EXPECT_EQ(doublings, 3);
}

TEST_F(KeptDouble, IsSharedByPlansOfAllSizesAndCallers) {
  constexpr int kCallers = 4;
  const Value rows = input(graph_, "rows", f32, {"batch", 2});
  Session session(graph_, {.callers = kCallers});
  const Function product =
      session.compile({.inputs = {rows}, .outputs = {rows * apply(CountedDouble{}, w_)}});
  const auto call = [&](std::int64_t batch) {
    const Tensor fed = Tensor::of(std::vector<float>(static_cast<std::size_t>(2 * batch), 1.0F), {batch, 2});
    EXPECT_EQ(product({fed})[0].values<float>()[1], 4.0F);
  };
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&] {
        for (const std::int64_t batch : {1, 2, 3}) call(batch);
      });
    }
  }
  EXPECT_EQ(doublings, 1);
}

TEST_F(KeptDouble, SeesWhatASessionThatSharesItsParametersChanges) {
  Session session(graph_);
  const Function product = product_in(session);
  EXPECT_EQ(product({fed()})[0].values<float>()[1], 40.0F);
  Session other(graph_, {.share = &session});
  other.set("w", Tensor::of({1.0F, 3.0F}));
  EXPECT_EQ(product({fed()})[0].values<float>()[1], 60.0F);
}

TEST_F(KeptDouble, IsTriedAgainAfterItFailed) {
  Session session(graph_);
  const Function product = product_in(session);
  session.set("w", Tensor::of({1.0F, -1.0F}));
  for (int call = 0; call < 2; ++call) {
    expect_error(ErrorCode::out_of_range, {"negative", "counted_double"}, [&] { product({fed()}); });
  }
  session.set("w", Tensor::of({1.0F, 3.0F}));
  EXPECT_EQ(product({fed()})[0].values<float>()[1], 60.0F);
}

TEST_F(KeptDouble, IsComputedInEveryCallWhereThatIsAsked) {
  Session session(graph_, {.compile = {.without = {"hoist"}}});
  const Function product = product_in(session);
  for (int call = 0; call < 3; ++call) EXPECT_EQ(product({fed()})[0].values<float>()[1], 40.0F);
  EXPECT_EQ(doublings, 3);
}

TEST_F(KeptDouble, CountsInTheLedger) {
  Session session(graph_);
  const Function product = product_in(session);
  const MemoryLedger ledger = product.ledger(std::vector{x_.type()});
  EXPECT_EQ(ledger.kept, 2 * sizeof(float));
  EXPECT_EQ(ledger.parameters, 2 * sizeof(float));
  EXPECT_EQ(ledger.outputs, 2 * sizeof(float));
}

Program program_of(Graph& graph, const std::vector<Value>& roots) { return extract(graph, roots); }

TEST(Hoist, TakesOutWhatIsReadBesideAnInput) {
  Graph graph;
  const Value x = input(graph, "kept 0", f32, {2, 3});  // a name that it would have taken itself
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {3, 3}));
  const auto hoisted = hoist(program_of(graph, {matmul(x, exp(exp(w))), sum(exp(w))}));
  ASSERT_TRUE(hoisted.has_value());
  ASSERT_EQ(hoisted->kept.roots.size(), 2U);  // exp(exp(w)), and exp(w) for the sum, which is a root
  EXPECT_EQ(hoisted->labels.size(), 2U);
  EXPECT_NE(hoisted->labels[0], "kept 0");
  for (NodeId id = 0; id < hoisted->rest.graph->size(); ++id) {
    EXPECT_FALSE(hoisted->rest.graph->node(id).op.is<Exp>());
    EXPECT_FALSE(hoisted->rest.graph->node(id).op.is<Parameter>());
  }
}

TEST(Hoist, LeavesSourcesAndTheirViews) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2, 4});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {2, 2}));
  EXPECT_FALSE(hoist(program_of(graph, {x * reshape(w, {4}), x * 2.0})).has_value());
}

TEST(Hoist, LeavesAFunctionThatReadsParametersAlone) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {2, 2}));
  EXPECT_FALSE(hoist(program_of(graph, {sum(exp(w))})).has_value());
}

}  // namespace
}  // namespace weft
