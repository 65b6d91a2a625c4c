#pragma once
// Discrete Fourier transforms. A complex number is a pair of real ones: the last axis of a complex tensor is
// [real part, imaginary part]. Each op transforms the rows of a matrix and is linear, so that the gradient of
// each is one of them, and there are gradients of any order. The functions below take any axis.

#include <optional>

#include "weft/graph/graph.h"
#include "weft/ops/fourier_plan.h"

namespace weft {

struct Fft {  // y[r, k] = sum of x[r, j] exp(-+ 2 pi i j k / n) over j, for complex x [rows, n, 2]
  static constexpr std::string_view name = "fft";
  static constexpr Traits traits{.row_wise = true};
  bool inverse = false;     // whether the exponent is positive
  bool normalized = false;  // whether it is divided by n
  static constexpr auto attributes = weft::attributes(&Fft::inverse, &Fft::normalized);
  TensorType infer(const TensorType& x) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

struct Rfft {  // y[r, k] = c[k] sum of x[r, j] exp(-2 pi i j k / n) over j, k <= n / 2, for real x [rows, n]
  static constexpr std::string_view name = "rfft";
  static constexpr Traits traits{.row_wise = true};
  bool doubled = false;     // whether c[k] is 2 where k is neither 0 nor n / 2, or always 1
  bool normalized = false;  // whether it is divided by n
  static constexpr auto attributes = weft::attributes(&Rfft::doubled, &Rfft::normalized);
  TensorType infer(const TensorType& x) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

struct Irfft {  // y[r, j] = real part of the sum of c[k] x[r, k] exp(2 pi i j k / n) over k <= n / 2
  static constexpr std::string_view name = "irfft";
  static constexpr Traits traits{.row_wise = true};
  Dim length = 1;  // n
  bool doubled = true;
  bool normalized = true;
  static constexpr auto attributes = weft::attributes(&Irfft::length, &Irfft::doubled, &Irfft::normalized);
  TensorType infer(const TensorType& x) const;
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
};

/// The transform of complex x [..., n, ..., 2], f32 or f64, along an axis that is not the last; -1 is the one
/// before the pairs. Any length, in O(n log n) steps; sizes may depend on symbols. Computed in f64 and
/// rounded once. Accuracy: 2^-24 |y[k]| in f32, and in both dtypes 2^-50 log2(2 n) times the sum of |x[j]|
/// along the axis. A row that holds an infinity or a NaN becomes infinities and NaNs. Errors: shape_mismatch,
/// dtype_mismatch.
Value fft(const Operand& x, std::int64_t axis = -1);
/// The inverse of fft(), with the factor 1 / n.
Value ifft(const Operand& x, std::int64_t axis = -1);
/// The first n / 2 + 1 elements of the transform of real x [..., n, ...] along an axis: [..., n / 2 + 1, ...,
/// 2]; the others are their conjugates. Accuracy and errors are as in fft().
Value rfft(const Operand& x, std::int64_t axis = -1);
/// The inverse of rfft(): real [..., n, ...] of complex [..., n / 2 + 1, ..., 2], where n is `length`, or the
/// even one if it is not given. Imaginary parts that no real numbers have, of element 0 and of element n / 2,
/// do not count.
Value irfft(const Operand& x, const std::optional<Dim>& length = {}, std::int64_t axis = -1);
/// Transforms along several axes, one after the other; no axis stands twice, and an empty list is all of
/// them.
Value fftn(const Operand& x, const std::vector<std::int64_t>& axes = {});
Value ifftn(const Operand& x, const std::vector<std::int64_t>& axes = {});
/// rfft() along the last of the axes and fft() along the others.
Value rfftn(const Operand& x, const std::vector<std::int64_t>& axes = {});
/// The inverse of rfftn(); `length` is that of the last of the axes.
Value irfftn(const Operand& x, const std::optional<Dim>& length = {},
             const std::vector<std::int64_t>& axes = {});

/// Complex numbers [..., 2] of their parts, and the parts [...] of complex numbers.
Value complex(const Operand& real, const Operand& imaginary);
Value real_part(const Operand& x);
Value imaginary_part(const Operand& x);
/// The product of complex numbers, which broadcast like others.
Value complex_mul(const Operand& a, const Operand& b);
/// sqrt(re^2 + im^2) by hypot().
Value complex_abs(const Operand& x);

/// Windows of raised cosines: a - (1 - a) cos(2 pi j / n) with a = 1/2 (Hann) or 0.54 (Hamming). A periodic
/// one of n elements is the first n of a symmetric one of n + 1. Errors: invalid_argument for length < 1.
Value hann_window(Graph& graph, std::int64_t length, bool periodic = true, DType dtype = f32,
                  Where where = Where::current());
Value hamming_window(Graph& graph, std::int64_t length, bool periodic = true, DType dtype = f32,
                     Where where = Where::current());

/// Pieces of `length` elements of x [..., n], every `hop`: [..., (n - length) / hop + 1, length]. n is a
/// number. Errors: shape_mismatch, invalid_argument.
Value frames(const Operand& x, std::int64_t length, std::int64_t hop);
/// The transforms of windowed pieces of real x [..., n]: [..., pieces, length / 2 + 1, 2], where `window` has
/// `length` elements of the dtype of x. With `centred`, x is first mirrored by length / 2 elements at both
/// ends, so that piece i is around element i hop.
Value stft(const Operand& x, const Operand& window, std::int64_t hop, bool centred = false);

/// Transforms one row after the other; an object is used by one thread.
class RowTransform {
 public:
  using Complex = FourierPlan::Complex;

