#include "weft/frontends/prefetch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "weft/ops/builtin.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;

/// Three batches in an epoch, whose number says which they are.
std::int64_t numbered_batch(std::int64_t epoch, std::int64_t batch, std::vector<Tensor>& feeds) {
  if (batch == 3) return 0;
  feeds = {Tensor::of({static_cast<float>(10 * epoch + batch)})};
  return batch + 1;
}

TEST(Prefetched, GivesTheSameBatches) {
  const BatchGenerator ahead = prefetched(numbered_batch, 4);
  std::vector<Tensor> feeds;
  for (const std::int64_t epoch : {0, 1, 5, 2}) {  // also where training goes on elsewhere
    for (const std::int64_t batch : {0, 1, 2, 3, 1, 2, 3}) {
      const std::int64_t samples = ahead(epoch, batch, feeds);
      EXPECT_EQ(samples, batch == 3 ? 0 : batch + 1);
      if (samples > 0) {
        EXPECT_EQ(feeds[0].values<float>()[0], static_cast<float>(10 * epoch + batch));
      }
    }
  }
  expect_error(ErrorCode::invalid_argument, {"prefetched", "0"}, [] { prefetched(numbered_batch, 0); });
}

TEST(Prefetched, MakesBatchesBeforeTheyAreAskedFor) {
  std::atomic<int> made{0};
  const BatchGenerator ahead = prefetched(
      [&](std::int64_t epoch, std::int64_t batch, std::vector<Tensor>& feeds) {
        ++made;
        return numbered_batch(epoch, batch, feeds);
      },
      2);
  std::vector<Tensor> feeds;
  ahead(0, 0, feeds);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (made < 3 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(made, 3);  // the one that was asked for and two ahead
}

TEST(Prefetched, ThrowsWhereTheBatchWouldHaveCome) {
  std::atomic<bool> broken{true};
  const BatchGenerator ahead = prefetched(
      [&](std::int64_t epoch, std::int64_t batch, std::vector<Tensor>& feeds) {
        if (batch == 1 && broken) throw std::runtime_error("no such file");
        return numbered_batch(epoch, batch, feeds);
      },
      2);
  std::vector<Tensor> feeds;
  EXPECT_EQ(ahead(0, 0, feeds), 1);
  EXPECT_THROW(ahead(0, 1, feeds), std::runtime_error);
  broken = false;
  EXPECT_EQ(ahead(0, 1, feeds), 2);
  EXPECT_EQ(ahead(0, 2, feeds), 3);
}

TEST(Prefetched, TrainsToTheSameBits) {
  const auto trained = [](const BatchGenerator& generator) {
    Graph graph;
    const Value x = input(graph, "x", f32, {"n"});
    const Value w = parameter(graph, "w", Tensor::of({1.0F}));
    Session session(graph);
    Function step =
        session.compile({.inputs = {x}, .outputs = {mean(x)}, .updates = {assign(w, w * 0.5 + mean(x))}});
    const FitResult result = fit(step, generator, {.epochs = 3});
    return std::pair(session.value(w).values<float>()[0], result.epochs.back().loss);
  };
  EXPECT_EQ(trained(prefetched(numbered_batch)), trained(numbered_batch));
}

}  // namespace
}  // namespace weft
