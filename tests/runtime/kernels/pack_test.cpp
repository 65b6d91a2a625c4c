#include "weft/runtime/kernels/layout/pack.h"

#include <gtest/gtest.h>

#include "weft/graph/evaluate.h"
#include "weft/runtime/ops/packed_ops.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

/// What the kernel makes of a weight, in memory that was full of other numbers.
Tensor packed_by_kernel(const PackWeights& op, const Tensor& weight) {
  const Op held(op);
  const std::vector<TensorType> inputs{weight.type()};
  const std::vector<TensorType> outputs = held.infer(inputs);
  const auto choice = pack_kernel({.op = held, .inputs = inputs, .outputs = outputs});
  Tensor made = Tensor::uninitialized(f32, outputs[0].shape.sizes());
  std::ranges::fill(made.mutable_values<float>(), 7.0F);
  Tensor given = weight.clone();
  std::byte* const in[] = {static_cast<std::byte*>(given.mutable_data())};
  std::byte* const out[] = {static_cast<std::byte*>(made.mutable_data())};
  choice.value().make({.begin = 0, .end = 1})->run({.inputs = in, .outputs = out});
  return made;
}

TEST(PackKernel, PutsWeightsWhereTheReferenceDoes) {
  testing_support::TensorSource source("pack kernel");
  const std::vector<BlockedOrder> orders{
      // Rows in blocks of 16, columns of 64, with gaps; the same transposed; whole blocks; four axes; a
      // vector.
      {.sizes = {20, 70},
       .strides = {1024, 2048},
       .blocks = {16, 64},
       .block_axes = {0, 1},
       .elements = 4096},
      {.sizes = {70, 20},
       .strides = {2048, 1024},
       .blocks = {16, 64},
       .block_axes = {1, 0},
       .elements = 4096},
      {.sizes = {32, 64},
       .strides = {1024, 2048},
       .blocks = {16, 64},
       .block_axes = {0, 1},
       .elements = 2048},
      {.sizes = {32, 16, 3, 3},
       .strides = {2304, 2304, 768, 256},
       .blocks = {16, 16},
       .block_axes = {1, 0},
       .elements = 4608},
      {.sizes = {33}, .strides = {16}, .blocks = {16}, .block_axes = {0}, .elements = 48}};
  for (const BlockedOrder& order : orders) {
    const Tensor weight = source.uniform(order.sizes, -1.0, 1.0, f32);
    const PackWeights op{order};
    EXPECT_TRUE(testing_support::same_bits(packed_by_kernel(op, weight), evaluate(op, {{weight}})[0]))
        << attribute_text(order);
  }
}

}  // namespace
}  // namespace weft
