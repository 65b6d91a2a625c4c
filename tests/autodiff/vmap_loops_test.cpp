// Loops and branches for many examples at once, beside what each example gives alone.

#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/autodiff/vmap.h"
#include "weft/ops/activation.h"
#include "weft/ops/bits.h"
#include "weft/ops/branch.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::evaluate_values;
using testing_support::expect_error;
using testing_support::Feeds;
using testing_support::numbers;
using testing_support::TensorSource;

constexpr std::int64_t kExamples = 5;

class VmapOfLoops : public testing::Test {
 protected:
  using Of = std::function<std::vector<Value>(std::span<const Value>)>;

  /// Maps f over x [batch, 4, 3], and compares with f of each example. Returns how many loops it took.
  std::size_t expect_each(const Of& f, const std::vector<Value>& values) {
    const std::size_t before = graph_.size();
    std::vector<Mapped> mapped(values.begin(), values.end());
    const std::vector<Value> all = vmap_many(f, mapped);
    const std::size_t loops = loops_of(all, before);
    std::vector<Value> roots = all;
    for (std::int64_t example = 0; example < kExamples; ++example) {
      std::vector<Value> one;
      for (const Value& value : values) one.push_back(squeeze(slice(value, 0, example, example + 1), 0));
      const std::vector<Value> made = f(one);
      roots.insert(roots.end(), made.begin(), made.end());
    }
    const std::vector<Tensor> found = evaluate_values(roots, feeds_, bindings_);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::vector<double> together = numbers(found[i]);
      std::vector<double> apart;
      for (std::size_t example = 0; example < kExamples; ++example) {
        const auto one = numbers(found[all.size() * (1 + example) + i]);
        apart.insert(apart.end(), one.begin(), one.end());
      }
      EXPECT_EQ(together.size(), apart.size()) << i;
      for (std::size_t n = 0; n < std::min(together.size(), apart.size()); ++n)
        EXPECT_NEAR(together[n], apart[n], 1e-12) << "output " << i << ", element " << n;
    }
    return loops;
  }

  /// Loops and branches that the values need, of those built since.
  std::size_t loops_of(const std::vector<Value>& values, std::size_t since) const {
    std::size_t count = 0;
    for (const NodeId id : needed_nodes(graph_, values))
      count += id >= since && !graph_.node(id).op.bodies().empty() ? 1 : 0;
    return count;
  }

  Graph graph_;
  Value x_ = input(graph_, "x", f64, {kExamples, 4, 3});
  Value w_ = constant(graph_, TensorSource("w").uniform({3, 3}, -1.0, 1.0, f64));
  Value zero_ = constant(graph_, Tensor::zeros(f64, {3}));
  Feeds feeds_{{"x", TensorSource("examples").uniform({kExamples, 4, 3}, -1.0, 1.0, f64)}};
  Bindings bindings_;
};

/// h' = tanh(x + h w) and a counter that is the same for all.
std::vector<Value> recurrence_of(const Value& x, const Value& w, const Value& first, bool reverse) {
  const Value zero = constant(x.graph(), 0.0, f64);
  const ScanResult made = scan(
      [&](std::span<const Value> s, std::span<const Value> e) {
        const Value row = reshape(matmul(reshape(s[0], {1, 3}), w), {3});
        const Value next = tanh(e[0] + row);
        return ScanStep{.states = {next, s[1] + 1.0}, .outputs = {next * s[1], s[1] * 2.0}};
      },
      std::array{first, zero}, std::array{x}, {.reverse = reverse});
  std::vector<Value> all = made.states;
  all.insert(all.end(), made.outputs.begin(), made.outputs.end());
  return all;
}

TEST_F(VmapOfLoops, IsOneScan) {
  for (const bool reverse : {false, true}) {
    EXPECT_EQ(
        expect_each([&](std::span<const Value> x) { return recurrence_of(x[0], w_, zero_, reverse); }, {x_}),
        1U);
  }
  const auto by_first = [&](std::span<const Value> x) { return recurrence_of(x[0], w_, x[1], false); };
  EXPECT_EQ(expect_each(by_first, {x_, slice(reshape(x_, {kExamples, 12}), 1, 0, 3)}), 1U);
}

