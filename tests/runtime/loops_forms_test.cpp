// Forms that plans give loops: several steps at a time, one loop for two that take the same steps.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/ops/bodies.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/compile/compile.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using testing_support::TensorSource;

std::string loops_stage(const Graph& graph, const std::vector<Value>& roots, const Bindings& bindings = {}) {
  std::string found;
  const std::vector<std::string> inputs{"x"};
  compile(graph, roots, roots.size(), inputs, bindings, {}, {},
          [&](std::string_view stage, const std::string& text) {
            if (stage == "loops") found = text;
          });
  return found;
}

std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// Two states, a sequence and a captured vector; the outputs of all steps and gradients of all inputs.
std::vector<Value> oscillation(Graph& graph, const Value& x, const ScanOptions& options) {
  const Value w = constant(graph, TensorSource("weights").uniform({4}, 0.5, 1.5, f64));
  const Value zero = constant(graph, Tensor::zeros(f64, {4}));
  const ScanResult made = scan(
      [&](std::span<const Value> s, std::span<const Value> e) {
        const Value speed = s[1] - 0.1 * w * sin(s[0]) + e[0];
        const Value place = s[0] + 0.1 * speed;
        return ScanStep{.states = {place, speed}, .outputs = {place * speed, e[0] * 2.0}};
      },
      std::array{zero, zero}, std::array{x}, options);
  const Value loss = sum(square(made.outputs[0])) + sum(made.states[1]);
  std::vector<Value> all = gradients(loss, {x, w});
  all.insert(all.end(), {made.states[0], made.states[1], made.outputs[0], made.outputs[1]});
  return all;
}

TEST(UnrolledScans, GiveTheSameWhateverIsLeftOver) {
  for (const std::int64_t length : {0, 1, 2, 3, 5, 6, 7, 12}) {
    for (const bool reverse : {false, true}) {
      Graph graph;
      const Value x = input(graph, "x", f64, {length, 4});
      const std::vector<Value> plain = oscillation(graph, x, {.reverse = reverse});
      for (const std::int64_t k : {2, 3, 5}) {
        std::vector<Value> roots = oscillation(graph, x, {.reverse = reverse, .unroll = k});
        EXPECT_EQ(loops_stage(graph, roots).find("unrolled_scan") != std::string::npos, length > 1);
        const std::size_t count = roots.size();
        roots.insert(roots.end(), plain.begin(), plain.end());
        for (const int threads : {1, 2}) {
          Session session(graph, {.threads = threads, .exact_threads = true});
          const Outputs found = session.compile({.inputs = {x}, .outputs = roots})(
              {TensorSource("forces").uniform({length, 4}, -1.0, 1.0, f64)});
          for (std::size_t i = 0; i < count; ++i) {
            const auto a = numbers(found[i]);
            const auto b = numbers(found[count + i]);
            for (std::size_t n = 0; n < a.size(); ++n)
              ASSERT_NEAR(a[n], b[n], 1e-12) << length << " steps by " << k << ", root " << i;
          }
        }
      }
    }
  }
}

TEST(UnrolledScans, StayOneNodeOfTheGraphAndTakeStepsTogether) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"steps", 4});
  const Value zero = constant(graph, Tensor::zeros(f32, {4}));
  const std::size_t before = graph.size();
  const Value y = scan([](std::span<const Value> s,
                          std::span<const Value> e) { return ScanStep{.states = {s[0] * 0.5 + e[0]}}; },
                       std::array{zero}, std::array{x}, {.unroll = 8})
                      .states[0];
  std::size_t scans = 0;
  for (auto id = static_cast<NodeId>(before); id < graph.size(); ++id)
    scans += graph.node(id).op.is<Scan>() ? 1 : 0;
  EXPECT_EQ(scans, 1U);
  Session session(graph, {.compile = {.self_check = true, .profile = true}});
  Function f = session.compile({.inputs = {x}, .outputs = {y}});
  const Tensor fed = TensorSource("inputs").uniform({83, 4}, -1.0, 1.0, f32);
  f({fed});
  Session profiled(graph, {.compile = {.profile = true}});
  Function g = profiled.compile({.inputs = {x}, .outputs = {y}});
  g({fed});
  const Profile profile = g.profile();
  const auto loop = std::ranges::find(profile.steps, "unrolled_scan", &StepProfile::op);
  ASSERT_NE(loop, profile.steps.end());
  ASSERT_EQ(loop->inside.size(), 2U) << "one fused kernel for 8 steps, and one for a step";
  EXPECT_EQ(loop->inside[0].times, 10.0);
  EXPECT_EQ(loop->inside[1].times, 3.0);
  expect_error(ErrorCode::invalid_argument, {"unroll >= 1", "loops_forms_test.cpp"}, [&] {
    scan([](std::span<const Value> s, std::span<const Value>) { return ScanStep{{s[0]}}; }, std::array{zero},
         std::array{x}, {.unroll = 0});
  });
}

