// What the headers promise of sums and products in f32: kernels and references beside the definition in long
// double, over data on which adding one f32 to another fails.

#include <gtest/gtest.h>

#include <cmath>

#include "weft/ops/conv.h"
#include "weft/ops/gather.h"
#include "weft/ops/matmul.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"
#include "weft/ops/sparse.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/evaluate_values.h"
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

/// One convolution: its three operands, as many numbers as they have, and which of them is the sum.
struct Triple {
  Conv2dOptions options;
  Sizes x, w;

  Sizes y() const { return Conv2d{options}.infer({f32, Shape::of(x)}, {f32, Shape::of(w)}).shape.sizes(); }
};

/// What the header allows a sum of n terms in f32: those of the longest element.
double single_units(const std::vector<Exact>& exact) {
  std::int64_t most = 0;
  for (const Exact& element : exact) most = std::max(most, element.terms);
  return static_cast<double>(most) + 2.0;
}

/// Of y, of dx and of dw.
void expect_accurate_convolution(const Triple& in, const Data& data, const Data& other) {
  const Sizes y_sizes = in.y();
  const Tensor x = filled(data, in.x);
  const Tensor w = filled(other, in.w);
  const Tensor dy = filled(other, y_sizes);
  std::vector<Exact> y(static_cast<std::size_t>(dy.elements()));
  std::vector<Exact> dx(static_cast<std::size_t>(x.elements()));
  std::vector<Exact> dw(static_cast<std::size_t>(w.elements()));
  for_each_conv_triple(conv_sizes(in.options, in.x, in.w, y_sizes),
                       [&](std::size_t i, std::size_t j, std::size_t k) {
                         const auto a = static_cast<long double>(x.values<float>()[i]);
                         const auto b = static_cast<long double>(w.values<float>()[j]);
                         const auto c = static_cast<long double>(dy.values<float>()[k]);
                         y[k].add(a * b);
                         dx[i].add(b * c);
                         dw[j].add(a * c);
                       });
  const std::string what = fmt::format("{} of {} terms", data.name, dw[0].terms);
  expect_accurate(Conv2d{in.options}, {x, w}, y, single_units(y), 0.0, what);
  expect_accurate(Conv2dInputGradient{in.options, Shape::of(in.x)}, {dy, w}, dx, single_units(dx), 0.0, what);
  const std::int64_t picture = y_sizes[2] * y_sizes[3];
  const double most = static_cast<double>(std::max<std::int64_t>(8192, picture)) + 4.0;
  expect_accurate(Conv2dWeightGradient{in.options, Shape::of(in.w)}, {x, dy}, dw,
                  std::min(single_units(dw), most), 0.0, what);
}

TEST(Accuracy, OfConvolutionsIsWhatTheHeaderPromises) {
  const std::vector<Triple> cases = {
      {{}, {30, 1, 27, 27}, {3, 1, 4, 4}},
      {{.padding = 1}, {4, 17, 12, 12}, {16, 17, 3, 3}},
      {{.stride = 2, .padding = 2, .groups = 2}, {30, 4, 35, 35}, {2, 2, 5, 5}},
      {{}, {1, 1, 150, 150}, {2, 1, 2, 2}},
      {{}, {30, 2, 20, 20}, {3, 2, 1, 1}}};
  for (const Data& data : kinds()) {
    for (const Triple& in : cases) expect_accurate_convolution(in, data, kinds()[0]);
  }
}

TEST(Accuracy, OfAMillionTermsOfAWeightsGradientIsThatOfAFewThousand) {
  expect_accurate_convolution({{}, {100, 1, 101, 101}, {1, 1, 2, 2}}, kinds()[0], kinds()[0]);
}

/// Of the means and of their gradient.
void expect_accurate_pooling(const Pool2dOptions& options, bool padding_counts, const Sizes& sizes,
                             const Data& data) {
  const AvgPool2d op{options, padding_counts};
  const Tensor x = filled(data, sizes);
  const Shape shape = op.infer(x.type()).shape;
  const Pool2dSizes pool = pool2d_sizes(options, sizes, shape.sizes());
  const auto divisors = avg_pool2d_divisors(options, padding_counts, pool);
  std::vector<Exact> y(static_cast<std::size_t>(shape.elements()));
  std::vector<Exact> dx(static_cast<std::size_t>(x.elements()));
  const Tensor dy = filled(data, shape.sizes());
  for_each_pooled(options, pool, [&](std::size_t to, std::size_t from, std::int64_t) {
    const auto divisor = static_cast<long double>(divisors[to % divisors.size()]);
    y[to].add(static_cast<long double>(x.values<float>()[from]) / divisor);
    dx[from].add(static_cast<long double>(dy.values<float>()[to]) / divisor);
  });
  const bool few = options.window.height * options.window.width <= 256;
  expect_accurate(op, {x}, y, few ? single_units(y) : 0.0, few ? 0.0 : 1.0, data.name);
  AvgPool2dGradient gradient;
  static_cast<Pool2dOptions&>(gradient) = options;
  gradient.count_include_pad = padding_counts;
  gradient.shape = Shape::of(sizes);
  expect_accurate(gradient, {dy}, dx, single_units(dx), 0.0, data.name);
}