TEST_F(VmapOfLoops, KeepsSingleWhatNoExampleTellsApart) {
  const std::vector<Value> all =
      vmap_many([&](std::span<const Value> x) { return recurrence_of(x[0], w_, zero_, false); },
                std::array{Mapped(x_)});
  for (const NodeId id : needed_nodes(graph_, all)) {
    const auto* loop = graph_.node(id).op.as<Scan>();
    if (loop == nullptr) continue;
    EXPECT_EQ(loop->body.arguments[0].shape, (Shape{kExamples, 3}));
    EXPECT_EQ(loop->body.arguments[1].shape, Shape{}) << "the counter";
  }
}

TEST_F(VmapOfLoops, TakesABatchOfAnySize) {
  const Value any = input(graph_, "any", f64, {"batch", 4, 3});
  const Value y = vmap([&](const Value& x) { return recurrence_of(x, w_, zero_, false)[0]; }, any);
  EXPECT_EQ(y.shape(), (Shape{"batch", 3}));
  const Value z = vmap([&](const Value& x) { return recurrence_of(x, w_, zero_, false)[0]; }, x_);
  feeds_["any"] = feeds_["x"];
  EXPECT_EQ(numbers(evaluate_value(y, feeds_, {{"batch", kExamples}})), numbers(evaluate_value(z, feeds_)));
}

TEST_F(VmapOfLoops, HasGradientsOfEachExample) {
  const auto slopes = [&](std::span<const Value> x) {
    const std::vector<Value> made = recurrence_of(x[0], w_, zero_, false);
    return gradients(sum(square(made[2])) + sum(made[0]), {x[0], w_});
  };
  EXPECT_EQ(expect_each(slopes, {x_}), 3U) << "there, there with records, and back";
}

TEST_F(VmapOfLoops, GoesOnWhileAnExampleDoes) {
  const auto doubled = [](std::span<const Value> x) {
    const Value first = square(sum(x[0])) + 0.01;
    const WhileResult made = while_loop(
        [](std::span<const Value> s) { return less(s[0], 100.0); },
        [&](std::span<const Value> s) { return std::vector<Value>{s[0] * 1.7 + first, s[1] + s[0]}; },
        std::array{first, first * 0.0}, {.max_steps = 12});
    return std::vector<Value>{made.states[0], made.states[1], made.steps};
  };
  EXPECT_EQ(expect_each(doubled, {x_}), 1U);
  const std::vector<Value> all = vmap_many(doubled, std::array{Mapped(x_)});
  const std::vector<double> steps = numbers(evaluate_value(all[2], feeds_));
  EXPECT_NE(*std::ranges::min_element(steps), *std::ranges::max_element(steps)) << "or the test says little";
}

TEST_F(VmapOfLoops, TakesOneLoopWhereTheConditionIsTheSameForAll) {
  const auto three = [&](std::span<const Value> x) {
    const WhileResult made =
        while_loop([](std::span<const Value> s) { return less(s[1], 3.0); },
                   [&](std::span<const Value> s) { return std::vector<Value>{matmul(s[0], w_), s[1] + 1.0}; },
                   std::array{x[0], constant(x[0].graph(), 0.0, f64)}, {.max_steps = 10});
    std::vector<Value> all{made.states[0], made.steps};
    all.push_back(gradient(sum(square(made.states[0])), x[0]));
    return all;
  };
  EXPECT_EQ(expect_each(three, {x_}), 3U);
}

