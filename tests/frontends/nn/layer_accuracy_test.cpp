// The bounds that the layers' headers state, held against their definitions in long double: around offsets,
// for numbers of any size, and for long rows.

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "weft/frontends/nn/attention.h"
#include "weft/frontends/nn/dense.h"
#include "weft/frontends/nn/group_norm.h"
#include "weft/frontends/nn/norm.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/near.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::layer_accuracy_tests {
namespace {

using testing_support::kOfDenormals;
using testing_support::near;
using testing_support::TensorSource;
using Wide = long double;

TEST(LayerAccuracy, OfNormalizationHoldsForNumbersOfAnySize) {
  for (const float size : {1e-2F, 1.0F, 1e10F, 1e20F, 1e30F, 1e37F}) {
    const std::vector<float> x{1.0F * size, 4.0F * size, 2.5F * size, -3.0F * size};
    const auto layer = [](const Value& in) {
      Graph& graph = in.graph();
      return reshape(nn::layer_norm(graph, "norm", 4)(reshape(in, {1, 4})), {4});
    };
    Graph graph;
    const Value in = input(graph, "x", f32, {4});
    const Value y = layer(in);
    Session session(graph);
    Function function = session.compile({.inputs = {in}, .outputs = {y}, .updates = {}});
    const auto run = function({Tensor::of(std::span<const float>(x), std::vector<std::int64_t>{4})});
    Wide mean = 0;
    for (const float value : x) mean += static_cast<Wide>(value) / 4;
    Wide variance = 0;
    for (const float value : x)
      variance += (static_cast<Wide>(value) - mean) * (static_cast<Wide>(value) - mean) / 4;
    for (std::size_t i = 0; i < 4; ++i) {
      const Wide expected = (static_cast<Wide>(x[i]) - mean) / std::sqrt(variance + 1e-5L);
      EXPECT_TRUE(near(run[0].values<float>()[i], expected, 1e-6)) << "size " << size;
    }
  }
}

/// A batch [rows, 2] around an offset, and the moments of one channel.
struct Batch {
  Batch(std::int64_t rows, float offset, float size)
      : x(Tensor::uninitialized(f32, std::vector{rows, std::int64_t{2}})) {
    const auto values = x.mutable_values<float>();
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = offset + size * (static_cast<float>(i % 13) - 6.0F + static_cast<float>(i % 2));
  }
  Wide at(std::int64_t row, std::int64_t channel) const {
    return static_cast<Wide>(x.values<float>()[static_cast<std::size_t>(row * 2 + channel)]);
  }
  Tensor x;
};

/// What an ulp of the mean is beside the deviation, and 1e-6.
Wide norm_bound(Wide normal, Wide mean, Wide deviation) {
  return 1e-6L * (1 + std::abs(normal)) + std::abs(mean) * 0x1p-23L / deviation;
}

TEST(LayerAccuracy, OfBatchNormHoldsForOffsetsAndManyRows) {
  for (const std::int64_t rows : {5, 1000, 100'000}) {
    for (const auto& [offset, size] : std::vector<std::pair<float, float>>{{0.0F, 1.0F},
                                                                           {1e4F, 1.0F},
                                                                           {-1e6F, 100.0F},
                                                                           {0.0F, 1e-30F},
                                                                           {0.0F, 1e18F},
                                                                           {0.0F, 1e25F},
                                                                           {0.0F, 1e-42F}}) {
      const Batch batch(rows, offset, size);
      Graph graph;
      const Value in = input(graph, "x", f32, {rows, 2});
      const nn::BatchNorm layer = nn::batch_norm(graph, "norm", 2);
      const nn::Trained trained = layer.train(in);
      const Value predicted = layer(in);
      Session session(graph);
      Function train = session.compile({.inputs = {in}, .outputs = {trained.y}, .updates = trained.updates});
      Function predict = session.compile({.inputs = {in}, .outputs = {predicted}, .updates = {}});
      const auto y = train({batch.x});
      const auto after = predict({batch.x});
      for (std::int64_t channel = 0; channel < 2; ++channel) {
        Wide mean = 0;
        for (std::int64_t r = 0; r < rows; ++r) mean += batch.at(r, channel) / static_cast<Wide>(rows);
        Wide variance = 0;
        for (std::int64_t r = 0; r < rows; ++r)
          variance += (batch.at(r, channel) - mean) * (batch.at(r, channel) - mean) / static_cast<Wide>(rows);
        const Wide deviation = std::sqrt(variance + 1e-5L);
        const auto at = static_cast<std::size_t>(channel);
        EXPECT_TRUE(near(session.value(layer.running_mean).values<float>()[at], 0.1L * mean, 1e-6,
                         1e-6 * static_cast<double>(size)));
        const Wide unbiased = variance * static_cast<Wide>(rows) / static_cast<Wide>(rows - 1);
        const auto kept = static_cast<Wide>(session.value(layer.running_variance).values<float>()[at]);
        EXPECT_LE(std::abs(kept - (0.9L + 0.1L * unbiased)),
                  1e-6L * kept + std::abs(mean) * 0x1p-23L * static_cast<Wide>(size));
        const auto running_mean = static_cast<Wide>(session.value(layer.running_mean).values<float>()[at]);
        for (std::int64_t r = 0; r < std::min<std::int64_t>(rows, 200); ++r) {
          const auto i = static_cast<std::size_t>(r * 2 + channel);
          const Wide normal = (batch.at(r, channel) - mean) / deviation;
          EXPECT_LE(std::abs(static_cast<Wide>(y[0].values<float>()[i]) - normal),
                    norm_bound(normal, mean, deviation))
              << rows << " rows around " << offset << ", size " << size;
          const Wide spread = std::sqrt(kept + 1e-5L);
          EXPECT_LE(std::abs(static_cast<Wide>(after[0].values<float>()[i]) -
                             (batch.at(r, channel) - running_mean) / spread),
                    3e-7L * (std::abs(batch.at(r, channel)) + std::abs(running_mean)) / spread +
                        static_cast<Wide>(kOfDenormals))
              << "prediction around " << offset << ", size " << size;
        }
      }
    }
  }
}

/// Batches of pairs around offsets, and of sizes that squares do not reach.
std::vector<Batch> batches_of_any_size(std::int64_t rows) {
  std::vector<Batch> batches;
  for (const auto& [offset, size] : std::vector<std::pair<float, float>>{
           {0.0F, 1.0F}, {1e4F, 1.0F}, {-1e6F, 100.0F}, {0.0F, 1e-30F}, {0.0F, 1e30F}, {0.0F, 1e-42F}})
    batches.emplace_back(rows, offset, size);
  return batches;
}

/// f32 results of a layer of [rows, 2], as many as there are numbers.
Tensor applied(const std::function<Value(const Value&)>& layer, const Tensor& x) {
  Graph graph;
  const Value in = input(graph, "x", f32, Shape::of(x.sizes()));
  Session session(graph);
  return session.compile({.inputs = {in}, .outputs = {layer(in)}, .updates = {}})({x})[0].clone();
}

struct NormLayer {
  std::string_view name;
  Value (*layer)(const Value& x, std::int64_t features);  // over all numbers of x
};

TEST(LayerAccuracy, OfNormsWithinSamplesHoldsForOffsetsAndLongRows) {
  const std::vector<NormLayer> norms{
      {"layer_norm",
       [](const Value& x, std::int64_t n) {
         return nn::layer_norm(x.graph(), "norm", n)(reshape(x, Shape{1, n}));
       }},
      {"group_norm",
       [](const Value& x, std::int64_t n) {
         return nn::group_norm(x.graph(), "norm", 1, 2)(reshape(x, Shape{1, 2, n / 2}));
       }},
      {"instance_norm",
       [](const Value& x, std::int64_t n) {
         return nn::instance_norm(x.graph(), "norm", 1)(reshape(x, Shape{1, 1, n}));
       }},
  };
  for (const NormLayer& norm : norms) {
    for (const std::int64_t rows : {3, 100, 50'000}) {
      for (const Batch& batch : batches_of_any_size(rows)) {
        const Tensor y = applied([&](const Value& x) { return norm.layer(x, 2 * rows); }, batch.x);
        const auto count = static_cast<Wide>(2 * rows);
        Wide mean = 0;
        for (const float value : batch.x.values<float>()) mean += static_cast<Wide>(value) / count;
        Wide variance = 0;
        for (const float value : batch.x.values<float>())
          variance += (static_cast<Wide>(value) - mean) * (static_cast<Wide>(value) - mean) / count;
        const Wide deviation = std::sqrt(variance + 1e-5L);
        for (std::int64_t i = 0; i < std::min<std::int64_t>(rows, 200); ++i) {
          const Wide normal = (batch.at(i, 1) - mean) / deviation;
          const auto made = static_cast<Wide>(y.values<float>()[static_cast<std::size_t>(2 * i + 1)]);
          EXPECT_LE(std::abs(made - normal), norm_bound(normal, mean, deviation))
              << norm.name << " of " << rows << " rows, mean " << static_cast<double>(mean);
        }
      }
    }
  }
}

TEST(LayerAccuracy, OfRmsNormIsRelative) {
  for (const std::int64_t rows : {3, 100, 50'000}) {
    for (const Batch& batch : batches_of_any_size(rows)) {
      const Tensor y = applied(
          [&](const Value& x) {
            return nn::rms_norm(x.graph(), "norm", 2 * rows)(reshape(x, Shape{1, 2 * rows}));
          },
          batch.x);
      Wide squares = 0;
      for (const float value : batch.x.values<float>())
        squares += static_cast<Wide>(value) * static_cast<Wide>(value) / static_cast<Wide>(2 * rows);
      for (std::int64_t i = 0; i < std::min<std::int64_t>(rows, 200); ++i) {
        const Wide expected = batch.at(i, 1) / std::sqrt(squares + 1e-6L);
        EXPECT_TRUE(near(y.values<float>()[static_cast<std::size_t>(2 * i + 1)], expected, 5e-7))
            << rows << " rows";
      }
    }
  }
}

TEST(LayerAccuracy, OfAttentionIsWithinThatOfItsProducts) {
  constexpr std::int64_t kLength = 9;
  constexpr std::int64_t kFeatures = 12;
  TensorSource source("attention");
  for (const double size : {0.1, 1.0, 20.0}) {
    const Tensor q = source.uniform({kLength, kFeatures}, -size, size, f32);
    const Tensor k = source.uniform({kLength, kFeatures}, -size, size, f32);
    const Tensor v = source.uniform({kLength, kFeatures}, -1.0, 1.0, f32);
    const Tensor y = applied(
        [&](const Value& x) {
          Graph& graph = x.graph();
          return nn::scaled_dot_product_attention(x, constant(graph, k), constant(graph, v));
        },
        q);
    const auto at = [](const Tensor& x, std::int64_t row, std::int64_t column) {
      return static_cast<Wide>(x.values<float>()[static_cast<std::size_t>(row * kFeatures + column)]);
    };
    for (std::int64_t i = 0; i < kLength; ++i) {
      std::array<Wide, kLength> scores{};
      Wide largest_terms = 0;
      for (std::int64_t j = 0; j < kLength; ++j) {
        Wide terms = 0;
        for (std::int64_t f = 0; f < kFeatures; ++f) {
          const Wide term = at(q, i, f) * at(k, j, f) / std::sqrt(static_cast<Wide>(kFeatures));
          scores[static_cast<std::size_t>(j)] += term;
          terms += std::abs(term);
        }
        largest_terms = std::max(largest_terms, terms);
      }
      Wide total = 0;
      for (const Wide score : scores) total += std::exp(score);
      for (std::int64_t f = 0; f < kFeatures; ++f) {
        Wide expected = 0;
        for (std::int64_t j = 0; j < kLength; ++j)
          expected += std::exp(scores[static_cast<std::size_t>(j)]) / total * at(v, j, f);
        const auto made = static_cast<Wide>(y.values<float>()[static_cast<std::size_t>(i * kFeatures + f)]);
        EXPECT_LE(std::abs(made - expected), 1e-6L * (1 + largest_terms)) << "size " << size;
      }
    }
  }
}

TEST(LayerAccuracy, OfBilinearIsThatOfItsTerms) {
  TensorSource source("bilinear accuracy");
  const Tensor a = source.uniform({4, 30}, -1.0, 1.0, f32);
  const Tensor b = source.uniform({4, 40}, 1e3, 1e3 + 1.0, f32);
  const Tensor w = source.uniform({2, 30, 40}, -1.0, 1.0, f32);
  const Tensor y = applied(
      [&](const Value& x) {
        Graph& graph = x.graph();
        return nn::Bilinear{.weight = constant(graph, w), .bias = {}}(x, constant(graph, b));
      },
      a);
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t unit = 0; unit < 2; ++unit) {
      Wide expected = 0;
      Wide absolute = 0;
      for (std::size_t i = 0; i < 30; ++i) {
        for (std::size_t j = 0; j < 40; ++j) {
          const Wide term = static_cast<Wide>(a.values<float>()[row * 30 + i]) *
                            static_cast<Wide>(b.values<float>()[row * 40 + j]) *
                            static_cast<Wide>(w.values<float>()[unit * 1200 + i * 40 + j]);
          expected += term;
          absolute += std::abs(term);
        }
      }
      const auto made = static_cast<Wide>(y.values<float>()[row * 2 + unit]);
      EXPECT_LE(std::abs(made - expected), (30 + 40 + 4) * 0x1p-24L * absolute);
    }
  }
}

}  // namespace
}  // namespace weft::layer_accuracy_tests
