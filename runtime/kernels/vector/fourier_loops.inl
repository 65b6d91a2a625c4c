// Fourier transforms of rows side by side, behind VectorFunctions. Part of vector_loops.inl, to whose rules
// it keeps. The steps are those of ops/fourier_plan.cpp.

namespace weft {
namespace {

constexpr std::size_t kLanes = kWidth / 2;
constexpr std::size_t kPair = 2 * kLanes;  // numbers in a complex number of each row
constexpr std::size_t kLargestHalf = 15;   // of the largest radix

struct Complexes {
  Half re;
  Half im;
};

Complexes load_complexes(const double* x) {
  Complexes z = {};
  __builtin_memcpy(&z, x, sizeof(z));
  return z;
}
void store_complexes(double* y, Complexes z) { __builtin_memcpy(y, &z, sizeof(z)); }
Complexes plus(Complexes a, Complexes b) { return {a.re + b.re, a.im + b.im}; }
Complexes minus(Complexes a, Complexes b) { return {a.re - b.re, a.im - b.im}; }
/// -i z.
Complexes minus_i_times(Complexes z) { return {z.im, -z.re}; }

/// The parts of one transform that are to be combined: part i begins at z + i size.
struct FourierParts {
  double* z;
  std::size_t size;
  std::size_t radix;
  std::size_t turn;  // of element 1 of part 1, in steps of the table
  const FourierTables& tables;

  double* at(std::size_t part, std::size_t k) const { return z + (part * size + k) * kPair; }
  /// Element k of a part, turned to its place.
  Complexes turned(std::size_t part, std::size_t k) const {
    const Complexes x = load_complexes(at(part, k));
    if (part * k == 0) return x;
    const double* w = tables.turns + 2 * (part * k * turn);
    return {x.re * w[0] - x.im * w[1], x.re * w[1] + x.im * w[0]};
  }
};

void combine_two(const FourierParts& parts) {
  for (std::size_t k = 0; k < parts.size; ++k) {
    const Complexes a = parts.turned(0, k);
    const Complexes b = parts.turned(1, k);
    store_complexes(parts.at(0, k), plus(a, b));
    store_complexes(parts.at(1, k), minus(a, b));
  }
}

void combine_four(const FourierParts& parts) {
  for (std::size_t k = 0; k < parts.size; ++k) {
    const Complexes a = parts.turned(0, k);
    const Complexes b = parts.turned(1, k);
    const Complexes c = parts.turned(2, k);
    const Complexes d = parts.turned(3, k);
    const Complexes even = plus(a, c);
    const Complexes odd = minus(a, c);
    const Complexes both = plus(b, d);
    const Complexes apart = minus_i_times(minus(b, d));
    store_complexes(parts.at(0, k), plus(even, both));
    store_complexes(parts.at(1, k), plus(odd, apart));
    store_complexes(parts.at(2, k), minus(even, both));
    store_complexes(parts.at(3, k), minus(odd, apart));
  }
}

/// An odd radix. Elements i and radix - i share their cosines, and their sines but for the sign.
void combine_odd(const FourierParts& parts) {
  const std::size_t radix = parts.radix;
  const std::size_t half = radix / 2;
  const std::size_t root = parts.tables.length / radix;
  Complexes sums[kLargestHalf];
  Complexes gaps[kLargestHalf];
  for (std::size_t k = 0; k < parts.size; ++k) {
    const Complexes first = parts.turned(0, k);
    Complexes total = first;
    for (std::size_t i = 1; i <= half; ++i) {
      const Complexes a = parts.turned(i, k);
      const Complexes b = parts.turned(radix - i, k);
      sums[i - 1] = plus(a, b);
      gaps[i - 1] = minus(a, b);
      total = plus(total, sums[i - 1]);
    }
    store_complexes(parts.at(0, k), total);
    for (std::size_t q = 1; q <= half; ++q) {
      Complexes even = first;
      Complexes odd{};
      for (std::size_t i = 1; i <= half; ++i) {
        const double* w = parts.tables.turns + 2 * (i * q % radix * root);
        even = {even.re + sums[i - 1].re * w[0], even.im + sums[i - 1].im * w[0]};
        odd = {odd.re - gaps[i - 1].im * w[1], odd.im + gaps[i - 1].re * w[1]};
      }
      store_complexes(parts.at(q, k), plus(even, odd));
      store_complexes(parts.at(radix - q, k), minus(even, odd));
    }
  }
}

void fourier_step(const FourierTables& tables, const std::int64_t* factor, const double* x,
                  std::size_t stride, double* z, std::size_t size) {
  if (size == 1) return store_complexes(z, load_complexes(x));
  const auto radix = static_cast<std::size_t>(*factor);
  const std::size_t part = size / radix;
  for (std::size_t i = 0; i < radix; ++i)
    fourier_step(tables, factor + 1, x + i * stride * kPair, stride * radix, z + i * part * kPair, part);
  const FourierParts parts{z, part, radix, tables.length / size, tables};
  if (radix == 2) return combine_two(parts);
  if (radix == 4) return combine_four(parts);
  combine_odd(parts);
}

void fourier(const FourierTables& tables, const double* x, double* z) {
  fourier_step(tables, tables.factors, x, 1, z, tables.length);
}

}  // namespace
}  // namespace weft