TEST_F(VmapOfLoops, TakesExamplesOneByOneWhereAStepTooManyMightFail) {
  const Value table = constant(graph_, TensorSource("table").uniform({6, 3}, 0.5, 1.5, f64));
  const auto walk = [&](std::span<const Value> x) {
    const Value limit = sum(abs(x[0]));
    const WhileResult made = while_loop(
        [&](std::span<const Value> s) { return logical_and(less(s[1], 6), less(sum(s[0]), limit)); },
        [&](std::span<const Value> s) { return std::vector<Value>{s[0] + gather(table, s[1]), s[1] + 1}; },
        std::array{zero_, constant(graph_, 0, i64)});
    return std::vector<Value>{made.states[0], made.steps};
  };
  EXPECT_EQ(expect_each(walk, {x_}), 5U);
  const Value any = input(graph_, "any", f64, {"batch", 4, 3});
  expect_error(ErrorCode::unsupported, {"while_loop", "cannot be taken one by one"},
               [&] { vmap_many(walk, std::array{Mapped(any)}); });
}

TEST_F(VmapOfLoops, TakesForEachExampleItsBranch) {
  const auto choice = [&](std::span<const Value> x) {
    return cond(
        greater(sum(x[0]), 0.0), [&] { return std::vector<Value>{matmul(x[0], w_), sum(x[0])}; },
        [&] { return std::vector<Value>{x[0] * 2.0, constant(graph_, 7.0, f64)}; });
  };
  EXPECT_EQ(expect_each(choice, {x_}), 0U) << "both branches, and a choice among their results";
  const auto slope = [&](std::span<const Value> x) {
    return std::vector<Value>{gradient(sum(choice(x)[0]) + choice(x)[1], x[0])};
  };
  expect_each(slope, {x_});
}

TEST_F(VmapOfLoops, TakesOneBranchForAllWhereTheySharePredicates) {
  for (const double number : {-1.0, 1.0}) {
    const auto choice = [&](std::span<const Value> x) {
      return cond(
          greater(constant(graph_, number), 0.0), [&] { return std::vector<Value>{matmul(x[0], w_), w_}; },
          [&] { return std::vector<Value>{x[0] * 2.0, w_ * 2.0}; });
    };
    EXPECT_EQ(expect_each(choice, {x_}), 1U);
  }
}

TEST_F(VmapOfLoops, DrawsAnewForEachExampleAndStep) {
  const auto walk = [&](const Value& x) {
    return scan(
               [&](std::span<const Value> s, std::span<const Value> e) {
                 const Value next = s[0] + e[0] * 0.0 + random_uniform(graph_, f64, {3});
                 return ScanStep{.states = {next}, .outputs = {next - s[0]}};
               },
               std::array{zero_}, std::array{x})
        .outputs[0];
  };
  const Value y = vmap(walk, x_);
  Feeds feeds = feeds_;
  std::vector<double> drawn = numbers(evaluate_value(y, feeds));
  ASSERT_EQ(drawn.size(), 60U);
  std::ranges::sort(drawn);
  for (std::size_t i = 1; i < drawn.size(); ++i) EXPECT_GT(drawn[i] - drawn[i - 1], 1e-9);
}

TEST_F(VmapOfLoops, OfLoopsInLoops) {
  const auto nested = [&](std::span<const Value> x) {
    const ScanFunction outer = [&](std::span<const Value> s, std::span<const Value> rows) {
      const std::vector<Value> scaled =
          map([&](std::span<const Value> e) { return std::vector<Value>{e[0] * s[0]}; }, rows);
      const Value chosen = cond(
          greater(sum(scaled[0]), 0.0), [&] { return std::vector<Value>{sum(scaled[0])}; },
          [&] { return std::vector<Value>{s[0] * 0.5}; })[0];
      return ScanStep{.states = {chosen}, .outputs = {scaled[0]}};
    };
    const ScanResult made = scan(outer, std::array{constant(graph_, 1.0, f64)}, std::array{x[0]});
    return std::vector<Value>{made.states[0], made.outputs[0]};
  };
  EXPECT_EQ(expect_each(nested, {x_}), 1U);
}

}  // namespace
}  // namespace weft
