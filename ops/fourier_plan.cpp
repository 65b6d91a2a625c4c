#include "weft/ops/fourier_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace weft {
namespace {

using Complex = FourierPlan::Complex;

/// A larger prime factor costs more steps than a convolution.
constexpr std::int64_t kLargestRadix = 31;

/// The product of finite numbers; that of std::complex looks for infinities, which takes longer.
Complex times(const Complex& a, const Complex& b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}
Complex swapped(const Complex& z) { return {z.imag(), z.real()}; }
/// -i z.
Complex quarter_back(const Complex& z) { return {z.imag(), -z.real()}; }

/// Prime factors in ascending order, but with fours before a two.
std::vector<std::int64_t> factors_of(std::int64_t n) {
  std::vector<std::int64_t> factors;
  for (std::int64_t factor = 4; n > 1;) {
    if (n % factor == 0) {
      factors.push_back(factor);
      n /= factor;
    } else {
      factor = factor == 4 ? 2 : factor == 2 ? 3 : factor + 2;
      if (factor > kLargestRadix) factor = n;
    }
  }
  return factors;
}

void combine_two(Complex* z, std::int64_t size, const Complex* turns, std::int64_t stride) {
  for (std::int64_t k = 0; k < size; ++k) {
    const Complex b = times(z[k + size], turns[k * stride]);
    z[k + size] = z[k] - b;
    z[k] += b;
  }
}

void combine_four(Complex* z, std::int64_t size, const Complex* turns, std::int64_t stride) {
  for (std::int64_t k = 0; k < size; ++k) {
    const Complex b = times(z[k + size], turns[k * stride]);
    const Complex c = times(z[k + 2 * size], turns[2 * k * stride]);
    const Complex d = times(z[k + 3 * size], turns[3 * k * stride]);
    const Complex even = z[k] + c;
    const Complex odd = z[k] - c;
    const Complex both = b + d;
    const Complex apart = quarter_back(b - d);
    z[k] = even + both;
    z[k + size] = odd + apart;
    z[k + 2 * size] = even - both;
    z[k + 3 * size] = odd - apart;
  }
}

}  // namespace

Complex unit_root(std::int64_t j, std::int64_t n) {
  // Angles up to an eighth of a turn are exact to a rounding; the others are those in a mirror.
  const std::int64_t eighths = 8 * j;
  if (eighths > 4 * n) return std::conj(unit_root(n - j, n));
  const auto at = [&](std::int64_t numerator, std::int64_t denominator) {
    return 2.0 * std::numbers::pi * static_cast<double>(numerator) / static_cast<double>(denominator);
  };
  if (eighths <= n) return {std::cos(at(j, n)), -std::sin(at(j, n))};
  if (eighths <= 3 * n) {
    const double angle = at(n - 4 * j, 4 * n);  // before a quarter of a turn
    return {std::sin(angle), -std::cos(angle)};
  }
  const double angle = at(n - 2 * j, 2 * n);  // before half a turn
  return {-std::cos(angle), -std::sin(angle)};
}

struct FourierPlan::Chirp {
  FourierPlan convolution;
  std::vector<Complex> chirp;     // exp(-pi i j^2 / n)
  std::vector<Complex> spectrum;  // of the inverse chirp, divided by the convolution's length

