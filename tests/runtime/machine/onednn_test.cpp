#include "weft/runtime/machine/onednn.h"

#include <gtest/gtest.h>

#include <vector>

#include "weft/graph/half.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::replay;
using testing_support::TensorSource;

/// Integers from -4 to 4, whose products and sums are exact.
std::vector<float> integers(TensorSource& source, std::int64_t count) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(source.below(9) - 4));
  return values;
}

std::vector<BFloat16> as_bf16(const std::vector<float>& numbers) {
  std::vector<BFloat16> narrow;
  for (const float number : numbers) narrow.emplace_back(number);
  return narrow;
}

/// Kernels use one of the two on a CPU, and the test sees both.
TEST(OneDnn, PrimitiveAndGemmComputeTheSame) {
  TensorSource source("onednn");
  const OneDnnSingleThread single;  // as in a session
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << "; " << replay());
    const std::int64_t m = 1 + source.below(70);
    const std::int64_t n = 1 + source.below(70);
    const std::int64_t k = 1 + source.below(70);
    OneDnnMatMulSpec spec{.m = m, .n = n, .k = k, .transpose_a = source.coin(), .transpose_b = source.coin()};
    spec.lda = spec.transpose_a ? m : k;
    spec.ldb = spec.transpose_b ? k : n;
    spec.ldc = n + source.below(3);
    spec.accumulate = source.coin();
    spec.alpha = spec.accumulate ? 0.5F : 1.0F;
    const auto a = integers(source, m * k);
    const auto b = integers(source, k * n);
    const auto before = integers(source, m * spec.ldc);

    auto by_gemm = before;
    onednn_gemm(spec, a.data(), b.data(), by_gemm.data());
    OneDnnMatMul primitive(spec);
    std::vector<std::byte> scratch(primitive.scratch_bytes());
    auto by_primitive = before;
    primitive.run(a.data(), b.data(), nullptr, by_primitive.data(), scratch.data());
    ASSERT_EQ(by_primitive, by_gemm);

    spec.bias = true;
    OneDnnMatMul with_bias(spec);
    const auto bias = integers(source, n);
    scratch.resize(with_bias.scratch_bytes());
    auto biased = before;
    with_bias.run(a.data(), b.data(), bias.data(), biased.data(), scratch.data());
    auto expected = by_gemm;
    // A product that accumulates is scaled, its bias with it.
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j)
        expected[static_cast<std::size_t>(i * spec.ldc + j)] +=
            spec.alpha * bias[static_cast<std::size_t>(j)];
    }
    ASSERT_EQ(biased, expected);

    if (!onednn_multiplies_bf16()) continue;
    spec.bf16 = true;
    OneDnnMatMul of_bf16(spec);
    const auto narrow_a = as_bf16(a);
    const auto narrow_b = as_bf16(b);
    scratch.resize(of_bf16.scratch_bytes());
    biased = before;
    of_bf16.run(narrow_a.data(), narrow_b.data(), bias.data(), biased.data(), scratch.data());
    ASSERT_EQ(biased, expected);
  }
}

}  // namespace
}  // namespace weft
