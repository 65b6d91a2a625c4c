// One session in several threads: right numbers or an error, never wrong numbers.

#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <thread>

#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/pause.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::Pause;
using testing_support::pause_barrier;
using testing_support::same_bits;
using testing_support::TensorSource;

/// y = tanh(x w), and w -= 0.01 x^T y.
struct ServedLayer {
  ServedLayer() {
    TensorSource source("serving");
    x = input(graph, "x", f32, {"batch", 40});
    w = parameter(graph, "w", source.uniform({40, 40}, -1.0, 1.0, f32));
    y = tanh(matmul(x, w));
    update = assign(w, w - 0.01 * matmul(x, y, true));
  }
  Tensor fed(int which, std::int64_t rows) const {
    return TensorSource("serving " + std::to_string(which)).uniform({rows, 40}, -1.0, 1.0, f32);
  }
  Graph graph;
  Value x, w, y, update;
};

struct ServingSetting {
  int threads;
  int callers;
};

class Serving : public testing::TestWithParam<ServingSetting> {};

TEST_P(Serving, GivesEveryThreadTheRightNumbers) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 300;
  ServedLayer layer;
  Session session(layer.graph,
                  {.threads = GetParam().threads, .exact_threads = true, .callers = GetParam().callers});
  const Function predict = session.compile({.inputs = {layer.x}, .outputs = {layer.y, sum(layer.y)}});
  std::vector<Tensor> fed;
  std::vector<Outputs> expected;
  for (int i = 0; i < kThreads; ++i) {
    fed.push_back(layer.fed(i, i % 2 == 0 ? 32 : 7));
    expected.push_back(predict({fed.back()}));
  }
  std::atomic<int> wrong{0};
  const auto serve = [&](std::size_t which) {
    Outputs own = predict.outputs_for({fed[which]});
    for (int i = 0; i < kCalls; ++i) {
      const Outputs fresh = predict({fed[which]});
      predict.run_into({fed[which]}, own);
      for (std::size_t k = 0; k < 2; ++k) {
        if (!identical(fresh[k], expected[which][k]) || !identical(own[k], expected[which][k]))
          wrong.fetch_add(1);
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back(serve, i);
  }
  EXPECT_EQ(wrong.load(), 0);
}

TEST_P(Serving, NeverMixesWithTraining) {
  ServedLayer layer;
  const SessionOptions options{
      .threads = GetParam().threads, .exact_threads = true, .callers = GetParam().callers};
  Session session(layer.graph, options);
  Function step =
      session.compile({.inputs = {layer.x}, .outputs = {sum(layer.y)}, .updates = {layer.update}});
  const Function predict = session.compile({.inputs = {layer.x}, .outputs = {layer.y}});
  const Tensor fed = layer.fed(0, 32);
  // What a prediction can give: what the weights give after some number of steps.
  constexpr int kSteps = 60;
  std::vector<Tensor> possible;
  {
    Session alone(layer.graph, options);
    Function train =
        alone.compile({.inputs = {layer.x}, .outputs = {sum(layer.y)}, .updates = {layer.update}});
    const Function look = alone.compile({.inputs = {layer.x}, .outputs = {layer.y}});
    possible.push_back(look({fed})[0]);
    for (int i = 0; i < kSteps; ++i) {
      train({fed});
      possible.push_back(look({fed})[0]);
    }
  }
  std::atomic<bool> trained{false};
  std::atomic<int> wrong{0};
  std::atomic<int> right{0};
  const auto serve = [&] {
    while (!trained || right == 0) {
      try {
        const Tensor y = predict({fed})[0];
        const bool known =
            std::ranges::any_of(possible, [&](const Tensor& other) { return identical(y, other); });
        (known ? right : wrong).fetch_add(1);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::busy) << error.what();
        std::this_thread::yield();
      }
    }
  };
  {
    const std::jthread one(serve);
    const std::jthread two(serve);
    for (int done = 0; done < kSteps;) {
      try {
        step({fed});
        ++done;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::busy) << error.what();
        std::this_thread::yield();
      }
    }
    trained = true;
  }
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_TRUE(identical(predict({fed})[0], possible.back()));
}

INSTANTIATE_TEST_SUITE_P(Settings, Serving,
                         testing::Values(ServingSetting{1, 1}, ServingSetting{1, 4}, ServingSetting{2, 2},
                                         ServingSetting{3, 4}),
                         [](const auto& setting) {
                           return std::to_string(setting.param.threads) + "ThreadsAnd" +
                                  std::to_string(setting.param.callers) + "Callers";
                         });

class BesideACall : public testing::Test {
 public:
  BesideACall() {
    w = parameter(graph, "w", Tensor::of({1.0F}));
    paused = apply(Pause{}, w);
    random = apply(Pause{}, random_uniform(graph, f32, {3}));
  }
  /// Does `action` while `function` runs in another thread.
  template <typename F>
  void beside(const Function& function, F action) {
    std::barrier meet(2);
    pause_barrier = &meet;
    std::jthread other([&] { function(); });
    meet.arrive_and_wait();
    pause_barrier = nullptr;
    action();
    meet.arrive_and_wait();
    other.join();
  }
  Graph graph;
  Value w, paused, random;
};

