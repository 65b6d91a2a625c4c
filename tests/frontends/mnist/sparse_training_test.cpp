// Training on digits gives the same losses whether products skip the zeros of the pixels or not.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "weft/frontends/data/batches.h"
#include "weft/frontends/data/mnist.h"
#include "weft/frontends/data/synthetic_digits.h"
#include "weft/frontends/mnist/mlp.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft {
namespace {

constexpr std::int64_t kSteps = 100;
constexpr std::int64_t kBatch = 64;

struct Net {
  std::string name;
  mnist::MlpConfig model;
  mnist::OptimizerConfig optimizer;
  int threads = 1;
};
void PrintTo(const Net& net, std::ostream* out) { *out << net.name; }

std::vector<double> losses(const data::Dataset& digits, const Net& net, SkipZeros skip_zeros) {
  Graph graph;
  const mnist::Mlp mlp(graph, net.model);
  Session session(graph, {.threads = net.threads, .compile = {.skip_zeros = skip_zeros}});
  Function step = session.compile(mnist::training_step(mlp, constant(graph, digits.images),
                                                       constant(graph, digits.labels), net.optimizer));
  const data::Batches batches(data::permutation(digits.images.sizes()[0], 1, 0), kBatch);
  std::vector<double> all;
  for (std::int64_t i = 0; i < std::min(kSteps, batches.count()); ++i) {
    all.push_back(static_cast<double>(step({batches.at(i)})[0].item<float>()));
  }
  return all;
}

void expect_equal_losses(const data::Dataset& digits, const Net& net) {
  constexpr double kBound = 1e-4;
  const auto dense = losses(digits, net, SkipZeros::never);
  const auto sparse = losses(digits, net, SkipZeros::always);
  ASSERT_EQ(sparse.size(), kSteps);
  for (std::size_t i = 0; i < dense.size(); ++i) {
    ASSERT_LE(std::abs(sparse[i] - dense[i]), kBound * dense[i]) << "step " << i;
  }
}

class SparseTraining : public testing::TestWithParam<Net> {};

TEST_P(SparseTraining, HasTheLossesOfTheDensePlanOnSyntheticDigits) {
  expect_equal_losses(data::synthetic_digits(kSteps * kBatch, 1, 0), GetParam());
}

TEST_P(SparseTraining, HasTheLossesOfTheDensePlanOnMnist) {
  if (!std::filesystem::exists(WEFT_SHARED_DATA)) GTEST_SKIP() << "no MNIST at " << WEFT_SHARED_DATA;
  expect_equal_losses(data::read_mnist(WEFT_SHARED_DATA).train, GetParam());
}

/// The weights after some steps, and what the network then says of digits and of their negatives, which have
/// hardly a zero. Batches of a few rows, because a product of one row rounds otherwise than one of several.
std::string bits_with_fixed_cuts(const data::Dataset& digits, const Net& net, int threads) {
  constexpr std::int64_t kFew = 5;
  constexpr std::int64_t kOddBatch = 5;
  Graph graph;
  const mnist::Mlp mlp(graph, net.model);
  Session session(
      graph,
      {.threads = threads, .exact_threads = true, .compile = {.cuts = 4, .skip_zeros = SkipZeros::always}});
  Function step = session.compile(mnist::training_step(mlp, constant(graph, digits.images),
                                                       constant(graph, digits.labels), net.optimizer));
  const Value fed = input(graph, "fed", u8, {"batch", digits.images.sizes()[1]});
  Function predict = session.compile({.inputs = {fed}, .outputs = {mlp(cast(fed, f32))}, .updates = {}});
  const data::Batches batches(data::permutation(digits.images.sizes()[0], 1, 0), kOddBatch);
  for (std::int64_t i = 0; i < kFew; ++i) step({batches.at(i)});
  std::string bits;
  const auto append = [&](const Tensor& tensor) {
    bits.append(static_cast<const char*>(tensor.data()), tensor.bytes());
  };
  for (const Value& parameter : mlp.parameters()) append(session.value(parameter));
  const Tensor some = digits.images.rows(0, kOddBatch);
  Tensor negatives = some.clone();
  for (std::uint8_t& pixel : negatives.mutable_values<std::uint8_t>())
    pixel = static_cast<std::uint8_t>(255 - pixel);
  append(predict({some})[0]);
  append(predict({negatives})[0]);
  return bits;
}

TEST_P(SparseTraining, HasTheSameBitsWithFixedCutsForAnyNumberOfThreads) {
  const data::Dataset digits = data::synthetic_digits(kSteps * kBatch, 1, 0);
  const std::string one = bits_with_fixed_cuts(digits, GetParam(), 1);
  for (const int threads : {2, 3, 4}) EXPECT_EQ(bits_with_fixed_cuts(digits, GetParam(), threads), one);
}

INSTANTIATE_TEST_SUITE_P(
    Nets, SparseTraining,
    testing::Values(
        Net{"Sgd", {.layers = {100}}, {.learning_rate = 0.1}},
        Net{"SgdWithTwoThreads", {.layers = {64, 64}, .activation = "tanh"}, {.learning_rate = 0.1}, 2},
        Net{"Momentum", {.layers = {100}, .activation = "tanh"}, {.name = "momentum", .learning_rate = 0.01}},
        Net{"Adam", {.layers = {100}, .activation = "tanh"}, {.name = "adam", .learning_rate = 0.001}}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace weft
