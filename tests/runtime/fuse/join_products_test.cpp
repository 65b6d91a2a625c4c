// The gradient of a weight that is read many times is one product.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/ops/gemm.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::TensorSource;

/// h = tanh(h w) some times, and the gradient of the sum of the last h.
struct Recurrence {
  explicit Recurrence(int steps) {
    TensorSource source("recurrence");
    w = parameter(graph, "w", source.uniform({7, 7}, -0.6, 0.6, f32));
    Value h = parameter(graph, "h", source.uniform({3, 7}, -1.0, 1.0, f32));
    for (int i = 0; i < steps; ++i) h = tanh(matmul(h, w));
    slope = gradient(sum(h), w);
  }

  Tensor run(const Value& output, const CompileOptions& options, int threads = 1) {
    Session session(graph, {.threads = threads, .exact_threads = true, .compile = options});
    return session.compile({.outputs = {output}})({})[0].clone();
  }

  std::ptrdiff_t steps_of(std::string_view op, const CompileOptions& options = {}) {
    return steps([&](const Op& step) { return step.name() == op; }, options);
  }
  /// Those that add a product to another value.
  std::ptrdiff_t accumulations(const CompileOptions& options = {}) {
    const auto accumulates = [](const Op& step) {
      const auto formula = formula_of(step);
      return formula && formula->addend == Addend::accumulator;
    };
    return steps(accumulates, options);
  }

  std::ptrdiff_t steps(const std::function<bool(const Op&)>& is_counted, const CompileOptions& options) {
    Session session(graph, {.compile = options});
    const Lowered lowered = session.inspect({.outputs = {slope}}, {}).lowered;
    return std::ranges::count_if(lowered.steps,
                                 [&](NodeId id) { return is_counted(lowered.program.graph->node(id).op); });
  }

  Graph graph;
  Value w;
  Value slope;
};

TEST(JoinProducts, MakeOneOfMany) {
  Recurrence recurrence(9);
  EXPECT_EQ(recurrence.accumulations(), 0);
  EXPECT_EQ(recurrence.accumulations({.without = {"join_products"}}), 8);
  const Tensor apart = recurrence.run(recurrence.slope, {.without = {"join_products"}});
  for (const int threads : {1, 2, 3})
    EXPECT_TRUE(close_to(recurrence.run(recurrence.slope, {}, threads), apart, 1e-5)) << threads;
  CompileOptions checked;
  checked.self_check = true;
  EXPECT_NO_THROW(recurrence.run(recurrence.slope, checked));
}

TEST(JoinProducts, LeaveFewProductsAndOtherTermsAsTheyAre) {
  Recurrence few(3);
  EXPECT_EQ(few.steps_of("concat"), 0);
  Recurrence mixed(6);
  const Value sum = mixed.slope + mixed.w;
  EXPECT_TRUE(close_to(mixed.run(sum, {}), mixed.run(sum, {.without = {"join_products"}}), 1e-5));
}

}  // namespace
}  // namespace weft
