// Sessions in a child process that fork() made.

#include "weft/runtime/machine/fork.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <barrier>
#include <mutex>
#include <thread>

#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/source.h"
#include "weft/runtime/machine/thread_pool.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/pause.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::Pause;
using testing_support::pause_barrier;
using testing_support::TensorSource;

constexpr unsigned kPatience = 20;  // seconds

/// Whether `work` ends in a child and returns true there.
template <typename F>
testing::AssertionResult holds_in_child(F work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kPatience);
    bool right = false;
    try {
      right = work();
    } catch (...) {
      ::_exit(2);
    }
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return testing::AssertionFailure() << "signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == 2) return testing::AssertionFailure() << "an exception";
  return WEXITSTATUS(status) == 0 ? testing::AssertionSuccess() : testing::AssertionFailure();
}

bool is_busy_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code() == ErrorCode::busy;
  }
  return false;
}

struct ForkedModel {
  ForkedModel() {
    TensorSource source("fork");
    x = input(graph, "x", f32, {64, 64});
    w = parameter(graph, "w", source.uniform({64, 64}, -1.0, 1.0, f32));
    y = tanh(matmul(x, w));
    fed = source.uniform({64, 64}, -1.0, 1.0, f32);
  }
  Graph graph;
  Value x, w, y;
  Tensor fed;
};

class AfterFork : public testing::TestWithParam<int> {};

TEST_P(AfterFork, TheChildPredictsTrainsAndEndsAsItsParent) {
  ForkedModel model;
  Session session(model.graph, {.threads = GetParam(), .exact_threads = true});
  const Function predict = session.compile({.inputs = {model.x}, .outputs = {model.y}});
  Function step = session.compile(
      {.inputs = {model.x}, .outputs = {}, .updates = {assign(model.w, model.w - 0.1 * model.y)}});
  const Tensor expected = predict({model.fed})[0];
  step({model.fed});
  const Tensor trained = predict({model.fed})[0];
  EXPECT_TRUE(holds_in_child([&] {
    const bool same = identical(predict({model.fed})[0], trained);
    step({model.fed});
    Session another(model.graph, {.threads = GetParam(), .exact_threads = true, .share = &session});
    const Function again = another.compile({.inputs = {model.x}, .outputs = {model.y}});
    return same && identical(predict({model.fed})[0], again({model.fed})[0]);
  }));
  EXPECT_TRUE(identical(predict({model.fed})[0], trained)) << "the child's step is the child's own";
  EXPECT_FALSE(identical(expected, trained));
}

TEST_P(AfterFork, TheChildDestroysWhatItInherited) {
  ForkedModel model;
  auto session =
      std::make_unique<Session>(model.graph, SessionOptions{.threads = GetParam(), .exact_threads = true});
  session->compile({.inputs = {model.x}, .outputs = {model.y}})({model.fed});
  EXPECT_TRUE(holds_in_child([&] {
    session.reset();
    return true;
  }));
}

INSTANTIATE_TEST_SUITE_P(Threads, AfterFork, testing::Values(1, 2, 3), testing::PrintToStringParamName());

TEST(Fork, WhatAnotherThreadWasChangingIsAnErrorInTheChild) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of({1.0F}));
  Session session(graph, {.callers = 2});
  const Function write = session.compile({.updates = {assign(w, apply(Pause{}, w) + 1.0)}});
  const Function read = session.compile({.outputs = {w}});
  std::barrier meet(2);
  pause_barrier = &meet;
  std::jthread other([&] { write(); });
  meet.arrive_and_wait();
  pause_barrier = nullptr;
  EXPECT_TRUE(holds_in_child([&] {
    return is_busy_error([&] { read(); }) && is_busy_error([&] { write(); }) &&
           is_busy_error([&] { session.value(w); });
  }));
  meet.arrive_and_wait();
  other.join();
  EXPECT_EQ(read()[0].item<float>(), 2.0F);
}

TEST(Fork, WhatAnotherThreadWasReadingStaysReadable) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of({1.0F}));
  for (const int callers : {1, 2}) {
    Session session(graph, {.callers = callers});
    const Function slow = session.compile({.outputs = {apply(Pause{}, w)}});
    const Function read = session.compile({.outputs = {w}});
    std::barrier meet(2);
    pause_barrier = &meet;
    std::jthread other([&] { slow(); });
    meet.arrive_and_wait();
    pause_barrier = nullptr;
    EXPECT_TRUE(holds_in_child([&] {
      // With one arena, which the other thread had, there is none left.
      if (callers == 1) return is_busy_error([&] { read(); });
      return read()[0].item<float>() == 1.0F;
    }));
    meet.arrive_and_wait();
  }
}

TEST(Fork, APoolRunsEvenIfItsRegionWasUnderWay) {
  ThreadPool pool(3);
  // A sanitizer's lock that a starting thread holds would stay locked in the child.
  pool.run([](int) {});
  std::barrier meet(2);
  std::jthread other([&] {
    pool.run([&](int thread) {
      if (thread != 0) return;
      meet.arrive_and_wait();
      meet.arrive_and_wait();
    });
  });
  meet.arrive_and_wait();
  EXPECT_FALSE(pool.try_run([](int) {}));
  EXPECT_TRUE(holds_in_child([&] {
    std::atomic<int> sum{0};
    for (int i = 0; i < 3; ++i) pool.run([&](int thread) { sum += thread; });
    return sum == 9;
  }));
  meet.arrive_and_wait();
}

TEST(ForkAwareMutex, DoesNotMakeAChildWait) {
  ForkAwareMutex mutex;
  std::barrier meet(2);
  std::jthread other([&] {
    const std::scoped_lock lock(mutex);
    meet.arrive_and_wait();
    meet.arrive_and_wait();
  });
  meet.arrive_and_wait();
  EXPECT_TRUE(holds_in_child([&] { return is_busy_error([&] { mutex.lock(); }); }));
  meet.arrive_and_wait();
  const std::scoped_lock lock(mutex);
}

}  // namespace
}  // namespace weft
