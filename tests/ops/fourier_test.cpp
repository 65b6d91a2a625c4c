#include "weft/ops/fourier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::evaluate_value;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::replay;
using testing_support::Sizes;
using testing_support::TensorSource;
using Numbers = std::vector<double>;
using Wide = std::complex<long double>;

/// The sum itself, in the widest type.
std::vector<Wide> plain_transform(std::span<const double> pairs) {
  const auto n = static_cast<std::int64_t>(pairs.size() / 2);
  std::vector<Wide> turns;
  for (std::int64_t j = 0; j < n; ++j) {
    const long double angle =
        2 * std::numbers::pi_v<long double> * static_cast<long double>(j) / static_cast<long double>(n);
    turns.emplace_back(std::cos(angle), -std::sin(angle));
  }
  std::vector<Wide> sums(static_cast<std::size_t>(n));
  for (std::int64_t k = 0; k < n; ++k) {
    for (std::int64_t j = 0; j < n; ++j) {
      const auto at = static_cast<std::size_t>(j);
      sums[static_cast<std::size_t>(k)] +=
          Wide(pairs[2 * at], pairs[2 * at + 1]) * turns[static_cast<std::size_t>(j * k % n)];
    }
  }
  return sums;
}

/// The largest error in units of the bound that the docstring states.
double error_in_bounds(const Tensor& x, const Tensor& y) {
  const std::vector<double> pairs = numbers(x);
  const std::vector<double> got = numbers(y);
  const std::vector<Wide> sums = plain_transform(pairs);
  long double total = 0;
  for (std::size_t j = 0; j < sums.size(); ++j) total += std::hypot(pairs[2 * j], pairs[2 * j + 1]);
  const long double of_sums = 0x1p-50L * std::log2(2.0L * static_cast<long double>(sums.size())) * total;
  double worst = 0.0;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const Wide z(got[2 * k], got[2 * k + 1]);
    const long double bound = of_sums + (x.dtype() == f32 ? 0x1p-24L * std::abs(sums[k]) : 0.0L);
    worst = std::max(worst, static_cast<double>(std::abs(z - sums[k]) / bound));
  }
  return worst;
}

TEST(Fft, IsTheSumToWithinItsBoundAtAnyLength) {
  TensorSource source("fft");
  std::vector<std::int64_t> lengths{97, 100, 101, 128, 210, 256, 337, 360, 961, 1009, 1024, 1155};
  for (std::int64_t n = 1; n <= 70; ++n) lengths.push_back(n);
  for (const std::int64_t n : lengths) {
    for (const DType dtype : {f32, f64}) {
      for (const double offset : {0.0, 1e6}) {
        SCOPED_TRACE(testing::Message() << n << " " << name_of(dtype) << " " << offset << "; " << replay());
        const Tensor x = source.uniform({1, n, 2}, offset - 1.0, offset + 1.0, dtype);
        Graph graph;
        EXPECT_LT(error_in_bounds(x, evaluate_value(fft(constant(graph, x)))), 1.0);
      }
    }
  }
}

TEST(Fft, HasAnInverse) {
  TensorSource source("ifft");
  for (const std::int64_t n : {1, 2, 5, 12, 64, 74, 101}) {
    Graph graph;
    const Value x = constant(graph, source.uniform({3, n, 2}));
    EXPECT_LT(evaluate_value(max(abs(ifft(fft(x)) - x))).item<double>(), 1e-14) << n << "; " << replay();
    const Value real = constant(graph, source.uniform({3, n}));
    EXPECT_LT(evaluate_value(max(abs(irfft(rfft(real), n) - real))).item<double>(), 1e-14) << n;
  }
}

TEST(Fft, TransformsAnyAxis) {
  TensorSource source("fft axes");
  Graph graph;
  const Value x = constant(graph, source.uniform({4, 5, 6, 2}));
  const Value first = transpose(fft(transpose(x, {1, 2, 0, 3})), {2, 0, 1, 3});
  EXPECT_EQ(numbers(evaluate_value(fft(x, 0))), numbers(evaluate_value(first)));
  EXPECT_EQ(numbers(evaluate_value(fft(x, 2))), numbers(evaluate_value(fft(x))));
  EXPECT_EQ(numbers(evaluate_value(fftn(x))), numbers(evaluate_value(fft(fft(fft(x, 0), 1), 2))));
  const Value back = ifftn(fftn(x, {0, 2}), {2, 0});
  EXPECT_LT(evaluate_value(max(abs(back - x))).item<double>(), 1e-14);
  const Value real = constant(graph, source.uniform({4, 5, 7}));
  const Value again = irfftn(rfftn(real, {1, 2}), 7, {1, 2});
  EXPECT_EQ(rfftn(real, {1, 2}).shape(), (Shape{4, 5, 4, 2}));
  EXPECT_LT(evaluate_value(max(abs(again - real))).item<double>(), 1e-14);
  EXPECT_EQ(rfft(real, 1).shape(), (Shape{4, 3, 7, 2}));
}

TEST(Rfft, IsTheFirstHalfOfTheWholeTransform) {
  TensorSource source("rfft");
  for (const std::int64_t n : {1, 2, 3, 4, 7, 10, 37, 48, 74}) {
    Graph graph;
    const Value x = constant(graph, source.uniform({2, n}));
    const Value whole = fft(complex(x, x * 0.0));
    const Value half = slice(whole, 1, 0, n / 2 + 1);
    EXPECT_LT(evaluate_value(max(abs(rfft(x) - half))).item<double>(), 1e-13) << n << "; " << replay();
    const Value sums = slice(imaginary_part(rfft(x)), 1, 0, 1);
    EXPECT_EQ(numbers(evaluate_value(sums)), (Numbers{0, 0})) << "sums of real numbers";
  }
}