TEST(WhileLoops, RecordForTheirGradientsWhatTheyComputeOnce) {
  Graph graph;
  const Value x = input(graph, "x", f64, {4});
  const WhileResult made = while_loop(
      [](std::span<const Value> s) { return less(s[1], 5.0); },
      [&](std::span<const Value> s) { return std::vector<Value>{sin(s[0]) * x, s[1] + 1.0, s[2] + 2.0}; },
      std::array{x, constant(graph, 0.0, f64), constant(graph, 0.0, f64)}, {.max_steps = 1000});
  const Value loss = sum(square(made.states[0]));
  const std::vector<Value> roots{loss, gradient(loss, x), made.steps};
  const std::string text = loops_stage(graph, roots);
  EXPECT_EQ(occurrences(text, "= while_loop("), 2U) << "one there and one back:\n" << text;
  EXPECT_EQ(occurrences(text, "f64[1000, 4]"), 1U) << "recorded once:\n" << text;
  EXPECT_EQ(occurrences(text, "f64[1000]"), 0U) << "no counters are recorded:\n" << text;
  for (const int threads : {1, 2}) {
    Session session(graph, {.threads = threads, .exact_threads = true});
    const Outputs found =
        session.compile({.inputs = {x}, .outputs = roots})({Tensor::of<double>({0.3, 0.7, 1.1, 1.9})});
    EXPECT_EQ(numbers(found[2])[0], 5.0);
    // Numeric, element by element.
    const auto f = [](double at) {
      double state = at;
      for (int step = 0; step < 5; ++step) state = std::sin(state) * at;
      return state * state;
    };
    for (std::size_t i = 0; i < 4; ++i) {
      const double at = std::array{0.3, 0.7, 1.1, 1.9}[i];
      EXPECT_NEAR(numbers(found[1])[i], (f(at + 1e-6) - f(at - 1e-6)) / 2e-6, 1e-7) << i;
    }
  }
}

TEST(WhileLoops, DropWhatNothingNeeds) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const Value w = input(graph, "w", f32, {4});
  const WhileResult made =
      while_loop([](std::span<const Value> s) { return less(sum(s[0]), 100.0); },
                 [&](std::span<const Value> s) {
                   return std::vector<Value>{s[0] * 2.0 + s[2], exp(s[1] * w), s[2], s[3] + s[0]};
                 },
                 std::array{x, x, x * 0.5, x});
  const std::string text = loops_stage(graph, {made.states[0], made.states[2], made.steps});
  EXPECT_NE(text.find("states=1,"), std::string::npos) << "one changes and is needed:\n" << text;
  EXPECT_EQ(occurrences(text, "exp"), 0U) << text;
  EXPECT_EQ(occurrences(text, "label=w"), 0U) << text;
  Session session(graph);
  const FunctionSpec spec{.inputs = {x, w},
                          .outputs = {made.states[0], made.states[2], made.states[3], made.steps}};
  const Tensor ones = Tensor::of<float>({1, 1, 1, 1});
  const Outputs found = session.compile(spec)({ones, ones});
  EXPECT_EQ(numbers(found[0]), std::vector<double>(4, 47.5));  // 1, 2.5, 5.5, 11.5, 23.5
  EXPECT_EQ(numbers(found[1]), std::vector<double>(4, 0.5));
  EXPECT_EQ(numbers(found[2]), std::vector<double>(4, 45.0));
  EXPECT_EQ(numbers(found[3])[0], 5.0);
}

