// How many plans a function keeps, and what they hold.

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>

#include "weft/ops/activation.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::TensorSource;

TEST(Plans, AreKeptUpToTheirNumberAndMadeAgainWhenNeeded) {
  Graph graph;
  TensorSource source("plans");
  const Value x = input(graph, "x", f32, {"batch", 16});
  const Value w = parameter(graph, "w", source.uniform({16, 16}, -1.0, 1.0, f32));
  Session session(graph, {.plans = 3});
  Function function = session.compile({.inputs = {x}, .outputs = {tanh(matmul(x, w))}});
  const Tensor rows = source.uniform({20, 16}, -1.0, 1.0, f32);
  std::vector<Tensor> first;
  for (std::int64_t n = 1; n <= 20; ++n) {
    first.push_back(function({rows.rows(0, n)})[0]);
    EXPECT_EQ(function.plans(), static_cast<std::size_t>(std::min<std::int64_t>(n, 3)));
  }
  // Larger and smaller sizes in turn: arenas grow under plans that are kept.
  for (const std::int64_t n : {1, 20, 2, 20, 19, 1, 2, 3, 20, 1}) {
    EXPECT_TRUE(identical(function({rows.rows(0, n)})[0], first[static_cast<std::size_t>(n - 1)])) << n;
    EXPECT_LE(function.plans(), 3U);
  }
}

TEST(Plans, UsedLastStay) {
  // A plan that stays keeps its record of runs; one that was made again has a new one.
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch"});
  Session session(graph, {.plans = 2, .compile = {.profile = true}});
  Function function = session.compile({.inputs = {x}, .outputs = {tanh(x)}});
  const auto runs_after = [&](std::int64_t n) {
    function({Tensor::zeros(f32, {n})});
    return function.profile().runs;
  };
  EXPECT_EQ(runs_after(1), 1U);
  EXPECT_EQ(runs_after(2), 1U);
  EXPECT_EQ(runs_after(1), 2U);
  EXPECT_EQ(runs_after(3), 1U) << "takes the place of 2";
  EXPECT_EQ(runs_after(1), 3U);
  EXPECT_EQ(runs_after(2), 1U);
}

TEST(Plans, AreAtLeastOne) {
  Graph graph;
  expect_error(ErrorCode::invalid_argument, {"plans"}, [&] { const Session session(graph, {.plans = 0}); });
  expect_error(ErrorCode::invalid_argument, {"callers"},
               [&] { const Session session(graph, {.callers = -1}); });
}

double resident_megabytes() {
  std::ifstream statm("/proc/self/statm");
  double all = 0.0;
  double resident = 0.0;
  statm >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

TEST(Plans, OfManySizesHoldLittleMoreThanTheLargest) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps memory of its own";
#endif
  Graph graph;
  TensorSource source("plans of many sizes");
  const Value x = input(graph, "x", f32, {"batch", 256});
  const auto layer = [&](const Value& from, const char* label, std::int64_t inputs, std::int64_t units) {
    return matmul(from, parameter(graph, label, source.uniform({inputs, units}, -1.0, 1.0, f32)));
  };
  const Value y = sum(layer(relu(layer(relu(layer(x, "a", 256, 1024)), "b", 1024, 1024)), "c", 1024, 10));
  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {y}});
  const Tensor rows = Tensor::zeros(f32, {400, 256});
  function({rows});
  const double before = resident_megabytes();
  for (std::int64_t n = 3; n <= 400; n += 3) function({rows.rows(0, n)});
  EXPECT_LT(resident_megabytes() - before, 60.0);
}

}  // namespace
}  // namespace weft
