// Handlers that run on the stack of a thread that computes.

#include "weft/runtime/machine/signals.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/machine/onednn.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::same_bits;
using testing_support::TensorSource;

std::atomic<int> signals_taken{0};
extern "C" void count_signal(int) { signals_taken.fetch_add(1); }

/// Counts SIGUSR1 while it lives, by a handler on the thread's own stack.
class CountedSignals {
 public:
  CountedSignals() {
    signals_taken = 0;
    struct sigaction action{};
    action.sa_handler = count_signal;
    ::sigaction(SIGUSR1, &action, &before_);
  }
  ~CountedSignals() { ::sigaction(SIGUSR1, &before_, nullptr); }
  CountedSignals(const CountedSignals&) = delete;
  CountedSignals& operator=(const CountedSignals&) = delete;

 private:
  struct sigaction before_{};
};

TEST(SignalShield, KeepsSignalsPendingUntilTheOutermostEnds) {
  const CountedSignals counted;
  {
    const SignalShield outer;
    {
      const SignalShield inner;
      ::pthread_kill(::pthread_self(), SIGUSR1);
    }
    EXPECT_EQ(signals_taken, 0);
  }
  EXPECT_EQ(signals_taken, 1);
  {
    const SignalShield none(false);
    ::pthread_kill(::pthread_self(), SIGUSR1);
    EXPECT_EQ(signals_taken, 2);
  }
}

TEST(SignalShield, LetsSignalsInWhenTheOutermostOpens) {
  const CountedSignals counted;
  SignalShield outer;
  SignalShield inner;
  ::pthread_kill(::pthread_self(), SIGUSR1);
  inner.open();
  EXPECT_EQ(signals_taken, 0);
  {
    const SignalShield other;
  }
  EXPECT_EQ(signals_taken, 0);
}

TEST(SignalShield, OpensForPendingSignals) {
  const CountedSignals counted;
  SignalShield shield;
  ::pthread_kill(::pthread_self(), SIGUSR1);
  shield.open();
  EXPECT_EQ(signals_taken, 1);
  ::pthread_kill(::pthread_self(), SIGUSR1);
  EXPECT_EQ(signals_taken, 1);
}

TEST(SignalShield, LeavesFaultsAndTheMaskOfBeforeAlone) {
  sigset_t usr2;
  ::sigemptyset(&usr2);
  ::sigaddset(&usr2, SIGUSR2);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &usr2, &before);
  const auto blocks = [](int signal) {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return ::sigismember(&mask, signal) == 1;
  };
  {
    const SignalShield shield;
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) EXPECT_FALSE(blocks(fault));
    for (const int other : {SIGINT, SIGTERM, SIGPROF, SIGALRM, SIGUSR2}) EXPECT_TRUE(blocks(other));
  }
  EXPECT_TRUE(blocks(SIGUSR2));
  EXPECT_FALSE(blocks(SIGINT));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

/// Weights after some steps of training, whose products' rows are long and whose shards go to `threads`.
struct SignalledTraining {
  std::vector<Tensor> weights;
  int steps = 0;
};

SignalledTraining train_until(int threads, const std::function<bool(int steps)>& enough) {
  Graph graph;
  TensorSource source("signals");
  const Value x = input(graph, "x", f32, {20, 784});
  const Value w = parameter(graph, "w", source.uniform({784, 60}, -0.1, 0.1, f32));
  const Value v = parameter(graph, "v", source.uniform({60, 10}, -0.1, 0.1, f32));
  const Value loss = mean(square(matmul(tanh(matmul(x, w)), v) - 1.0));
  const auto slopes = gradients(loss, {w, v});
  Session session(graph, {.threads = threads, .exact_threads = true});
  Function step =
      session.compile({.inputs = {x},
                       .outputs = {loss},
                       .updates = {assign(w, w - 0.1 * slopes[0]), assign(v, v - 0.1 * slopes[1])}});
  const Tensor fed = source.uniform({20, 784}, -1.0, 1.0, f32);
  SignalledTraining result;
  do {
    step({fed});
    ++result.steps;
  } while (!enough(result.steps));
  result.weights = {session.value(w), session.value(v)};
  return result;
}

TEST(Training, UnderSignalsHasTheBitsOfOneThatIsNotDisturbed) {
  constexpr int kSignals = 2'000;
  for (const int threads : {1, 2}) {
    const CountedSignals counted;
    std::atomic<bool> done{false};
    const pthread_t trainer = ::pthread_self();
    SignalledTraining disturbed;
    {
      const std::jthread disturber([&] {
        while (!done) {
          ::pthread_kill(trainer, SIGUSR1);
          std::this_thread::sleep_for(std::chrono::microseconds(20));
        }
      });
      disturbed = train_until(threads, [](int) { return signals_taken >= kSignals; });
      done = true;
    }
    EXPECT_GE(signals_taken, kSignals);
    const SignalledTraining quiet = train_until(threads, [&](int steps) { return steps >= disturbed.steps; });
    for (std::size_t i = 0; i < quiet.weights.size(); ++i)
      EXPECT_TRUE(same_bits(disturbed.weights[i], quiet.weights[i])) << threads << " threads";
  }
}

TEST(OneDnnGemm, IsSafeWithoutAShieldWhereItSaysSo) {
  // Rows, columns and short sums; without a shield and under signals.
  const CountedSignals counted;
  TensorSource source("safe products");
  std::atomic<bool> done{false};
  const pthread_t computing = ::pthread_self();
  const std::jthread disturber([&] {
    while (!done) {
      ::pthread_kill(computing, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  });
  const OneDnnSingleThread single;
  for (const auto& [m, n, k] : {std::array{1, 100, 784}, {100, 1, 784}, {30, 20, 32}}) {
    const OneDnnMatMulSpec spec{.m = m, .n = n, .k = k, .lda = k, .ldb = n, .ldc = n};
    ASSERT_FALSE(onednn_gemm_moves_stack(spec));
    const Tensor a = source.uniform({m, k}, -1.0, 1.0, f32);
    const Tensor b = source.uniform({k, n}, -1.0, 1.0, f32);
    Tensor first = Tensor::zeros(f32, {m, n});
    Tensor c = Tensor::zeros(f32, {m, n});
    const auto multiply = [&](Tensor& to) {
      onednn_gemm(spec, a.values<float>().data(), b.values<float>().data(),
                  to.mutable_values<float>().data());
    };
    multiply(first);
    const int before = signals_taken;
    while (signals_taken < before + 300) {
      multiply(c);
      ASSERT_TRUE(same_bits(c, first)) << m << " x " << k << " x " << n;
    }
  }
  done = true;
}

}  // namespace
}  // namespace weft
