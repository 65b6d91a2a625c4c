#include "weft/autodiff/recompute.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::same_bits;
using testing_support::TensorSource;

constexpr std::int64_t kDeepRows = 64;
constexpr std::int64_t kDeepUnits = 48;

/// A deep network in segments of two layers, each of which may be computed twice.
struct Deep {
  Deep(int segments, bool twice, double dropped) {
    TensorSource source("deep network");
    x = input(graph, "x", f32, {kDeepRows, kDeepUnits});
    Value y = x;
    for (int i = 0; i < segments; ++i) {
      const Value start = y;
      for (int j = 0; j < 2; ++j) {
        weights.push_back(parameter(graph, fmt::format("w{}{}", i, j),
                                    source.uniform({kDeepUnits, kDeepUnits}, -0.2, 0.2, f32)));
        y = tanh(matmul(y, weights.back()) + 0.1);
        if (dropped > 0.0) y = dropout(y, dropped);
      }
      if (twice) y = checkpoint(y, std::vector{start});
    }
    loss = mean(square(y));
    feed = source.uniform({kDeepRows, kDeepUnits}, -1.0, 1.0, f32);
  }

  FunctionSpec gradient_spec() {
    FunctionSpec spec{.inputs = {x}, .outputs = {loss}, .updates = {}};
    for (const Value& gradient : gradients(loss, weights)) spec.outputs.push_back(gradient);
    return spec;
  }

  Graph graph;
  Value x, loss;
  std::vector<Value> weights;
  Tensor feed;
};

std::vector<Tensor> run(Deep& network, int threads = 1) {
  Session session(network.graph, {.threads = threads, .exact_threads = true, .seed = 5});
  Function function = session.compile(network.gradient_spec());
  const auto outputs = function({network.feed});
  return {outputs.begin(), outputs.end()};
}

TEST(Recompute, LeavesEveryBitOfTheGradientsAsItWas) {
  for (const double dropped : {0.0, 0.25}) {
    for (const int threads : {1, 2}) {
      Deep plain(4, false, dropped);
      Deep twice(4, true, dropped);
      const auto expected = run(plain, threads);
      const auto actual = run(twice, threads);
      ASSERT_EQ(actual.size(), expected.size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        EXPECT_TRUE(same_bits(actual[i], expected[i]))
            << i << ", dropped " << dropped << ", threads " << threads;
      }
    }
  }
}

std::size_t arena_bytes(Deep& network) {
  Session session(network.graph);
  return session.inspect(network.gradient_spec(), {}).arena.bytes;
}

TEST(Recompute, NeedsLessMemoryTheDeeperTheNetwork) {
  constexpr std::size_t kActivation = kDeepRows * kDeepUnits * sizeof(float);
  for (const int segments : {4, 8}) {
    for (const double dropped : {0.0, 0.25}) {
      Deep plain(segments, false, dropped);
      Deep twice(segments, true, dropped);
      const std::size_t kept = arena_bytes(plain);
      const std::size_t recomputed = arena_bytes(twice);
      // At least the one activation within each segment but the last needs no memory from then to then.
      EXPECT_LE(recomputed + static_cast<std::size_t>(segments - 1) * kActivation, kept)
          << segments << " " << dropped;
    }
  }
}

TEST(Recompute, GivesSecondDerivatives) {
  std::vector<Tensor> results;
  for (const bool twice : {false, true}) {
    Graph graph;
    const Value x = input(graph, "x", f64, {3});
    const Value inner = tanh(square(x));
    const Value y = twice ? checkpoint(inner, std::vector{x}) : inner;
    const Value slope = gradient(sum(y), x);
    const Value second = gradient(sum(slope * slope), x);
    Session session(graph);
    Function function = session.compile({.inputs = {x}, .outputs = {second}, .updates = {}});
    results.push_back(function({Tensor::of<double>({0.3, -0.5, 0.9})})[0].clone());
  }
  EXPECT_TRUE(same_bits(results[0], results[1]));
}

TEST(Recompute, OfNothingIsNothing) {
  Graph graph;
  const Value x = input(graph, "x", f64, {3});
  EXPECT_EQ(checkpoint(x, std::vector{x}), x);
  const Value fixed = exp(constant(graph, 1.0, f64));
  const Value y = checkpoint(fixed, std::vector{x});
  expect_error(ErrorCode::not_differentiable, {"does not depend"}, [&] { gradient(y, x); });
}

TEST(Recompute, RejectsAnUpdateInBetween) {
  Graph graph;
  const Value x = input(graph, "x", f64, {3});
  const Value w = parameter(graph, "w", Tensor::zeros(f64, {3}));
  expect_error(ErrorCode::invalid_argument, {"assign", "twice", "recompute_test.cpp"},
               [&] { checkpoint(exp(assign(w, x)), std::vector{x}); });
}

}  // namespace
}  // namespace weft
