// Random numbers are the reference's, to the bit, however they are cut.

#include <gtest/gtest.h>

#include "weft/ops/random.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"

namespace weft {
namespace {

using testing_support::same_bits;

std::vector<Tensor> drawn(const Shape& shape, DType dtype, const SessionOptions& options) {
  Graph graph;
  const std::vector<Value> outputs{random_uniform(graph, dtype, shape), random_normal(graph, dtype, shape)};
  Session session(graph, options);
  const Function function = session.compile({.outputs = outputs});
  std::vector<Tensor> tensors;
  for (int run = 0; run < 2; ++run) {
    for (const Tensor& output : function({})) tensors.push_back(output.clone());
  }
  return tensors;
}

TEST(RandomKernel, DrawsTheBitsOfTheReference) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{5, 3}, Shape{3, 4, 5}, Shape{0, 4}}) {
    for (const DType dtype : {f32, f64}) {
      const auto expected = drawn(shape, dtype, {.compile = {.reference_kernels = true}});
      for (const int threads : {1, 2, 3}) {
        const auto made = drawn(shape, dtype, {.threads = threads, .exact_threads = true});
        ASSERT_EQ(made.size(), expected.size());
        for (std::size_t i = 0; i < made.size(); ++i)
          EXPECT_TRUE(same_bits(made[i], expected[i])) << to_string(shape) << ", threads " << threads;
      }
    }
  }
}

TEST(RandomKernel, RunsInPlansThatDraw) {
  Graph graph;
  const Value y = random_uniform(graph, f32, {8, 8});
  Session session(graph);
  const Compilation made = session.inspect({.outputs = {y}}, {});
  EXPECT_EQ(made.lowered.kernels[0].name, "random");
}

}  // namespace
}  // namespace weft