  explicit RowTransform(std::int64_t length)
      : plan_(length), in_(static_cast<std::size_t>(length)), out_(static_cast<std::size_t>(length)) {}

  std::span<Complex> in() { return in_; }
  std::span<const Complex> transform(bool inverse) {
    plan_.transform(in_, out_, inverse);
    return out_;
  }

 private:
  FourierPlan plan_;
  std::vector<Complex> in_;
  std::vector<Complex> out_;
};

/// Transforms of `length` real numbers by complex ones of half as many where the length is even.
class RealTransform {
 public:
  using Complex = FourierPlan::Complex;

  explicit RealTransform(std::int64_t length);

  std::span<double> real() { return real_; }   // `length` numbers
  std::span<Complex> bins() { return bins_; }  // length / 2 + 1 numbers
  void forward();                              // real -> bins
  void backward();                             // bins -> real, the sum over all n conjugate elements

 private:
  RowTransform rows_;
  std::vector<Complex> turns_;  // exp(-2 pi i k / n), if the length is even
  std::vector<double> real_;
  std::vector<Complex> bins_;
};

template <std::floating_point T>
void Fft::forward(View<const T> x, View<T> y) const {
  const std::int64_t n = x.sizes[1];
  RowTransform rows(n);
  const double factor = normalized ? 1.0 / static_cast<double>(n) : 1.0;
  std::size_t from = 0;
  std::size_t to = 0;
  for (std::int64_t row = 0; row < x.sizes[0]; ++row) {
    for (auto& z : rows.in()) {
      z = {static_cast<double>(x[from]), static_cast<double>(x[from + 1])};
      from += 2;
    }
    for (const auto& z : rows.transform(inverse)) {
      y[to++] = static_cast<T>(factor * z.real());
      y[to++] = static_cast<T>(factor * z.imag());
    }
  }
}

template <std::floating_point T>
void Rfft::forward(View<const T> x, View<T> y) const {
  const std::int64_t n = x.sizes[1];
  RealTransform rows(n);
  const double factor = normalized ? 1.0 / static_cast<double>(n) : 1.0;
  std::size_t from = 0;
  std::size_t to = 0;
  for (std::int64_t row = 0; row < x.sizes[0]; ++row) {
    for (double& real : rows.real()) real = static_cast<double>(x[from++]);
    rows.forward();
    for (std::int64_t k = 0; k <= n / 2; ++k) {
      const double scale = doubled && k > 0 && 2 * k != n ? 2.0 * factor : factor;
      const auto& z = rows.bins()[static_cast<std::size_t>(k)];
      y[to++] = static_cast<T>(scale * z.real());
      y[to++] = static_cast<T>(scale * z.imag());
    }
  }
}

template <std::floating_point T>
void Irfft::forward(View<const T> x, View<T> y) const {
  const std::int64_t n = y.sizes[1];
  RealTransform rows(n);
  const double factor = normalized ? 1.0 / static_cast<double>(n) : 1.0;
  std::size_t from = 0;
  std::size_t to = 0;
  for (std::int64_t row = 0; row < x.sizes[0]; ++row) {
    for (std::int64_t k = 0; k <= n / 2; ++k) {
      const double scale = doubled || k == 0 || 2 * k == n ? 1.0 : 0.5;
      rows.bins()[static_cast<std::size_t>(k)] = {scale * static_cast<double>(x[from]),
                                                  scale * static_cast<double>(x[from + 1])};
      from += 2;
    }
    rows.backward();
    for (const double real : rows.real()) y[to++] = static_cast<T>(factor * real);
  }
}

// Compiled once, in fourier.cpp.
extern template detail::Model detail::model_of(Fft);
extern template detail::Model detail::model_of(Rfft);
extern template detail::Model detail::model_of(Irfft);

}  // namespace weft