TEST_F(BesideACall, ThatReadsOthersReadToo) {
  Session session(graph, {.callers = 2});
  const Function read = session.compile({.outputs = {paused}});
  const Function other = session.compile({.outputs = {w + 1.0}});
  beside(read, [&] {
    EXPECT_EQ(other()[0].item<float>(), 2.0F);
    EXPECT_EQ(session.value(w).item<float>(), 1.0F);
    const Function compiled_meanwhile = session.compile({.outputs = {w + 2.0}});
    EXPECT_EQ(compiled_meanwhile()[0].item<float>(), 3.0F);
    const Value late = parameter(graph, "late", Tensor::of({7.0F}));
    EXPECT_EQ(session.compile({.outputs = {late}})()[0].item<float>(), 7.0F);
  });
}

TEST_F(BesideACall, ThatReadsNobodyWrites) {
  Session session(graph, {.callers = 2});
  const Function read = session.compile({.outputs = {paused}});
  const Function write = session.compile({.updates = {assign(w, w + 1.0)}});
  const Function draw = session.compile({.outputs = {random}});
  beside(read, [&] {
    expect_error(ErrorCode::busy, {"another thread", "serving_test.cpp:"}, [&] { write(); });
    expect_error(ErrorCode::busy, {}, [&] { draw(); });
    expect_error(ErrorCode::busy, {}, [&] { session.set(w, Tensor::of({5.0F})); });
  });
  EXPECT_EQ(session.value(w).item<float>(), 1.0F);
  write();
  EXPECT_EQ(session.value(w).item<float>(), 2.0F);
}

TEST_F(BesideACall, ThatWritesNobodyDoesAnything) {
  Session session(graph, {.callers = 2});
  const Function read = session.compile({.outputs = {w * 1.5}});
  const Function write = session.compile({.updates = {assign(w, paused + 1.0)}});
  const Function draw = session.compile({.outputs = {random}});
  for (const Function& changing : {write, draw}) {
    beside(changing, [&] {
      expect_error(ErrorCode::busy, {"another thread", "serving_test.cpp:"}, [&] { read(); });
      expect_error(ErrorCode::busy, {}, [&] { write(); });
      expect_error(ErrorCode::busy, {}, [&] { session.value(w); });
      expect_error(ErrorCode::busy, {}, [&] { session.set(w, Tensor::of({5.0F})); });
    });
  }
  EXPECT_EQ(session.value(w).item<float>(), 2.0F);
}

TEST_F(BesideACall, OfASessionThatSharesTheParametersTheSameHolds) {
  Session first(graph, {.callers = 2});
  const Function read = first.compile({.outputs = {paused}});
  Session second(graph, {.share = &first});
  const Function write = second.compile({.updates = {assign(w, w + 1.0)}});
  const Function also_read = second.compile({.outputs = {w + 1.0}});
  beside(read, [&] {
    EXPECT_EQ(also_read()[0].item<float>(), 2.0F);
    expect_error(ErrorCode::busy, {}, [&] { write(); });
  });
}

TEST(SharedParameters, AreOneCopy) {
  Graph graph;
  const Value w = parameter(graph, "w", random_uniform(graph, f32, {1000}));
  Session first(graph, {.seed = 3});
  Session second(graph, {.seed = 4, .share = &first});
  EXPECT_TRUE(same_bits(second.value(w), first.value(w)));
  Function read = first.compile({.outputs = {w + 0.0}});
  read();
  second.set(w, Tensor::zeros(f32, {1000}));
  EXPECT_TRUE(same_bits(read()[0], Tensor::zeros(f32, {1000})));
  Function write = second.compile({.updates = {assign(w, w + 1.0)}});
  write();
  EXPECT_EQ(read()[0].values<float>()[999], 1.0F);
  EXPECT_EQ(second.seed(), 4U) << "random numbers are each session's own";
}

TEST(SharedParameters, OutliveTheSessionThatMadeThem) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of({1.0F}));
  const auto sharing = [&] {
    Session first(graph);
    first.set(w, Tensor::of({5.0F}));
    return std::make_unique<Session>(graph, SessionOptions{.share = &first});
  }();
  EXPECT_EQ(sharing->compile({.outputs = {w * 2.0}})()[0].item<float>(), 10.0F);
}

TEST(SharedParameters, OfAnotherGraphFitByLabelAndType) {
  Graph graph;
  parameter(graph, "w", Tensor::of({1.0F}));
  Session first(graph);
  first.set("w", Tensor::of({2.0F}));
  Graph same;
  const Value w = parameter(same, "w", Tensor::of({9.0F}));
  const Value own = parameter(same, "own", Tensor::of({4.0F}));
  Session second(same, {.share = &first});
  EXPECT_EQ(second.compile({.outputs = {w + own}})()[0].item<float>(), 6.0F);
  Graph other;
  parameter(other, "w", Tensor::of({1.0F, 2.0F}));
  Session third(other, {.share = &first});
  expect_error(ErrorCode::invalid_argument, {"'w'", "f32[2]", "f32[1]"}, [&] { third.value("w"); });
}

}  // namespace
}  // namespace weft
