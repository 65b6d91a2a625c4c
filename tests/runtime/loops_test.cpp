// Loops and branches in plans: the numbers of the reference, whatever threads, and what passes move.

#include <gtest/gtest.h>

#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/graph/print.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/compile/compile.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::close_to;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::same_bits;
using testing_support::TensorSource;

constexpr std::int64_t kSteps = 12;
constexpr std::int64_t kRows = 64;
constexpr std::int64_t kUnits = 96;

/// A recurrent network's loss and training step over x [steps, rows, units].
struct Recurrence {
  explicit Recurrence(const ScanOptions& options = {}) {
    TensorSource source("recurrence");
    x = input(graph, "x", f32, {"steps", kRows, kUnits});
    w = parameter(graph, "w", source.uniform({kUnits, kUnits}, -0.1, 0.1, f32));
    u = parameter(graph, "u", source.uniform({kUnits, kUnits}, -0.1, 0.1, f32));
    b = parameter(graph, "b", source.uniform({kUnits}, -0.1, 0.1, f32));
    const Value first = constant(graph, Tensor::zeros(f32, {kRows, kUnits}));
    const ScanResult made = scan(
        [&](std::span<const Value> h, std::span<const Value> element) {
          const Value next = tanh(matmul(element[0], w) + matmul(h[0], u) + b);
          return ScanStep{.states = {next}, .outputs = {next}};
        },
        std::array{first}, std::array{x}, options);
    outputs = made.outputs[0];
    loss = mean(square(outputs));
    slopes = gradients(loss, {w, u, b});
    for (std::size_t i = 0; i < 3; ++i)
      updates.push_back(assign(weights()[i], weights()[i] - 0.5 * slopes[i]));
  }

  std::array<Value, 3> weights() const { return {w, u, b}; }
  std::vector<Value> results() const { return {loss, outputs, slopes[0], slopes[1], slopes[2]}; }
  static Tensor fed(std::int64_t steps = kSteps) {
    return TensorSource("fed recurrence").uniform({steps, kRows, kUnits}, -1.0, 1.0, f32);
  }

  Graph graph;
  Value x, w, u, b, outputs, loss;
  std::vector<Value> slopes;
  std::vector<Value> updates;
};

TEST(LoopsInPlans, GiveTheNumbersOfTheReference) {
  for (const std::int64_t checkpoint : {0, 1}) {
    Recurrence net({.checkpoint = checkpoint});
    Session plain(net.graph, {.compile = {.reference_kernels = true}});
    const Outputs expected =
        plain.compile({.inputs = {net.x}, .outputs = net.results()})({Recurrence::fed()});
    for (const int threads : {1, 2}) {
      for (const int cuts : {0, 3}) {
        Session session(net.graph, {.threads = threads, .compile = {.cuts = cuts}});
        const Outputs found =
            session.compile({.inputs = {net.x}, .outputs = net.results()})({Recurrence::fed()});
        for (std::size_t i = 0; i < found.size(); ++i)
          EXPECT_TRUE(close_to(found[i], expected[i], testing_support::kSumBound)) << i << ", " << threads;
      }
    }
  }
}

TEST(LoopsInPlans, HaveTheSameBitsWhateverThreads) {
  Recurrence net;
  std::vector<Outputs> found;
  for (const int threads : {1, 2, 3}) {
    Session session(net.graph, {.threads = threads, .compile = {.cuts = 2}});
    found.push_back(session.compile({.inputs = {net.x}, .outputs = net.results()})({Recurrence::fed()}));
  }
  for (std::size_t i = 0; i < found[0].size(); ++i) {
    EXPECT_TRUE(same_bits(found[0][i], found[1][i])) << i;
    EXPECT_TRUE(same_bits(found[0][i], found[2][i])) << i;
  }
}

TEST(LoopsInPlans, TakeSequencesOfAnyLength) {
  Recurrence net;
  Session session(net.graph);
  Function f = session.compile({.inputs = {net.x}, .outputs = {net.outputs}});
  const Tensor longest = f({Recurrence::fed(7)})[0];
  for (const std::int64_t steps : {0, 1, 2, 7}) {
    const Tensor found = f({Recurrence::fed(steps)})[0];
    EXPECT_EQ(found.sizes()[0], steps);
    // Products of other heights may take other kernels.
    const auto prefix = longest.values<float>().first(static_cast<std::size_t>(found.elements()));
    for (std::size_t i = 0; i < prefix.size(); ++i)
      ASSERT_NEAR(found.values<float>()[i], prefix[i], 1e-5) << steps << " steps, element " << i;
  }
}

