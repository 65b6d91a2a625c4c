#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "weft/autodiff/gradients.h"
#include "weft/ops/attention.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/composed_attention.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::attention_kernel_tests {
namespace {

using testing_support::composed_attention;
using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

class AttentionKernel : public testing::TestWithParam<DType> {
 protected:
  static DType dtype() { return GetParam(); }
  static double tolerance() { return dtype() == f32 ? 2e-5 : 1e-12; }
  static Tensor uniform(TensorSource& source, const Sizes& sizes) {
    return source.uniform(sizes, -1.0, 1.0, dtype());
  }
};

struct Lengths {
  std::int64_t queries;
  std::int64_t keys;
  std::int64_t features;
  std::int64_t width;
};
// Around the sizes of blocks, of 64 queries and 256 keys.
constexpr std::array<Lengths, 10> kLengths{{{1, 1, 1, 1},
                                            {3, 5, 4, 2},
                                            {64, 256, 8, 8},
                                            {65, 257, 5, 3},
                                            {300, 70, 16, 20},
                                            {70, 600, 3, 17},
                                            {300, 530, 0, 4},
                                            {40, 0, 4, 4},
                                            {0, 40, 4, 4},
                                            {20, 30, 70, 0}}};

Sizes with(const Sizes& heads, std::initializer_list<std::int64_t> last) {
  Sizes sizes = heads;
  sizes.insert(sizes.end(), last);
  return sizes;
}

/// A mask under which the first query may look at nothing.
Tensor mask_for(TensorSource& source, const Sizes& sizes) {
  Tensor mask = source.whole(sizes, 2, boolean);
  const auto bits = mask.mutable_values<bool>();
  std::fill(bits.begin(), bits.begin() + std::min<std::ptrdiff_t>(sizes.back(), std::ssize(bits)), false);
  return mask;
}

void expect_pair(const AttentionRule& rule, const std::vector<Tensor>& inputs, TensorSource& source,
                 DType dtype, double tolerance) {
  const KernelCheck forward(Attention{rule}, inputs);
  ASSERT_EQ(forward.choice().name, "attention");
  forward.expect_correct(tolerance);
  const auto outputs = evaluate(Attention{rule}, inputs);
  const auto like = [&](const Tensor& x) {
    return source.uniform({x.sizes().begin(), x.sizes().end()}, -1.0, 1.0, dtype);
  };
  std::vector<Tensor> all(inputs.begin(), inputs.begin() + 3);
  all.insert(all.end(), {outputs[1], like(outputs[0]), like(outputs[1])});
  if (inputs.size() > kAttentionMask) all.push_back(inputs[kAttentionMask]);
  const KernelCheck backward(AttentionGradient{rule}, all);
  ASSERT_EQ(backward.choice().name, "attention_gradient");
  backward.expect_correct(tolerance);
}

TEST_P(AttentionKernel, GivesWhatTheReferenceGives) {
  TensorSource source("attention kernel");
  for (const Sizes& heads : {Sizes{}, Sizes{3}, Sizes{2, 2}}) {
    for (const auto& [queries, keys, features, width] : kLengths) {
      SCOPED_TRACE(testing::Message() << queries << " queries, " << keys << " keys; " << replay());
      for (const bool causal : {false, true}) {
        const std::vector<Tensor> inputs{uniform(source, with(heads, {queries, features})),
                                         uniform(source, with(heads, {keys, features})),
                                         uniform(source, with(heads, {keys, width}))};
        expect_pair({.scale = 0.6, .causal = causal}, inputs, source, dtype(), tolerance());
      }
    }
  }
}

TEST_P(AttentionKernel, TakesMasksAndHeadsThatBroadcast) {
  TensorSource source("attention kernel, masks");
  for (const Sizes& mask : {Sizes{}, Sizes{300}, Sizes{140, 1}, Sizes{140, 300}, Sizes{2, 1, 1, 300},
                            Sizes{3, 140, 300}, Sizes{2, 3, 140, 300}}) {
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(testing::Message() << testing::PrintToString(mask) << "; " << replay());
      std::vector<Tensor> inputs{uniform(source, {2, 1, 140, 4}), uniform(source, {300, 4}),
                                 uniform(source, {3, 300, 6})};
      inputs.push_back(mask.empty() ? source.whole({}, 2, boolean) : mask_for(source, mask));
      expect_pair({.scale = 0.6, .causal = causal}, inputs, source, dtype(), tolerance());
    }
  }
}