TEST(Branches, DropWhatNothingNeeds) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const Value w = input(graph, "w", f32, {4});
  const std::vector<Value> made = cond(
      greater(sum(x), 0.0), [&] { return std::vector<Value>{x + 1.0, exp(w)}; },
      [&] { return std::vector<Value>{x - 1.0, w}; });
  const std::string text = loops_stage(graph, {made[0]});
  EXPECT_EQ(occurrences(text, "exp"), 0U) << text;
  EXPECT_EQ(occurrences(text, "label=w"), 0U) << text;
  Session session(graph);
  Function f = session.compile({.inputs = {x, w}, .outputs = {made[0]}});
  const Tensor fed = Tensor::of<float>({1, 2, 3, 4});
  EXPECT_EQ(numbers(f({fed, fed})[0]), (std::vector<double>{2, 3, 4, 5}));
}

TEST(Scans, MayAddNumbersToVectors) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"steps", 4});
  const ScanResult made = scan(
      [](std::span<const Value> s, std::span<const Value> e) {
        return ScanStep{.states = {s[0] + sum(e[0]), s[1] + sum(e[0], {0}, true)}};
      },
      std::array{constant(graph, Tensor::zeros(f32, {4})), constant(graph, Tensor::zeros(f32, {4}))},
      std::array{x});
  Session session(graph);
  const Outputs found = session.compile({.inputs = {x}, .outputs = made.states})(
      {Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8}, {2, 4})});
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(numbers(found[i]), std::vector<double>(4, 36.0));
}

TEST(Scans, WithoutAStepDoNotFail) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"steps", 4});
  const Value row = input(graph, "row", i64, {});
  const Value table = parameter(graph, "table", Tensor::zeros(f32, {3, 4}));
  const Value inside = scan(
                           [&](std::span<const Value> s, std::span<const Value> e) {
                             const Value bad = row + cast(s[0], i64) * 0;
                             return ScanStep{.states = {s[0] + sum(e[0] * gather(table, bad))}};
                           },
                           std::array{constant(graph, 0.0)}, std::array{x})
                           .states[0];
  Session session(graph);
  Function f = session.compile({.inputs = {x, row}, .outputs = {inside}});
  EXPECT_EQ(numbers(f({Tensor::zeros(f32, {0, 4}), Tensor::scalar(std::int64_t{7})})[0])[0], 0.0);
  expect_error(ErrorCode::out_of_range, {"gather", "7"},
               [&] { f({Tensor::zeros(f32, {1, 4}), Tensor::scalar(std::int64_t{7})}); });
}

TEST(LoopsOverConstants, AreLeftToThePlan) {
  Graph graph;
  const Value x = input(graph, "x", f32, {4});
  const Value first = constant(graph, Tensor::of<float>({1, 2, 3, 4}));
  const ScanFunction step = [](std::span<const Value> s, std::span<const Value>) {
    return ScanStep{.states = {s[0] * 0.999 + 0.5}};
  };
  const Value y = x + scan(step, std::array{first}, {}, {.length = 100'000}).states[0];
  Session session(graph);
  const FunctionSpec spec{.inputs = {x}, .outputs = {y}};
  const auto& compilation = session.inspect(spec, {});
  ASSERT_NE(compilation.prologue, nullptr) << "the loop runs once, in the plan of what is kept";
  const Graph& kept = *compilation.prologue->lowered.program.graph;
  bool found = false;
  for (NodeId id = 0; id < kept.size(); ++id) found = found || kept.node(id).op.is<Scan>();
  EXPECT_TRUE(found);
  EXPECT_NEAR(session.compile(spec)({Tensor::zeros(f32, {4})})[0].values<float>()[3], 500.0F, 0.1F);
}

}  // namespace
}  // namespace weft
