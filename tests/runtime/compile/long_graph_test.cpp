// A long graph compiles without a deep stack. How long it takes is the benchmark's matter.

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft {
namespace {

constexpr int kNodes = 5000;
// 26 bytes for each node: no call takes so few.
constexpr std::size_t kStackBytes = std::size_t{128} * 1024;

void* compile_a_chain(void* steps) {
  Graph graph;
  const Value start = input(graph, "x", f32, {2});
  Value x = start;
  for (int i = 0; i < kNodes; ++i) x = i % 2 == 0 ? tanh(x) : x * 0.5;
  const Value slope = gradient(sum(x), start);
  const Compilation compilation = compile(graph, std::array{slope}, 1, std::array{std::string("x")}, {}, {});
  *static_cast<std::size_t*>(steps) = compilation.schedule.order.size();
  return nullptr;
}

/// Were there a call within a call for each node, the small stack would end the program.
TEST(Compile, AChainOfManyNodesNeedsNoDeepStack) {
  pthread_attr_t small;
  ASSERT_EQ(pthread_attr_init(&small), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&small, kStackBytes), 0);
  pthread_t thread{};
  std::size_t steps = 0;
  ASSERT_EQ(pthread_create(&thread, &small, compile_a_chain, &steps), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&small);
  EXPECT_GT(steps, 0U);
}

}  // namespace
}  // namespace weft
