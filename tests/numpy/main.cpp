// Writes what ops give for numbers at the edges of their domains, by the reference kernels and by a session,
// for compare.py to ask NumPy and SciPy the same.

#include <fmt/format.h>

#include <array>
#include <functional>
#include <iostream>
#include <limits>

#include "weft/ops/builtin.h"
#include "weft/ops/calculus.h"
#include "weft/ops/masks.h"
#include "weft/ops/statistics.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/graph_numbers.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::numpy_test {
namespace {

using testing_support::evaluate_value;
using testing_support::TensorSource;
using testing_support::vector_of;
using Numbers = std::vector<double>;
using Build = std::function<Value(std::span<const Value>)>;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string text_of(const Tensor& tensor) {
  std::string sizes;
  for (const std::int64_t size : tensor.sizes()) sizes += (sizes.empty() ? "" : "x") + std::to_string(size);
  std::string text = fmt::format("{} {}", name_of(tensor.dtype()), sizes);
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    for (const T x : tensor.values<T>()) {
      if constexpr (!std::is_integral_v<T>) {
        text += fmt::format(" {:.17g}", static_cast<double>(x));
      } else if constexpr (std::is_same_v<T, bool>) {
        text += x ? " 1" : " 0";
      } else {
        text += fmt::format(" {}", x);
      }
    }
  });
  return text;
}

void write(std::string_view expression, const Build& build, const std::vector<Tensor>& operands) {
  Graph graph;
  std::vector<Value> inputs;
  testing_support::Feeds feeds;
  for (const Tensor& operand : operands) {
    const std::string label = fmt::format("x{}", inputs.size());
    inputs.push_back(input(graph, label, operand.dtype(), Shape::of(operand.sizes())));
    feeds.emplace(label, operand);
  }
  const Value output = build(inputs);
  Session session(graph);
  Function function = session.compile({.inputs = inputs, .outputs = {output}, .updates = {}});
  const auto run = function(std::span<const Tensor>(operands));
  const std::array<std::pair<const char*, Tensor>, 2> ways{
      {{"the reference", evaluate_value(output, feeds)}, {"a session", run[0]}}};
  for (const auto& [way, result] : ways) {
    std::cout << way << '\t' << expression << '\t' << text_of(result);
    for (const Tensor& operand : operands) std::cout << '\t' << text_of(operand);
    std::cout << '\n';
  }
}

using OfOne = Value (*)(const Operand&);
using OfTwo = Value (*)(const Operand&, const Operand&);

void write_unary() {
  const Numbers edges{0.0,   -0.0, 0.5,  -0.5, 1.0,  -1.0, 1.5,  -1.5,   2.5,    -2.5,  3.7,  -3.7,  1e-8,
                      -1e-8, 10.0, 30.0, 88.0, -90., 1e10, -1e5, 12345., 0.9999, 1e-40, kInf, -kInf, kNaN};
  const std::vector<std::pair<const char*, OfOne>> rows{
      {"np.sin(a)", sin},
      {"np.cos(a)", cos},
      {"np.tan(a)", tan},
      {"np.arcsin(a)", asin},
      {"np.arccos(a)", acos},
      {"np.arctan(a)", atan},
      {"np.sinh(a)", sinh},
      {"np.cosh(a)", cosh},
      {"np.arcsinh(a)", asinh},
      {"np.arccosh(a)", acosh},
      {"np.arctanh(a)", atanh},
      {"np.exp2(a)", exp2},
      {"np.log2(a)", log2},
      {"np.log10(a)", log10},
      {"np.cbrt(a)", cbrt},
      {"np.reciprocal(a)", reciprocal},
      {"np.floor(a)", floor},
      {"np.ceil(a)", ceil},
      {"np.rint(a)", round},
      {"np.trunc(a)", trunc},
      {"np.copysign(np.sign(a), a)", sign},
      {"np.isnan(a)", isnan},
      {"np.isinf(a)", isinf},
      {"np.isfinite(a)", isfinite},
      {"special.erfc(a)", erfc},
      {"special.erfcx(a)", erfcx},
      {"special.log_ndtr(a)", log_ndtr},
      {"np.signbit(a)", signbit},
      {"np.copysign(special.erfinv(a), a)", erfinv},
      {"np.where(a == -np.inf, np.inf, special.gammaln(a))", lgamma},
  };
  for (const auto& [expression, f] : rows) {
    for (const DType dtype : {f32, f64})
      write(expression, [call = f](std::span<const Value> x) { return call(x[0]); },
            {vector_of(edges, dtype)});
  }
  const Numbers positive{0.1, 0.5, 1.0, 1.4616321449683623, 2.0, 10.0, 1e5, -0.5, -3.3};
  for (const auto& [expression, order] :
       std::vector<std::pair<const char*, std::int64_t>>{{"special.digamma(a)", 0},
                                                         {"special.polygamma(1, np.abs(a))", 1},
                                                         {"special.polygamma(3, np.abs(a))", 3}}) {
    write(expression,
          [n = order](std::span<const Value> x) { return n == 0 ? digamma(x[0]) : polygamma(n, abs(x[0])); },
          {vector_of(positive)});
  }
  write("np.nan_to_num(a)", [](std::span<const Value> x) { return nan_to_num(x[0]); }, {vector_of(edges)});
}

