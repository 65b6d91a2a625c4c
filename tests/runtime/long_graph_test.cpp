// A long graph compiles without a deep stack. How long it takes is the benchmark's matter.

#include <gtest/gtest.h>

#include <array>

#include "weft/autodiff/gradients.h"
#include "weft/ops/activation.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft {
namespace {

TEST(Compile, AChainOfManyNodesNeedsNoDeepStack) {
  Graph graph;
  const Value start = input(graph, "x", f32, {2});
  Value x = start;
  for (int i = 0; i < 30'000; ++i) x = i % 2 == 0 ? tanh(x) : x * 0.5;
  const Value slope = gradient(sum(x), start);
  const Compilation compilation = compile(graph, std::array{slope}, 1, std::array{std::string("x")}, {}, {});
  EXPECT_FALSE(compilation.schedule.order.empty());
}

}  // namespace
}  // namespace weft