TEST(Irfft, IgnoresImaginaryPartsThatNoRealNumbersHave) {
  Graph graph;
  const Value x = constant(graph, Tensor::of<double>({1, 5, 2, 3, 4, 6}, {3, 2}));
  const Value same = constant(graph, Tensor::of<double>({1, 0, 2, 3, 4, 0}, {3, 2}));
  EXPECT_EQ(numbers(evaluate_value(irfft(x))), numbers(evaluate_value(irfft(same))));
  const Value odd = irfft(x, 5);
  EXPECT_EQ(odd.shape(), (Shape{5}));
  EXPECT_NEAR(evaluate_value(sum(odd)).item<double>(), 1.0, 1e-15);
}

TEST(Irfft, WantsTheLengthThatItsInputIsTheTransformOf) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"b", 4, 2});
  EXPECT_EQ(to_string(irfft(x).shape()), "[b, 6]");
  EXPECT_EQ(to_string(irfft(x, 7).shape()), "[b, 7]");
  expect_error(ErrorCode::shape_mismatch, {"irfft", "fourier_test.cpp", "[b, 5, 2]", "[b, 4, 2]"},
               [&] { irfft(x, 8); });
  expect_error(ErrorCode::shape_mismatch, {"irfft", "one number does not say"},
               [&] { irfft(input(graph, "one", f64, {1, 2})); });
}

TEST(Fft, TakesRowsOfAnyLength) {
  Graph graph;
  const Value x = input(graph, "x", f64, {"b", "n"});
  const Value y = rfft(x);
  EXPECT_EQ(to_string(y.shape()), "[b, n//2 + 1, 2]");
  const Value back = irfft(y, "n");
  const Tensor data = Tensor::of<double>({1, 2, 4, 8, 16, 32}, {2, 3});
  const Numbers same = numbers(evaluate_value(back, {{"x", data}}, {{"b", 2}, {"n", 3}}));
  for (std::size_t i = 0; i < same.size(); ++i) EXPECT_NEAR(same[i], numbers(data)[i], 1e-13);
}

TEST(Fft, RefusesWhatIsNotMadeOfPairs) {
  Graph graph;
  const Value x = input(graph, "x", f64, {4, 3});
  expect_error(ErrorCode::shape_mismatch, {"fft", "fourier_test.cpp", "pairs", "[4, 3]"}, [&] { fft(x); });
  expect_error(ErrorCode::shape_mismatch, {"real_part", "pairs"}, [&] { real_part(x); });
  expect_error(ErrorCode::dtype_mismatch, {"rfft", "i32"}, [&] { rfft(input(graph, "i", i32, {4})); });
  expect_error(ErrorCode::invalid_argument, {"fft"}, [&] { fft(input(graph, "p", f64, {4, 2}), 1); });
}

TEST(Complex, MultipliesAndMeasures) {
  Graph graph;
  const Value a = constant(graph, Tensor::of<double>({1, 2, 3, 4}, {2, 2}));
  const Value b = constant(graph, Tensor::of<double>({5, -6}, {2}));
  EXPECT_EQ(numbers(evaluate_value(complex_mul(a, b))), (Numbers{17, 4, 39, 2}));
  EXPECT_EQ(numbers(evaluate_value(complex_abs(constant(graph, Tensor::of<double>({3, -4}, {1, 2}))))),
            (Numbers{5}));
  EXPECT_EQ(numbers(evaluate_value(imaginary_part(a))), (Numbers{2, 4}));
}

TEST(Window, RisesFromOneEndToTheMiddle) {
  Graph graph;
  const auto expect = [](const Value& window, const Numbers& expected) {
    const Numbers actual = numbers(evaluate_value(window));
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-15);
  };
  expect(hann_window(graph, 4, true, f64), {0, 0.5, 1, 0.5});
  expect(hann_window(graph, 5, false, f64), {0, 0.5, 1, 0.5, 0});
  expect(hamming_window(graph, 5, false, f64), {0.08, 0.54, 1, 0.54, 0.08});
  expect(hann_window(graph, 1, false, f64), {1});
  EXPECT_EQ(hann_window(graph, 4).dtype(), f32);
  expect_error(ErrorCode::invalid_argument, {"hann_window", "fourier_test.cpp"},
               [&] { hann_window(graph, 0); });
  expect_error(ErrorCode::dtype_mismatch, {"i32"}, [&] { hamming_window(graph, 3, true, i32); });
}

TEST(Stft, TransformsWindowedPieces) {
  TensorSource source("stft");
  Graph graph;
  const Value x = constant(graph, source.uniform({2, 3, 20}));
  const Value window = hann_window(graph, 8, true, f64);
  const Value y = stft(x, window, 3);
  EXPECT_EQ(y.shape(), (Shape{2, 3, 5, 5, 2}));
  for (std::int64_t piece = 0; piece < 5; ++piece) {
    const Value one = rfft(slice(x, -1, 3 * piece, 3 * piece + 8) * window);
    EXPECT_EQ(numbers(evaluate_value(slice(y, 2, piece, piece + 1))), numbers(evaluate_value(one)));
  }
  EXPECT_EQ(stft(x, window, 4, true).shape(), (Shape{2, 3, 6, 5, 2}));
  EXPECT_EQ(frames(slice(x, 0, 0, 1), 20, 1).shape(), (Shape{1, 3, 1, 20}));
  expect_error(ErrorCode::shape_mismatch, {"stft", "fourier_test.cpp", "at least 21", "20"},
               [&] { stft(x, hann_window(graph, 21, true, f64), 1); });
  expect_error(ErrorCode::invalid_argument, {"frames", "stride"}, [&] { frames(x, 3, 0); });
}

}  // namespace
}  // namespace weft