TEST_P(AttentionKernel, SpoilsTheRowsThatSeeANaN) {
  TensorSource source("attention kernel, NaN");
  const std::vector<Tensor> inputs{uniform(source, {300, 4}), uniform(source, {300, 4}),
                                   uniform(source, {300, 4})};
  std::vector<Tensor> spoiled = inputs;
  spoiled[1] = inputs[1].clone();
  visit_float(dtype(), [&]<typename T>(T) {
    spoiled[1].mutable_values<T>()[4 * 270] = std::numeric_limits<T>::quiet_NaN();
  });
  const auto y = testing_support::numbers(KernelCheck(Attention{{.causal = true}}, spoiled).run(1)[0]);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i >= std::size_t{4} * 270) << i;
}

INSTANTIATE_TEST_SUITE_P(Floats, AttentionKernel, testing::Values(f32, f64),
                         [](const auto& instance) { return std::string(name_of(instance.param)); });

// --- accuracy ---

constexpr std::size_t kLength = 300;
constexpr std::size_t kFeatures = 12;
constexpr AttentionRule kRule{.scale = 0.3, .causal = true};

std::vector<Tensor> in_doubles(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> all;
  for (const Tensor& x : tensors) all.push_back(evaluate(Cast{f64}, {{x}})[0]);
  return all;
}

/// The sum of |a b| of two rows.
double terms_of(const Tensor& a, std::size_t i, const Tensor& b, std::size_t j) {
  double terms = 0.0;
  for (std::size_t f = 0; f < kFeatures; ++f)
    terms += std::abs(a.values<double>()[i * kFeatures + f] * b.values<double>()[j * kFeatures + f]);
  return terms;
}

/// The largest sum of |scale q k| of each query.
std::vector<double> largest_terms(const std::vector<Tensor>& inputs) {
  std::vector<double> most(kLength, 0.0);
  for (std::size_t i = 0; i < kLength; ++i) {
    for (std::size_t j = 0; j <= i; ++j)
      most[i] = std::max(most[i], kRule.scale * terms_of(inputs[0], i, inputs[1], j));
  }
  return most;
}

TEST(AttentionAccuracy, IsWithinThatOfItsScores) {
  TensorSource source("attention accuracy");
  for (const double size : {0.1, 1.0, 8.0}) {
    std::vector<Tensor> inputs;
    for (int i = 0; i < 3; ++i) inputs.push_back(source.uniform({kLength, kFeatures}, -size, size, f32));
    const auto expected = evaluate(Attention{kRule}, in_doubles(inputs));
    const auto made = KernelCheck(Attention{kRule}, inputs).run(1);
    const std::vector<double> most = largest_terms(in_doubles(inputs));
    for (std::size_t i = 0; i < kLength; ++i) {
      const double bound = 1e-6 * (1.0 + most[i]);
      EXPECT_NEAR(made[1].values<float>()[i], expected[1].values<double>()[i], bound);
      for (std::size_t f = i * kFeatures; f < (i + 1) * kFeatures; ++f)
        EXPECT_NEAR(made[0].values<float>()[f], expected[0].values<double>()[f], bound * size);
    }
  }
}