TEST(Accuracy, OfMeansOfWindowsIsWhatTheHeaderPromises) {
  const std::vector<std::pair<Pool2dOptions, Sizes>> cases = {
      {{.window = 2}, {3, 2, 8, 8}},
      {{.window = {3, 5}, .stride = {2, 1}, .padding = {1, 1, 2, 2}}, {2, 2, 9, 9}},
      {{.window = 16}, {1, 2, 32, 32}},
      {{.window = 17, .stride = 1}, {1, 1, 30, 30}}};
  for (const Data& data : kinds()) {
    for (const auto& [options, sizes] : cases) {
      for (const bool padding_counts : {true, false}) {
        expect_accurate_pooling(options, padding_counts, sizes, data);
      }
    }
  }
}

TEST(Accuracy, OfAMillionElementsOfAWindowIsOneRounding) {
  expect_accurate_pooling({.window = 1000}, true, {1, 1, 1000, 1000}, kinds()[0]);
}

/// X d and X^T d for a matrix of `rows` rows with all of `full` columns filled and one number in another.
void expect_accurate_sparse(const Data& data, std::int64_t rows, std::int64_t full, std::int64_t width,
                            DType dtype) {
  Tensor dense = Tensor::zeros(dtype, {rows, width});
  visit_dtype(dtype, [&]<typename T>(T) {
    const auto values = dense.mutable_values<T>();
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < full; ++j)
        values[static_cast<std::size_t>(i * width + j)] =
            dtype == u8 ? static_cast<T>(1 + (i + j) % 200) : static_cast<T>(data.at(i + j));
      values[static_cast<std::size_t>(i * width + full + i % (width - full))] = T{1};
    }
  });
  const auto matrix = SparseTensor::from_dense(dense);
  for (const bool transposed : {false, true}) {
    for (const std::int64_t n : {1, 3, 20}) {
      const Tensor d = filled(data, {transposed ? rows : width, n});
      std::vector<Exact> exact(static_cast<std::size_t>((transposed ? width : rows) * n));
      const auto numbers = testing_support::numbers(dense);
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < width; ++j) {
          const double x = numbers[static_cast<std::size_t>(i * width + j)];
          if (x == 0.0) continue;
          const std::int64_t from = transposed ? i : j;
          const std::int64_t to = transposed ? j : i;
          for (std::int64_t k = 0; k < n; ++k)
            exact[static_cast<std::size_t>(to * n + k)].add(
                static_cast<long double>(x) *
                static_cast<long double>(d.values<float>()[static_cast<std::size_t>(from * n + k)]));
        }
      }
      Graph graph;
      const Value fed = input(graph, "d", f32, Shape::of(d.sizes()));
      const Value y = matmul(sparse_constant(graph, matrix), fed, transposed);
      Session session(graph);
      const auto run = session.compile({.inputs = {fed}, .outputs = {y}, .updates = {}})({d});
      const std::string what = fmt::format("{} {}x{}, {} full, n {}{}", data.name, rows, width, full, n,
                                           transposed ? ", transposed" : "");
      const double most = transposed ? 1e9 : 2050.0;
      expect_within(run[0], exact, std::min(single_units(exact), most), 0.0, what);
      expect_within(testing_support::evaluate_value(y, {{"d", d}}), exact, 0.0, 1.0,
                    what + ", the reference");
    }
  }
}

TEST(Accuracy, OfSparseProductsIsWhatTheHeaderPromises) {
  for (const Data& data : kinds()) {
    for (const DType dtype : {f32, u8}) {
      expect_accurate_sparse(data, 10'000, 2, 10, dtype);
      expect_accurate_sparse(data, 2, 20'000, 20'010, dtype);
      expect_accurate_sparse(data, 300, 30, 100, dtype);
    }
  }
}

}  // namespace
}  // namespace weft
