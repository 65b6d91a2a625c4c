#pragma once
// The discrete Fourier transform of any number of complex numbers in f64, unscaled: z[k] = sum of x[j] exp(-2
// pi i j k / n) over j. Lengths whose prime factors are small are taken apart factor by factor (Cooley and
// Tukey, Mathematics of Computation 19, 1965); others become a convolution whose length is a power of two
// (Bluestein, IEEE Transactions on Audio 18, 1970). Takes O(n log n) steps. An object may be shared by
// threads.

#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace weft {

class FourierPlan {
 public:
  using Complex = std::complex<double>;

  explicit FourierPlan(std::int64_t length);  // at least 1
  /// Whether a length has no prime factor above 31.
  static bool has_small_factors(std::int64_t length);
  ~FourierPlan();
  FourierPlan(const FourierPlan&) = delete;
  FourierPlan& operator=(const FourierPlan&) = delete;
  FourierPlan(FourierPlan&&) noexcept;
  FourierPlan& operator=(FourierPlan&&) noexcept;

  std::int64_t length() const { return length_; }
  /// The factors that the length is taken apart into, and exp(-2 pi i j / n) for each j; a length with a
  /// large prime factor has no such table.
  const std::vector<std::int64_t>& factors() const { return factors_; }
  const std::vector<Complex>& turns() const { return turns_; }
  /// `x` and `z` have the plan's length and do not overlap. With `inverse` the exponent is positive.
  void transform(std::span<const Complex> x, std::span<Complex> z, bool inverse = false) const;

 private:
  struct Chirp;  // for lengths with a large prime factor

  void step(const Complex* x, std::int64_t stride, std::size_t factor, Complex* z, std::int64_t size) const;
  void combine(std::int64_t radix, Complex* z, std::int64_t size) const;

  std::int64_t length_;
  std::vector<std::int64_t> factors_;
  std::vector<Complex> turns_;  // exp(-2 pi i j / n)
  std::unique_ptr<const Chirp> chirp_;
};

/// exp(-2 pi i j / n) to within two units in the last place, for 0 <= j < n.
FourierPlan::Complex unit_root(std::int64_t j, std::int64_t n);

}  // namespace weft
