// What the headers promise of sums and products in f32: kernels and references beside the definition in long
// double, over data on which adding one f32 to another fails.

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/gather.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;

constexpr double kUnit = 0x1p-24;

/// Numbers of one kind, as many as a shape has.
struct Data {
  std::string name;
  std::function<float(std::int64_t i)> at;
};

const std::vector<Data>& kinds() {
  static const std::vector<Data> kinds = {
      {"OneNumber", [](std::int64_t) { return 0.1F; }},
      {"LargeOffset", [](std::int64_t i) { return 1e6F + static_cast<float>(i % 7) * 0.25F; }},
      {"AlternatingSigns",
       [](std::int64_t i) {
         return (i % 2 == 0 ? 1.0F : -1.0F) * (1.0F + static_cast<float>(i % 11) * 0.1F);
       }},
      {"OneOutweighsAll", [](std::int64_t i) { return i == 5 ? 3e7F : 1.0F; }},
      {"Denormals", [](std::int64_t i) { return static_cast<float>(i % 3 + 1) * 1e-42F; }},
  };
  return kinds;
}

Tensor filled(const Data& data, const Sizes& sizes) {
  Tensor tensor = Tensor::uninitialized(f32, sizes);
  const auto values = tensor.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = data.at(static_cast<std::int64_t>(i));
  return tensor;
}

/// A sum by definition, and the sum of absolute values.
struct Exact {
  long double sum = 0.0L;
  long double absolute = 0.0L;
  std::int64_t terms = 0;
  void add(long double term) {
    ++terms;
    sum += term;
    absolute += std::abs(term);
  }
};

/// Every element is within `units` roundings of the sum of absolute values and `results` of the result; where
/// there are such roundings, each term may lose what lies below the smallest denormal, too.
void expect_within(const Tensor& actual, const std::vector<Exact>& exact, double units, double results,
                   const std::string& what) {
  constexpr long double kDenormal = 0x1p-149L;
  const auto values = actual.values<float>();
  ASSERT_EQ(values.size(), exact.size()) << what;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const long double bound =
        kUnit * (units * exact[i].absolute + results * std::abs(exact[i].sum)) +
        1e-9L * kUnit * exact[i].absolute +
        kDenormal * (units > 0.0 ? 1.0L + 0.5L * static_cast<long double>(exact[i].terms) : 1.0L);
    ASSERT_LE(std::abs(static_cast<long double>(values[i]) - exact[i].sum), bound)
        << what << ", element " << i << ": " << values[i] << " for " << static_cast<double>(exact[i].sum);
  }
}

/// The kernel, whole and in shards, and the reference.
void expect_accurate(const Op& op, const std::vector<Tensor>& inputs, const std::vector<Exact>& exact,
                     double units, double results, const std::string& what) {
  const KernelCheck check(op, inputs);
  for (const int shards : {1, 3})
    expect_within(check.run(shards)[0], exact, units, results, what + ", " + check.describe());
  expect_within(evaluate(op, inputs)[0], exact, 0.0, 1.0, what + ", the reference");
}

struct SumCase {
  Sizes sizes;
  Axes axes;
};

TEST(Accuracy, OfSumsIsWhatTheHeaderPromises) {
  const std::vector<SumCase> cases = {
      {{10'000'000}, {}}, {{300'000, 2}, {0}},  {{20'000, 37}, {0}}, {{256, 70}, {0}},
      {{257, 70}, {0}},   {{2, 3000, 20}, {1}}, {{3, 100'001}, {1}}, {{64, 3, 50, 50}, {0, 2, 3}}};
  for (const Data& data : kinds()) {
    for (const SumCase& sum : cases) {
      const Tensor x = filled(data, sum.sizes);
      std::vector<Exact> exact(
          static_cast<std::size_t>(reduced_type(x.type(), sum.axes, false).shape.elements()));
      const auto values = x.values<float>();
      for_each_reduced(sum.sizes, sum.axes,
                       [&](std::size_t in, std::size_t out) { exact[out].add(values[in]); });
      const bool few = sum.axes == Axes{0} && sum.sizes[0] <= 256;
      expect_accurate(Sum{.axes = sum.axes}, {x}, exact, few ? 33.0 : 0.0, 1.0, data.name);
    }
  }
}

TEST(Accuracy, OfProductsIsWhatTheHeaderPromises) {
  struct Case {
    std::int64_t m, n, k;
  };
  const std::vector<Case> cases = {{1, 1, 300'000}, {1, 7, 50'000}, {7, 1, 50'000}, {3, 20, 5000},
                                   {20, 3, 5000},   {20, 30, 5000}, {20, 30, 2048}, {5, 5, 3000},
                                   {1, 40, 784},    {1, 1, 700}};
  for (const Data& data : kinds()) {
    for (const auto& [m, n, k] : cases) {
      for (const int flags : {0, 1, 2, 3}) {
        const MatMul op{.transpose_a = (flags & 1) != 0, .transpose_b = (flags & 2) != 0};
        const Tensor a = filled(data, op.transpose_a ? Sizes{k, m} : Sizes{m, k});
        const Tensor b =
            filled(kinds()[static_cast<std::size_t>(flags) % 3], op.transpose_b ? Sizes{n, k} : Sizes{k, n});
        std::vector<Exact> exact(static_cast<std::size_t>(m * n));
        const auto left = a.values<float>();
        const auto right = b.values<float>();
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            for (std::int64_t p = 0; p < k; ++p) {
              exact[static_cast<std::size_t>(i * n + j)].add(
                  static_cast<long double>(
                      left[static_cast<std::size_t>(op.transpose_a ? p * m + i : i * k + p)]) *
                  static_cast<long double>(
                      right[static_cast<std::size_t>(op.transpose_b ? j * k + p : p * n + j)]));
            }
          }
        }
        const bool wide = (k > 2048 && std::min(m, n) <= 4) || (m == 1 && n == 1);
        expect_accurate(op, {a, b}, exact,
                        wide ? 0.0 : static_cast<double>(std::min<std::int64_t>(k, 2048)) + 2.0,
                        wide ? 2.0 : 0.0, fmt::format("{} {}x{}x{}", data.name, m, n, k));
      }
    }
  }
}

TEST(Accuracy, OfScatteredRowsIsWhatTheHeaderPromises) {
  constexpr std::int64_t kRows = 300'000;
  for (const Data& data : kinds()) {
    const Tensor x = filled(data, {kRows, 3});
    Tensor indices = Tensor::uninitialized(i32, {kRows});
    std::vector<Exact> exact(12);
    for (std::int64_t i = 0; i < kRows; ++i) {
      const std::int64_t row = i % 5 == 0 ? 1 : 3;
      indices.mutable_values<std::int32_t>()[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(row);
      for (std::int64_t j = 0; j < 3; ++j)
        exact[static_cast<std::size_t>(row * 3 + j)].add(
            x.values<float>()[static_cast<std::size_t>(i * 3 + j)]);
    }
    expect_accurate(ScatterAdd{{4, 3}}, {x, indices}, exact, 0.0, 1.0, data.name);
  }
}

}  // namespace
}  // namespace weft