  explicit Chirp(std::int64_t n)
      : convolution(static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(2 * n - 1)))) {
    const auto size = static_cast<std::size_t>(convolution.length());
    std::vector<Complex> inverse(size);
    std::int64_t square = 0;  // j^2 modulo 2 n
    for (std::int64_t j = 0; j < n; ++j) {
      const Complex turn = unit_root(square, 2 * n);
      chirp.push_back(turn);
      inverse[static_cast<std::size_t>(j)] = std::conj(turn);
      if (j > 0) inverse[size - static_cast<std::size_t>(j)] = std::conj(turn);
      square = (square + 2 * j + 1) % (2 * n);
    }
    spectrum.resize(size);
    convolution.transform(inverse, spectrum);
    for (Complex& z : spectrum) z /= static_cast<double>(size);
  }

  void transform(std::span<const Complex> x, std::span<Complex> z, bool is_inverse) const {
    std::vector<Complex> terms(spectrum.size());
    std::vector<Complex> products(spectrum.size());
    for (std::size_t j = 0; j < x.size(); ++j) terms[j] = times(is_inverse ? swapped(x[j]) : x[j], chirp[j]);
    convolution.transform(terms, products);
    for (std::size_t j = 0; j < terms.size(); ++j) products[j] = times(products[j], spectrum[j]);
    convolution.transform(products, terms, true);
    for (std::size_t k = 0; k < z.size(); ++k) {
      const Complex value = times(terms[k], chirp[k]);
      z[k] = is_inverse ? swapped(value) : value;
    }
  }
};

FourierPlan::FourierPlan(std::int64_t length) : length_(length), factors_(factors_of(length)) {
  if (!has_small_factors(length)) {
    chirp_ = std::make_unique<const Chirp>(length);
    return;
  }
  turns_.reserve(static_cast<std::size_t>(length));
  for (std::int64_t j = 0; j < length; ++j) turns_.push_back(unit_root(j, length));
}

bool FourierPlan::has_small_factors(std::int64_t length) {
  const std::vector<std::int64_t> factors = factors_of(length);
  return factors.empty() || factors.back() <= kLargestRadix;
}

FourierPlan::~FourierPlan() = default;
FourierPlan::FourierPlan(FourierPlan&&) noexcept = default;
FourierPlan& FourierPlan::operator=(FourierPlan&&) noexcept = default;

void FourierPlan::transform(std::span<const Complex> x, std::span<Complex> z, bool inverse) const {
  if (chirp_) return chirp_->transform(x, z, inverse);
  if (!inverse) return step(x.data(), 1, 0, z.data(), length_);
  // The inverse transform is the transform with real and imaginary parts exchanged before and after.
  std::vector<Complex> exchanged(x.size());
  std::ranges::transform(x, exchanged.begin(), swapped);
  step(exchanged.data(), 1, 0, z.data(), length_);
  std::ranges::transform(z, z.begin(), swapped);
}

/// The transform of x[0], x[stride], ...: those of every radix-th element, combined.
void FourierPlan::step(const Complex* x, std::int64_t stride, std::size_t factor, Complex* z,
                       std::int64_t size) const {
  if (size == 1) {
    *z = *x;
    return;
  }
  const std::int64_t radix = factors_[factor];
  const std::int64_t part = size / radix;
  for (std::int64_t i = 0; i < radix; ++i) {
    if (part == 1) {
      z[i] = x[i * stride];
    } else {
      step(x + i * stride, stride * radix, factor + 1, z + i * part, part);
    }
  }
  combine(radix, z, part);
}

/// Makes one transform of `radix` ones of `size` numbers that lie one after the other.
void FourierPlan::combine(std::int64_t radix, Complex* z, std::int64_t size) const {
  const std::int64_t stride = length_ / (radix * size);
  if (radix == 2) return combine_two(z, size, turns_.data(), stride);
  if (radix == 4) return combine_four(z, size, turns_.data(), stride);
  std::array<Complex, kLargestRadix> terms;
  const std::int64_t root = length_ / radix;  // of the transform of `radix` numbers
  for (std::int64_t k = 0; k < size; ++k) {
    for (std::int64_t i = 0; i < radix; ++i)
      terms[static_cast<std::size_t>(i)] =
          times(z[k + i * size], turns_[static_cast<std::size_t>(i * k * stride)]);
    for (std::int64_t q = 0; q < radix; ++q) {
      Complex sum = terms[0];
      for (std::int64_t i = 1; i < radix; ++i)
        sum +=
            times(terms[static_cast<std::size_t>(i)], turns_[static_cast<std::size_t>(i * q % radix * root)]);
      z[k + q * size] = sum;
    }
  }
}

}  // namespace weft
