// Loops inside of loops and branches, in plans of several threads.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::evaluate_values;
using testing_support::TensorSource;

constexpr std::int64_t kNestedRows = 8;
constexpr std::int64_t kNestedUnits = 16;

Value halved_until_small(const Value& x) {
  return while_loop([&](std::span<const Value> s) { return greater(mean(square(s[0])), 0.01); },
                    [&](std::span<const Value> s) { return std::vector<Value>{sin(s[0]) * 0.5}; },
                    std::array{x}, {.max_steps = 5})
      .states[0];
}

/// The function's values and gradients are those of the reference, whatever threads compute them.
void expect_reference(const std::function<Value(const Value& x, const Value& w)>& f) {
  Graph graph;
  TensorSource source("nested loops");
  const Value x = input(graph, "x", f64, {3, kNestedRows, kNestedUnits});
  const Value w = constant(graph, source.uniform({kNestedUnits, kNestedUnits}, -0.5, 0.5));
  const Value y = f(x, w);
  std::vector<Value> roots = gradients(sum(square(y)), {x, w});
  roots.push_back(y);
  const Tensor fed = source.uniform({3, kNestedRows, kNestedUnits}, -2.0, 2.0);
  const std::vector<Tensor> expected = evaluate_values(roots, {{"x", fed}});
  for (const int threads : {1, 2, 3}) {
    for (const int cuts : {0, 1}) {
      Session session(graph, {.threads = threads, .exact_threads = true, .compile = {.cuts = cuts}});
      const Outputs found = session.compile({.inputs = {x}, .outputs = roots})({fed});
      for (std::size_t i = 0; i < roots.size(); ++i)
        EXPECT_TRUE(close_to(found[i], expected[i], 1e-12)) << i << ", " << threads << ", " << cuts;
    }
  }
}

TEST(LoopsInside, OfScansEndForAllThreadsAtOnce) {
  expect_reference([](const Value& x, const Value& w) {
    const auto step = [&](std::span<const Value> s, std::span<const Value> e) {
      const Value next = halved_until_small(matmul(s[0], w) + e[0]);
      return ScanStep{.states = {next}, .outputs = {next}};
    };
    const Value first = broadcast_to(constant(x.graph(), 0.0, f64), {kNestedRows, kNestedUnits});
    return scan(step, std::array{first}, std::array{x}).outputs[0];
  });
}

TEST(LoopsInside, OfWhileLoopsEndForAllThreadsAtOnce) {
  expect_reference([](const Value& x, const Value& w) {
    const auto grows = [](std::span<const Value> s) { return less(sum(abs(s[0])), 200.0); };
    const auto step = [&](std::span<const Value> s) {
      return std::vector<Value>{s[0] * 1.5 + 0.3 * halved_until_small(matmul(s[0], w))};
    };
    return while_loop(grows, step, std::array{x}, {.max_steps = 4}).states[0];
  });
}

TEST(LoopsInside, OfBranchesEndForAllThreadsAtOnce) {
  expect_reference([](const Value& x, const Value& w) {
    const auto step = [&](std::span<const Value> s, std::span<const Value> e) {
      const Value next = cond(
          greater(sum(e[0]), 0.0), [&] { return std::vector{halved_until_small(e[0]) + s[0]}; },
          [&] { return std::vector{halved_until_small(matmul(e[0], w)) * s[0]}; })[0];
      return ScanStep{.states = {next}, .outputs = {next}};
    };
    const Value first = broadcast_to(constant(x.graph(), 1.0, f64), {kNestedRows, kNestedUnits});
    return scan(step, std::array{first}, std::array{x}).outputs[0];
  });
}

}  // namespace
}  // namespace weft