/// Every number beside every other.
std::vector<Tensor> all_pairs(const Numbers& numbers, DType dtype) {
  Numbers a;
  Numbers b;
  for (const double x : numbers) {
    for (const double y : numbers) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  return {vector_of(a, dtype), vector_of(b, dtype)};
}

void write_binary() {
  const std::vector<std::pair<const char*, OfTwo>> of_floats{
      {"np.arctan2(a, b)", atan2},
      {"np.hypot(a, b)", hypot},
      {"np.logaddexp(a, b)", logaddexp},
      {"special.xlogy(a, b)", xlogy},
      {"special.xlog1py(a, b)", xlog1py},
      {"np.copysign(a, b)", copysign},
      {"np.heaviside(a, b)", heaviside},
      {"np.nextafter(a, b)", nextafter},
      // Which of two zeros they give is not said.
      {"np.fmax(a, b) + 0", [](const Operand& a, const Operand& b) { return fmax(a, b) + 0.0; }},
      {"np.fmin(a, b) + 0", [](const Operand& a, const Operand& b) { return fmin(a, b) + 0.0; }},
      {"np.mod(a, b)", mod},
      {"np.fmod(a, b)", fmod},
      {"np.floor_divide(a, b)", floor_divide},
  };
  for (const auto& [expression, f] : of_floats) {
    for (const DType dtype : {f32, f64}) {
      write(
          expression, [call = f](std::span<const Value> x) { return call(x[0], x[1]); },
          all_pairs({0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 7.0, 0.3, 1e10, -1e10, kInf, -kInf, kNaN}, dtype));
    }
  }
  const std::vector<std::pair<const char*, OfTwo>> of_integers{
      {"np.mod(a, b)", mod},
      {"np.fmod(a, b)", fmod},
      {"np.floor_divide(a, b)", floor_divide},
      {"a + b", add},
      {"a - b", sub},
      {"a * b", mul},
      {"np.minimum(a, b)", minimum},
      {"np.maximum(a, b)", maximum},
      {"a < b", less},
      {"np.gcd(a, b)", gcd},
      {"np.lcm(a, b)", lcm},
      {"np.bitwise_and(a, b)", bitwise_and},
      {"np.bitwise_or(a, b)", bitwise_or},
      {"np.bitwise_xor(a, b)", bitwise_xor},
      {"np.left_shift(a, b)", shift_left},
      {"np.right_shift(a, b)", shift_right},
  };
  for (const auto& [expression, f] : of_integers) {
    for (const DType dtype : kDTypes) {
      if (!is_integer(dtype)) continue;
      // The limits of the dtype, or of 53 bits, which are what doubles hold.
      const double bits = std::min(8.0 * static_cast<double>(size_of(dtype)), 53.0);
      const Numbers numbers =
          is_signed(dtype)
              ? Numbers{0, 1, -1, 7, -7, 3, -3, 40, -std::exp2(bits - 1), std::exp2(bits - 1) - 1}
              : Numbers{0, 1, 7, 3, 40, std::exp2(bits) - 1};
      write(
          expression, [call = f](std::span<const Value> x) { return call(x[0], x[1]); },
          all_pairs(numbers, dtype));
    }
  }
  const std::vector<std::pair<const char*, OfTwo>> of_bools{{"np.logical_and(a, b)", logical_and},
                                                            {"np.logical_or(a, b)", logical_or},
                                                            {"np.logical_xor(a, b)", logical_xor}};
  for (const auto& [expression, f] : of_bools)
    write(
        expression, [call = f](std::span<const Value> x) { return call(x[0], x[1]); },
        all_pairs({0, 1}, boolean));
}

/// Casts between all dtypes, of numbers that wrap around as integers and round as floats. What NumPy makes of
/// a float that an integer does not hold depends on the machine; none is here.
void write_casts() {
  const Numbers whole{0,    1,     2,     100,   127,   128,   255,          256,          2049,
                      2051, 32767, 32768, 65519, 65535, 65536, 2147483648.0, 4294967295.0, 1099511627776.0};
  const Numbers fractions{0.1,        -0.1,    1.0 / 3.0, 1e-5,  6e-8,  3e-8,   2.98e-8,
                          -1e-7,      65519.9, 65520.0,   -1e6,  1e-40, 3.4e38, 1.00390625,
                          1.01171875, -0.0,    kInf,      -kInf, kNaN};
  for (const DType from : kDTypes) {
    Numbers held;
    for (const double number : whole) {
      if (from == i64 || from == u64 || is_float(from) ||
          number < std::exp2(8.0 * static_cast<double>(size_of(from)) - 1))
        held.push_back(from == boolean ? std::min(number, 1.0) : number);
    }
    for (const DType to : kDTypes) {
      const auto call = [to](std::span<const Value> x) { return cast(x[0], to); };
      const std::string expression = fmt::format("cast(a, '{}')", name_of(to));
      const bool wraps = is_real(from) && is_integer(to);
      write(expression, call, {vector_of(wraps ? Numbers{0, 1, 2, 100, 1.5, 99.75} : held, from)});
      if (is_float(from) && !is_integer(to)) write(expression, call, {vector_of(fractions, from)});
    }
  }
}

/// Functions that are made of several ops.
void write_formulas() {
  using Inputs = std::span<const Value>;
  TensorSource source("formulas");
  const Tensor x = source.uniform({5, 7}, -1.0, 1.0);
  const std::vector<std::pair<const char*, OfOne>> of_one{
      {"np.ptp(a, 1)", [](const Operand& v) { return peak_to_peak(v, {1}); }},
      {"np.median(a, 0)", [](const Operand& v) { return median(v, 0); }},
      {"np.quantile(a, 0.3, 1)", [](const Operand& v) { return quantile(v, 0.3); }},
      {"np.cov(a)", [](const Operand& v) { return covariance(v); }},
      {"np.corrcoef(a)", correlation},
      {"np.histogram(a, 4, (-0.5, 1.0))[0]", [](const Operand& v) { return histogram(v, 4, -0.5, 1.0); }},
      {"np.diff(a, 2, 0)", [](const Operand& v) { return diff(v, 2, 0); }},
      {"np.trapz(a, dx=0.5, axis=0)", [](const Operand& v) { return trapezoid(v, 0.5, 0); }},
      {"np.trapz(a, a[:, :1] * 2, axis=0)",
       [](const Operand& v) { return trapezoid(v, slice(v, 1, 0, 1) * 2.0, 0); }},
      {"np.polyval([2, -1, 0.5], a)", [](const Operand& v) { return polyval({2, -1, 0.5}, v); }},
      {"np.rot90(a, 3)", [](const Operand& v) { return rot90(v, 3); }},
      {"np.swapaxes(a, 0, 1)", [](const Operand& v) { return swap_axes(v, 0, 1); }},
  };
  for (const auto& [expression, f] : of_one)
    write(expression, [call = f](Inputs in) { return call(in[0]); }, {x});
  const Tensor y = source.uniform({4, 3}, -1.0, 1.0);
  const Tensor z = source.uniform({2, 3}, -1.0, 1.0);
  write("np.kron(a, b)", [](Inputs in) { return kron(in[0], in[1]); }, {y, z});
  write("np.cross(a[:2], b)", [](Inputs in) { return cross(slice(in[0], 0, 0, 2), in[1]); }, {y, z});
  write("np.linalg.norm(a[:, None] - b, 3, axis=-1)", [](Inputs in) { return distances(in[0], in[1], 3.0); },
        {y, z});
  write("np.isclose(a, np.round(a))", [](Inputs in) { return isclose(in[0], round(in[0])); }, {y});
  const Tensor places = vector_of({-2.0, -0.5, 0.25, 3.0});
  const Tensor heights = vector_of({1.0, 4.0, -1.0, 0.0});
  write("np.interp(a, b, c)", [](Inputs in) { return interpolate(in[0], in[1], in[2]); },
        {vector_of({-3.0, -2.0, -1.0, 0.0, 0.25, 1.0, 3.0, 9.0}), places, heights});
}

void write_arrays() {
  TensorSource source("numpy");
  const std::vector<Tensor> tensors{source.uniform({3, 4, 5}), source.uniform({2, 1, 3}),
                                    Tensor::zeros(f64, {2, 3, 0}),
                                    vector_of({3, kNaN, 1, 1, -kInf, 2}).reshaped({1, 2, 3})};
  using OfTensor = std::function<Value(const Value&)>;
  const std::vector<std::pair<const char*, OfTensor>> rows{
      {"np.prod(a, (0, 2))", [](const Value& x) { return prod(x, {0, 2}); }},
      {"np.cumsum(a, 1)", [](const Value& x) { return cumsum(x, 1); }},
      {"np.cumprod(a, 2)", [](const Value& x) { return cumprod(x); }},
      {"np.maximum.accumulate(a, 2)", [](const Value& x) { return cummax(x); }},
      {"np.minimum.accumulate(a, 0)", [](const Value& x) { return cummin(x, 0); }},
      {"np.sort(a, 2)", [](const Value& x) { return sort(x); }},
      {"np.argsort(a, 1, kind='stable')", [](const Value& x) { return argsort(x, 1); }},
      {"np.flip(a, (0, 2))", [](const Value& x) { return flip(x, {0, 2}); }},
      {"np.roll(a, 2, 1)", [](const Value& x) { return roll(x, 2, 1); }},
      {"np.tile(a, (2, 1, 3))", [](const Value& x) { return tile(x, {2, 1, 3}); }},
      {"np.repeat(a, 2, 1)", [](const Value& x) { return repeat(x, 2, 1); }},
      {"np.tril(a, 1)", [](const Value& x) { return tril(x, 1); }},
      {"np.triu(a, -1)", [](const Value& x) { return triu(x, -1); }},
      {"np.diagonal(a, 1, 1, 2)", [](const Value& x) { return diagonal(x, 1); }},
      {"np.pad(a, ((0, 0), (0, 0), (1, 2)), constant_values=4)",
       [](const Value& x) { return pad(x, {{1, 2}}, PadMode::constant, 4); }},
      {"np.moveaxis(a, 0, 2)", [](const Value& x) { return move_axis(x, 0, 2); }},
      {"np.stack([a, a], 2)", [](const Value& x) { return stack({x, x}, 2); }},
      {"np.einsum('abc,dbc->ad', a, a)", [](const Value& x) { return einsum("abc,dbc->ad", {x, x}); }},
      {"np.tensordot(a, a, ((0, 2), (0, 2)))",
       [](const Value& x) { return tensordot(x, x, {0, 2}, {0, 2}); }},
  };
  for (const auto& [expression, f] : rows) {
    for (const Tensor& tensor : tensors)
      write(expression, [&call = f](std::span<const Value> x) { return call(x[0]); }, {tensor});
  }
  const std::vector<std::pair<const char*, OfTensor>> of_elements{
      {"np.min(a, 1)", [](const Value& x) { return min(x, {1}); }},
      {"np.argmin(a, 2)", [](const Value& x) { return argmin(x, 2); }},
      {"np.pad(a, ((0, 0), (0, 0), (2, 1)), 'reflect')",
       [](const Value& x) { return pad(x, {{2, 1}}, PadMode::reflect); }},
      {"np.pad(a, ((0, 0), (0, 0), (2, 1)), 'wrap')",
       [](const Value& x) { return pad(x, {{2, 1}}, PadMode::wrap); }},
      {"np.pad(a, ((0, 0), (1, 0), (2, 1)), 'edge')",
       [](const Value& x) { return pad(x, {{1, 0}, {2, 1}}, PadMode::edge); }},
  };
  for (const auto& [expression, f] : of_elements) {
    for (const std::size_t i : {0U, 1U, 3U})
      write(expression, [&call = f](std::span<const Value> x) { return call(x[0]); }, {tensors[i]});
  }
  const Tensor sorted = vector_of({-1, 0, 0, 2, 5});
  const Tensor values = vector_of({-2, -1, 0, 1, 5, 6, kInf, -kInf, kNaN});
  write_formulas();
  write("np.searchsorted(a, b)", [](std::span<const Value> x) { return searchsorted(x[0], x[1]); },
        {sorted, values});
  write("np.searchsorted(a, b, 'right')",
        [](std::span<const Value> x) { return searchsorted(x[0], x[1], true); }, {sorted, values});
  write("np.take_along_axis(a, b, 1)",
        [](std::span<const Value> x) { return take_along_axis(x[0], x[1], 1); },
        {source.uniform({3, 4}), source.whole({3, 6}, 4, i64)});
  write("np.bincount(a, minlength=9)", [](std::span<const Value> x) { return bincount(x[0], 9); },
        {source.whole({50}, 9, i64)});
}

void write_linear_algebra() {
  TensorSource source("numpy linear algebra");
  const Tensor a = source.uniform({3, 4, 4});
  const Tensor b = source.uniform({3, 4, 2});
  using Builds = std::vector<std::pair<const char*, Build>>;
  for (const auto& [expression, f] : Builds{
           {"np.linalg.inv(a)", [](std::span<const Value> x) { return inverse(x[0]); }},
           {"np.linalg.det(a)", [](std::span<const Value> x) { return det(x[0]); }},
           {"np.linalg.slogdet(a)[1]", [](std::span<const Value> x) { return slogdet(x[0]).log; }},
           {"np.linalg.slogdet(a)[0]", [](std::span<const Value> x) { return slogdet(x[0]).sign; }},
           {"np.linalg.svd(a)[1]", [](std::span<const Value> x) { return svd(x[0]).values; }},
           {"np.linalg.pinv(a)", [](std::span<const Value> x) { return pinv(x[0]); }},
           {"np.linalg.matrix_power(a, 5)", [](std::span<const Value> x) { return matrix_power(x[0], 5); }},
           {"np.abs(np.linalg.qr(a)[1])", [](std::span<const Value> x) { return abs(qr(x[0]).r); }},
           {"np.linalg.eigvalsh(a + a.transpose(0, 2, 1))",
            [](std::span<const Value> x) { return eigh(x[0] + move_axis(x[0], 1, 2)).values; }},
           {"np.linalg.cholesky(a @ a.transpose(0, 2, 1))",
            [](std::span<const Value> x) { return cholesky(matmul(x[0], x[0], false, true)); }},
       })
    write(expression, f, {a});
  write("np.linalg.solve(a, b)", [](std::span<const Value> x) { return solve(x[0], x[1]); }, {a, b});
  write("linalg.solve_triangular(a, b, lower=True)",
        [](std::span<const Value> x) { return triangular_solve(x[0], x[1]); },
        {vector_of({2, 9, 9, 1, 3, 9, -1, 2, 4}).reshaped({3, 3}), vector_of({1, 2, 3}).reshaped({3, 1})});
}

void write_signals() {
  TensorSource source("numpy signals");
  using Builds = std::vector<std::pair<const char*, Build>>;
  const auto to_complex = [](const Value& x) { return complex(x, flip(x, {-1})); };
  for (const auto& [expression, f] : Builds{
           {"pairs(np.fft.fft(a + 1j * a[..., ::-1], axis=1))",
            [&](std::span<const Value> x) { return fft(to_complex(x[0]), 1); }},
           {"pairs(np.fft.ifft(a + 1j * a[..., ::-1]))",
            [&](std::span<const Value> x) { return ifft(to_complex(x[0])); }},
           {"pairs(np.fft.fftn(a + 1j * a[..., ::-1], axes=(1, 2)))",
            [&](std::span<const Value> x) { return fftn(to_complex(x[0]), {1, 2}); }},
           {"pairs(np.fft.rfft(a))", [](std::span<const Value> x) { return rfft(x[0]); }},
           {"pairs(np.fft.rfftn(a))", [](std::span<const Value> x) { return rfftn(x[0]); }},
           {"np.fft.irfft(a + 1j * a[..., ::-1])",
            [&](std::span<const Value> x) { return irfft(to_complex(x[0])); }},
           {"np.fft.irfft(a + 1j * a[..., ::-1], n=a.shape[2] * 2 - 1)",
            [&](std::span<const Value> x) { return irfft(to_complex(x[0]), x[0].shape()[2] * 2 - 1); }},
           {"np.fft.irfftn(a + 1j * a[..., ::-1])",
            [&](std::span<const Value> x) { return irfftn(to_complex(x[0])); }},
       }) {
    for (const std::int64_t size : {2, 9, 41, 64}) write(expression, f, {source.uniform({3, 4, size})});
  }
  const Tensor lengths = source.uniform({9});
  write("np.hanning(9) * a",
        [](std::span<const Value> x) { return hann_window(x[0].graph(), 9, false, f64) * x[0]; }, {lengths});
  write("np.hamming(10)[:-1] * a",
        [](std::span<const Value> x) { return hamming_window(x[0].graph(), 9, true, f64) * x[0]; },
        {lengths});
  write("np.convolve(a[0, 0], b[0, 0, ::-1], 'valid')[None, None]",
        [](std::span<const Value> x) { return conv1d(x[0], x[1]); },
        {source.uniform({1, 1, 30}), source.uniform({1, 1, 7})});
  write("signal.correlate(a[0, 0], b[0, 0], 'valid')[None, None]",
        [](std::span<const Value> x) { return conv3d(x[0], x[1]); },
        {source.uniform({1, 1, 5, 6, 7}), source.uniform({1, 1, 2, 3, 4})});
  write("signal.convolve(a[0, 0], b[0, 0], 'full')[None, None]",
        [](std::span<const Value> x) { return conv_transpose2d(x[0], x[1]); },
        {source.uniform({1, 1, 6, 7}), source.uniform({1, 1, 3, 4})});
  write("np.interp(np.linspace(0, 4, 9), np.arange(5), a[0])[None]",
        [](std::span<const Value> x) {
          return resize(x[0], {9}, {.coordinates = ResizeCoordinates::align_corners});
        },
        {source.uniform({1, 5})});
}

}  // namespace
}  // namespace weft::numpy_test

int main() {
  weft::numpy_test::write_unary();
  weft::numpy_test::write_binary();
  weft::numpy_test::write_casts();
  weft::numpy_test::write_arrays();
  weft::numpy_test::write_linear_algebra();
  weft::numpy_test::write_signals();
}