TEST(LoopsInPlans, TrainWithUpdatesOfWhatTheyRead) {
  Recurrence net;
  Session session(net.graph, {.threads = 2});
  Function step = session.compile({.inputs = {net.x}, .outputs = {net.loss}, .updates = net.updates});
  const double first = numbers(step({Recurrence::fed()})[0])[0];
  double last = first;
  for (int i = 0; i < 20; ++i) last = numbers(step({Recurrence::fed()})[0])[0];
  EXPECT_LT(last, 0.9 * first);
}

std::string stage_of(const Graph& graph, std::vector<Value> roots, std::string_view wanted) {
  std::string found;
  const std::vector<std::string> inputs{"x"};
  compile(graph, roots, roots.size(), inputs, {{"steps", kSteps}}, {}, {.threads = 2},
          [&](std::string_view stage, const std::string& text) {
            if (stage == wanted) found = text;
          });
  return found;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(LoopsInPlans, ComputeOutsideWhatStatesDoNotDecide) {
  Recurrence net;
  const std::string text = stage_of(net.graph, net.results(), "loops");
  EXPECT_EQ(count(text, "= scan("), 2U) << "one there and one back:\n" << text;
  for (const std::string_view product : {"= matmul(%", "[768, 96]", "f32[96, 96]"})
    EXPECT_NE(text.find(product), std::string::npos) << product << " in:\n" << text;
  // Inside: h u there, and its gradient back.
  std::size_t inside = 0;
  for (std::size_t at = text.find("body={"); at != std::string::npos; at = text.find("body={", at + 1))
    inside += count(std::string_view(text).substr(at, text.find('\n', at) - at), "= matmul");
  EXPECT_EQ(inside, 2U) << text;
}

TEST(LoopsInPlans, KeepInsideWhatAPassThatIsLeftOutWouldMove) {
  Recurrence net;
  const auto outside = [&](const CompileOptions& options) {
    std::string text;
    const std::vector<Value> roots{net.outputs};
    const std::vector<std::string> inputs{"x"};
    compile(net.graph, roots, 1, inputs, {{"steps", kSteps}}, options, {},
            [&](std::string_view stage, const std::string& made) {
              if (stage == "lower") text = made;
            });
    return count(text, "= matmul(%") + count(text, "= gemm(%");
  };
  EXPECT_GT(outside({}), 0U) << "x w for all steps";
  EXPECT_EQ(outside({.without = {"before_scans"}}), 0U);
}

TEST(LoopsInPlans, NeedNoBarrierWhereRowsStayWithTheirThreads) {
  Recurrence net;
  const std::string text = stage_of(net.graph, {net.outputs}, "schedule");
  EXPECT_EQ(count(text, "    -- barrier --"), 0U) << text;
  EXPECT_NE(text.find("all threads"), std::string::npos) << text;
}

TEST(LoopsInPlans, CompileAsFastForManySteps) {
  Recurrence net;
  Session session(net.graph);
  Function f = session.compile({.inputs = {net.x}, .outputs = {net.loss}});
  const TensorType few{f32, {2, kRows, kUnits}};
  const TensorType many{f32, {2000, kRows, kUnits}};
  EXPECT_EQ(f.barriers({{few}}), f.barriers({{many}}));
  EXPECT_LT(static_cast<double>(f.ledger({{many}}).arena),
            1.1 * 2.0 * 2000.0 * static_cast<double>(kRows * kUnits * 4))
      << "x w and the outputs";
}

TEST(LoopsInPlans, StepWhileTheirConditionHolds) {
  Graph graph;
  const Value x = input(graph, "x", f32, {kRows, kUnits});
  const Value limit = input(graph, "limit", f32, {});
  const WhileResult made =
      while_loop([&](std::span<const Value> s) { return less(mean(s[0]), limit); },
                 [&](std::span<const Value> s) { return std::vector<Value>{s[0] * 1.5 + 0.25, s[1] + 1.0}; },
                 std::array{x, constant(graph, 0.0)});
  for (const int threads : {1, 2}) {
    Session session(graph, {.threads = threads});
    Function f =
        session.compile({.inputs = {x, limit}, .outputs = {made.states[0], made.states[1], made.steps}});
    const Tensor ones = TensorSource("while").uniform({kRows, kUnits}, 1.0, 1.0, f32);
    for (const float most : {0.5F, 2.0F, 40.0F, 1e6F}) {
      float expected = 1.0F;
      std::int64_t steps = 0;
      for (; expected < most; ++steps) expected = expected * 1.5F + 0.25F;
      const Outputs found = f({ones, Tensor::scalar(most)});
      EXPECT_NEAR(numbers(found[0])[5], expected, 1e-5 * expected);
      EXPECT_EQ(numbers(found[1])[0], static_cast<double>(steps));
      EXPECT_EQ(numbers(found[2])[0], static_cast<double>(steps));
    }
  }
}

TEST(LoopsInPlans, ComputeOneBranchAlone) {
  Graph graph;
  const Value x = input(graph, "x", f32, {kRows, kUnits});
  const Value rows = constant(graph, Tensor::of<std::int64_t>({1000}));
  const std::vector<Value> y = cond(
      greater(sum(x), 0.0), [&] { return std::vector<Value>{x * 2.0}; },
      [&] { return std::vector<Value>{x + gather(x, rows + cast(sum(x), i64))}; });
  for (const int threads : {1, 2}) {
    Session session(graph, {.threads = threads});
    Function f = session.compile({.inputs = {x}, .outputs = {y[0]}});
    const Tensor up = TensorSource("branch").uniform({kRows, kUnits}, 0.5, 1.0, f32);
    EXPECT_EQ(numbers(f({up})[0])[7], 2.0 * numbers(up)[7]);
    const Tensor down = TensorSource("branch").uniform({kRows, kUnits}, -1.0, -0.5, f32);
    expect_error(ErrorCode::out_of_range, {"gather", "loops_test.cpp"}, [&] { f({down}); });
    EXPECT_EQ(numbers(f({up})[0])[7], 2.0 * numbers(up)[7]) << "after the error as before";
  }
}

TEST(LoopsInPlans, AFailureInAStepEndsTheRunAndChangesNothing) {
  Graph graph;
  const Value indices = input(graph, "indices", i64, {"steps"});
  const Value table = parameter(graph, "table", TensorSource("table").uniform({8, 64}, -1.0, 1.0, f32));
  const ScanResult made = scan(
      [&](std::span<const Value> s, std::span<const Value> at) {
        const Value row = gather(table, s[1] + at[0]);
        return ScanStep{.states = {tanh(s[0] + row), at[0]}, .outputs = {}};
      },
      std::array{constant(graph, Tensor::zeros(f32, {64})), constant(graph, 0, i64)}, std::array{indices});
  const Value loss = sum(made.states[0]);
  const Value update = assign(table, table * 0.5);
  for (const int threads : {1, 2}) {
    Session session(graph, {.threads = threads});
    Function f = session.compile({.inputs = {indices}, .outputs = {loss}, .updates = {update}});
    const Tensor before = session.value("table").clone();
    expect_error(ErrorCode::out_of_range, {"gather", "in step 2 of a loop", "loops_test.cpp"},
                 [&] { f({Tensor::of<std::int64_t>({1, 2, 7, 1})}); });
    EXPECT_TRUE(same_bits(session.value("table"), before));
    f({Tensor::of<std::int64_t>({1, 2, 3, 4})});
    EXPECT_FALSE(identical(session.value("table"), before));
  }
}

TEST(LoopsInPlans, CheckThemselves) {
  Recurrence net;
  Session session(net.graph, {.threads = 2, .compile = {.self_check = true, .nan_guard = true}});
  Function f = session.compile({.inputs = {net.x}, .outputs = net.results()});
  EXPECT_NO_THROW(f({Recurrence::fed()}));
}

TEST(LoopsInPlans, MergeScansOfTheSameSequences) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"steps", 4});
  const Value zero = constant(graph, Tensor::zeros(f32, {4}));
  const auto summed = [&](bool squares) {
    return scan(
        [squares](std::span<const Value> s, std::span<const Value> e) {
          const Value next = s[0] + e[0];
          return ScanStep{.states = {next}, .outputs = {squares ? next * next : next}};
        },
        std::array{zero}, std::array{x});
  };
  const std::vector<Value> roots{summed(false).outputs[0], summed(true).outputs[0]};
  EXPECT_EQ(count(stage_of(graph, roots, "loops"), "= scan("), 1U);
  Session session(graph);
  const Outputs found = session.compile({.inputs = {x}, .outputs = roots})(
      {Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8}, {2, 4})});
  EXPECT_EQ(numbers(found[0]), (std::vector<double>{1, 2, 3, 4, 6, 8, 10, 12}));
  EXPECT_EQ(numbers(found[1]), (std::vector<double>{1, 4, 9, 16, 36, 64, 100, 144}));
}

}  // namespace
}  // namespace weft