/// dq, dk and dv with absolute values everywhere.
std::array<std::vector<double>, 3> sizes_of_terms(const std::vector<Tensor>& in) {
  std::array<std::vector<double>, 3> sums;
  for (auto& sum : sums) sum.assign(kLength * kFeatures, 0.0);
  for (std::size_t i = 0; i < kLength; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double score = 0.0;
      for (std::size_t f = 0; f < kFeatures; ++f)
        score += in[0].values<double>()[i * kFeatures + f] * in[1].values<double>()[j * kFeatures + f];
      const double p = std::exp(kRule.scale * score - in[3].values<double>()[i]);
      const double ds =
          kRule.scale * p * (terms_of(in[4], i, in[2], j) + std::abs(in[5].values<double>()[i]));
      for (std::size_t f = 0; f < kFeatures; ++f) {
        sums[0][i * kFeatures + f] += ds * std::abs(in[1].values<double>()[j * kFeatures + f]);
        sums[1][j * kFeatures + f] += ds * std::abs(in[0].values<double>()[i * kFeatures + f]);
        sums[2][j * kFeatures + f] += p * std::abs(in[4].values<double>()[i * kFeatures + f]);
      }
    }
  }
  return sums;
}

TEST(AttentionAccuracy, OfTheGradientIsWithinThatOfItsTerms) {
  TensorSource source("attention gradient accuracy");
  for (const double size : {0.1, 1.0, 8.0}) {
    std::vector<Tensor> inputs;
    for (int i = 0; i < 3; ++i) inputs.push_back(source.uniform({kLength, kFeatures}, -size, size, f32));
    inputs.push_back(KernelCheck(Attention{kRule}, inputs).run(1)[1]);
    inputs.push_back(source.uniform({kLength, kFeatures}, -1.0, 1.0, f32));
    inputs.push_back(source.uniform({kLength}, -1.0, 1.0, f32));
    const std::vector<Tensor> wide = in_doubles(inputs);
    const auto expected = evaluate(AttentionGradient{kRule}, wide);
    const auto made = KernelCheck(AttentionGradient{kRule}, inputs).run(1);
    const double most = std::ranges::max(largest_terms(wide));
    const auto terms = sizes_of_terms(wide);
    for (std::size_t which = 0; which < 3; ++which) {
      for (std::size_t i = 0; i < kLength * kFeatures; ++i)
        EXPECT_NEAR(made[which].values<float>()[i], expected[which].values<double>()[i],
                    1e-5 * (1.0 + most) * terms[which][i]);
    }
  }
}

// --- in a session ---

struct Made {
  std::vector<Tensor> outputs;
  std::size_t arena = 0;
};

/// y and its gradients for x, which is the queries, keys and values.
Made trained(const Tensor& x, bool composed, int threads) {
  Graph graph;
  const Value in = input(graph, "x", f32, {"heads", "n", 8});
  const AttentionRule rule{.scale = 0.3, .causal = true};
  const Value y = composed ? composed_attention(in, in, in, rule) : attention(in, in, in, rule).y;
  Session session(graph, {.threads = threads, .exact_threads = true});
  Function function =
      session.compile({.inputs = {in}, .outputs = {y, gradient(sum(square(y)), in)}, .updates = {}});
  Outputs outputs = function({x});
  const std::vector<TensorType> types{x.type()};
  return {.outputs = {outputs[0].clone(), outputs[1].clone()}, .arena = function.ledger(types).arena};
}

TEST(Attention, TakesFarLessMemoryThanItsScores) {
  TensorSource source("attention memory");
  constexpr std::int64_t kManyKeys = 1024;
  const Tensor x = source.uniform({4, kManyKeys, 8}, -1.0, 1.0, f32);
  const Made fused = trained(x, false, 1);
  const Made composed = trained(x, true, 1);
  EXPECT_LT(fused.arena, 4 * kManyKeys * kManyKeys * sizeof(float) / 16);
  EXPECT_GE(composed.arena, 4 * kManyKeys * kManyKeys * sizeof(float));
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_TRUE(testing_support::close_to(fused.outputs[i], composed.outputs[i], 1e-4));
}

TEST(Attention, HasTheSameBitsOnAnyNumberOfThreads) {
  TensorSource source("attention threads");
  const Tensor x = source.uniform({5, 150, 8}, -1.0, 1.0, f32);
  const Made one = trained(x, false, 1);
  for (const int threads : {2, 3}) {
    const Made made = trained(x, false, threads);
    for (std::size_t i = 0; i < 2; ++i)
      EXPECT_TRUE(testing_support::same_bits(made.outputs[i], one.outputs[i])) << threads;
  }
}

}  // namespace
}  // namespace weft::attention_kernel_tests
