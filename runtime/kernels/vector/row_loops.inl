// The loops over rows behind VectorFunctions: softmax and its kin. Part of vector_loops.inl, to whose rules
// it keeps.

namespace weft {
namespace {

// All lanes brought together by f, half with half.
typedef float Four __attribute__((vector_size(4 * sizeof(float))));
template <typename F>
float fold_four(Four v, F f) {
  v = f(v, __builtin_shufflevector(v, v, 2, 3, 0, 1));
  return f(v, __builtin_shufflevector(v, v, 1, 0, 3, 2))[0];
}
template <typename F>
float fold(Vector v, F f) {
#if WEFT_VECTOR_WIDTH == 16
  const auto eight = f(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7),
                       __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
  return fold_four(
      f(__builtin_shufflevector(eight, eight, 0, 1, 2, 3), __builtin_shufflevector(eight, eight, 4, 5, 6, 7)),
      f);
#elif WEFT_VECTOR_WIDTH == 8
  return fold_four(f(__builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7)),
                   f);
#else
  return fold_four(v, f);
#endif
}
float fold_sum(Vector v) {
  return fold(v, [](auto a, auto b) { return a + b; });
}
float fold_largest(Vector v) {
  return fold(v, [](auto a, auto b) { return a > b ? a : b; });
}

float largest_of(const float* x, std::size_t n) {
  constexpr std::size_t kChains = 4;
  const Vector lowest = fill(-__builtin_inff());
  Vector chains[kChains] = {lowest, lowest, lowest, lowest};
  std::size_t i = 0;
  for (; i + kChains * kWidth <= n; i += kChains * kWidth) {
    for (std::size_t c = 0; c < kChains; ++c) chains[c] = larger(load(x + i + c * kWidth), chains[c]);
  }
  for (; i + kWidth <= n; i += kWidth) chains[0] = larger(load(x + i), chains[0]);
  if (i < n) chains[1] = larger(load_part(x + i, n - i, -__builtin_inff()), chains[1]);
  return fold_largest(larger(larger(chains[0], chains[1]), larger(chains[2], chains[3])));
}

// The sum of f(element, what lies there) for all elements of a row but the first that is the largest, where f
// gives 1. Apart from the 1, that sum keeps its digits where it is small. Of lanes in f32, of many blocks of
// them in f64. A NaN spoils the sum, and so does an infinite largest.
template <typename F, typename G>
float sum_of_others(const float* x, std::size_t n, float largest, F whole, G part) {
  constexpr std::size_t kBlock = 64 * kWidth;
  const Vector shift = fill(largest);
  double sums = 0.0;
  Vector equals{};  // how many elements are the largest
  std::size_t i = 0;
  const auto add = [&](Vector v, Vector e, Vector& lanes) {
    const Mask is_largest = v == shift;
    lanes += select(is_largest, Vector{}, e);
    equals += select(is_largest, fill(1.0F), Vector{});
  };
  while (i < n) {
    const std::size_t end = i + kBlock < n ? i + kBlock : n;
    Vector lanes{};
    for (; i + kWidth <= end; i += kWidth) {
      const Vector v = load(x + i);
      add(v, whole(i, v), lanes);
    }
    if (i < end) {
      const Vector v = load_part(x + i, end - i, -__builtin_inff());
      add(v, part(i, v, end - i), lanes);
      i = end;
    }
    sums += static_cast<double>(fold_sum(lanes));
  }
  return static_cast<float>(sums) + (fold_sum(equals) - 1.0F) + (largest - largest);
}

// For one row: softmax(x), and what its sum is made of.
RowSum softmax_row(const float* x, float* probabilities, std::size_t n) {
  const float largest = largest_of(x, n);
  const Vector shift = fill(largest);
  const float others = sum_of_others(
      x, n, largest,
      [&](std::size_t i, Vector v) {
        const Vector e = exponential(v - shift);
        store(probabilities + i, e);
        return e;
      },
      [&](std::size_t i, Vector v, std::size_t count) {
        const Vector e = exponential(v - shift);
        store_part(probabilities + i, e, count);
        return e;
      });
  const float scale = 1.0F / (1.0F + others);
  std::size_t j = 0;
  for (; j + kWidth <= n; j += kWidth) store(probabilities + j, load(probabilities + j) * scale);
  if (j < n) store_part(probabilities + j, load_part(probabilities + j, n - j, 0.0F) * scale, n - j);
  return {largest, others};
}

// a - b as a rounded difference and what rounding took from it (Knuth's TwoSum).
struct Difference {
  Vector rounded;
  Vector rest;
};
Difference difference(Vector a, Vector b) {
  const Vector rounded = a - b;
  const Vector taken = rounded - a;
  const Vector rest = (a - (rounded - taken)) - (b + taken);
  return {rounded, select(rest == rest, rest, Vector{})};
}

void log_softmax(const float* x, float* y, std::size_t rows, std::size_t n) {
  constexpr std::size_t kRows = 2 * kWidth;  // whose logarithms are taken together
  for (std::size_t first = 0; first < rows; first += kRows) {
    const std::size_t count = rows - first < kRows ? rows - first : kRows;
    float largest[kRows] = {};
    float others[kRows] = {};
    for (std::size_t row = 0; row < count; ++row) {
      const float* from = x + (first + row) * n;
      largest[row] = largest_of(from, n);
      const Vector shift = fill(largest[row]);
      const auto exact = [&](Vector v) {
        const auto [gap, rest] = difference(v, shift);
        const Vector e = exponential(gap);
        return e + e * rest;
      };
      others[row] = sum_of_others(
          from, n, largest[row], [&](std::size_t, Vector v) { return exact(v); },
          [&](std::size_t, Vector v, std::size_t) { return exact(v); });
    }
    float norms[kRows];
    for (std::size_t i = 0; i < kRows; i += kWidth)
      store(norms + i, in_halves(load(others + i), [](Half h) { return WEFT_VECTOR_MATH_DOUBLE(log1p)(h); }));
    for (std::size_t row = 0; row < count; ++row) {
      const float* from = x + (first + row) * n;
      float* to = y + (first + row) * n;
      const auto value = [&](Vector v) {
        const auto [gap, rest] = difference(v, fill(largest[row]));
        return (gap - norms[row]) + rest;
      };
      std::size_t j = 0;
      for (; j + kWidth <= n; j += kWidth) store(to + j, value(load(from + j)));
      if (j < n) store_part(to + j, value(load_part(from + j, n - j, 0.0F)), n - j);
    }
  }
}

// dx = y (dy - sum(dy y)) for each row.
void softmax_gradient(const float* y, const float* dy, float* dx, std::size_t rows, std::size_t n) {
  for (std::size_t row = 0; row < rows; ++row, y += n, dy += n, dx += n) {
    const Vector mean = fill(static_cast<float>(dot(y, dy, n)));
    std::size_t j = 0;
    for (; j + kWidth <= n; j += kWidth) store(dx + j, load(y + j) * (load(dy + j) - mean));
    if (j < n)
      store_part(dx + j, load_part(y + j, n - j, 0.0F) * (load_part(dy + j, n - j, 0.0F) - mean), n - j);
  }
}

// Replaces a row by f of its elements.
template <typename F>
void map_row(float* x, std::size_t n, F f) {
  std::size_t j = 0;
  for (; j + kWidth <= n; j += kWidth) store(x + j, f(load(x + j)));
  if (j < n) store_part(x + j, f(load_part(x + j, n - j, -__builtin_inff())), n - j);
}

void add_softmax_block(float* x, float* largest, float* sums, float* factors, std::size_t rows,
                       std::size_t n) {
  for (std::size_t row = 0; row < rows; ++row, x += n) {
    const float of_block = largest_of(x, n);
    const float before = largest[row];
    largest[row] = of_block > before ? of_block : before;
    const Vector shift = fill(largest[row]);
    Vector lanes{};
    map_row(x, n, [&](Vector v) {
      const Vector e = exponential(v - shift);
      lanes += e;
      return e;
    });
    factors[row] = exponential(fill(before) - shift)[0];
    sums[row] = sums[row] * factors[row] + fold_sum(lanes);
  }
}

void shifted_exp(float* x, const float* shifts, std::size_t rows, std::size_t n) {
  for (std::size_t row = 0; row < rows; ++row, x += n)
    map_row(x, n, [shift = fill(shifts[row])](Vector v) { return exponential(v - shift); });
}

// slopes = scale p (slopes - mean) for each row.
void softmax_slopes(const float* p, float* slopes, const float* means, float scale, std::size_t rows,
                    std::size_t n) {
  for (std::size_t row = 0; row < rows; ++row, p += n, slopes += n) {
    const Vector mean = fill(means[row]);
    std::size_t j = 0;
    for (; j + kWidth <= n; j += kWidth) store(slopes + j, load(p + j) * scale * (load(slopes + j) - mean));
    for (; j < n; ++j) slopes[j] = p[j] * scale * (slopes[j] - means[row]);
  }
}

// Rows shorter than a register: `rows` <= kWidth of them side by side, each in a lane of its own. Alone, such
// a row would mostly wait for one element after the other.
void softmax_lanes(const float* x, float* probabilities, RowSum* sums, std::size_t rows, std::size_t n) {
  alignas(sizeof(Vector)) float columns[kWidth][kWidth] = {};
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = 0; j < n; ++j) columns[j][row] = x[row * n + j];
  }
  Vector largest = load(columns[0]);
  for (std::size_t j = 1; j < n; ++j) {
    const Vector v = load(columns[j]);
    largest = select((v > largest) | (v != v), v, largest);
  }
  Vector others{};
  Mask found{};
  for (std::size_t j = 0; j < n; ++j) {
    const Vector v = load(columns[j]);
    const Vector e = exponential(v - largest);
    store(columns[j], e);
    const Mask first = (v == largest) & ~found;
    found |= first;
    others += select(first, Vector{}, e);
  }
  others += largest - largest;
  const Vector scale = 1.0F / (1.0F + others);
  for (std::size_t j = 0; j < n; ++j) store(columns[j], load(columns[j]) * scale);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = 0; j < n; ++j) probabilities[row * n + j] = columns[j][row];
    if (sums != nullptr) sums[row] = {largest[row], others[row]};
  }
}

void softmax(const float* x, float* probabilities, RowSum* sums, std::size_t rows, std::size_t n) {
  if (n < kWidth) {
    for (std::size_t row = 0; row < rows; row += kWidth) {
      const std::size_t count = rows - row < kWidth ? rows - row : kWidth;
      softmax_lanes(x + row * n, probabilities + row * n, sums != nullptr ? sums + row : nullptr, count, n);
    }
    return;
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const RowSum sum = softmax_row(x + row * n, probabilities + row * n, n);
    if (sums != nullptr) sums[row] = sum;
  }
}

template <std::size_t kRegisters>
struct Columns {};

double sum_squared_gaps(const float* x, double mean, std::size_t n) {
  const auto squared = [](auto gap) { return gap * gap; };
  return sum_wide(
      n, [=](std::size_t i) { return squared(load_half(x + i) - mean); },
      [=](std::size_t i) { return squared(static_cast<double>(x[i]) - mean); });
}

// Calls `f(columns, first row, rows, first column)` for all of a matrix in blocks: of so few rows that they
// stay in the nearest cache, and of 2 and 1 registers of columns, the constant `columns`, or of one column,
// where it is 0.
template <typename F>
void for_each_column_block(std::size_t rows, std::size_t n, F f) {
  constexpr std::size_t kBlock = 64;
  for (std::size_t first = 0; first < rows; first += kBlock) {
    const std::size_t height = first + kBlock < rows ? kBlock : rows - first;
    std::size_t j = 0;
    for (; j + 2 * kHalf <= n; j += 2 * kHalf) f(Columns<2>{}, first, height, j);
    for (; j + kHalf <= n; j += kHalf) f(Columns<1>{}, first, height, j);
    for (; j < n; ++j) f(Columns<0>{}, first, height, j);
  }
}

template <std::size_t kColumns>
struct ColumnRegisters {
  Half lanes[kColumns];
  explicit ColumnRegisters(const double* from) { __builtin_memcpy(lanes, from, sizeof(lanes)); }
  void put(double* to) const { __builtin_memcpy(to, lanes, sizeof(lanes)); }
};

template <std::size_t kColumns>
void add_squared_gaps(Columns<kColumns>, const float* x, std::size_t rows, std::size_t stride,
                      const double* means, double* squares) {
  const ColumnRegisters<kColumns> middle(means);
  ColumnRegisters<kColumns> sums(squares);
  for (std::size_t row = 0; row < rows; ++row, x += stride) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      const Half gap = load_half(x + c * kHalf) - middle.lanes[c];
      sums.lanes[c] += gap * gap;
    }
  }
  sums.put(squares);
}
void add_squared_gaps(Columns<0>, const float* x, std::size_t rows, std::size_t stride, const double* mean,
                      double* squares) {
  for (std::size_t row = 0; row < rows; ++row, x += stride) {
    const double gap = static_cast<double>(*x) - *mean;
    *squares += gap * gap;
  }
}
void add_squared_gaps(const float* x, std::size_t rows, std::size_t stride, const double* means,
                      double* squares, std::size_t n) {
  for_each_column_block(rows, n, [=](auto columns, std::size_t first, std::size_t height, std::size_t j) {
    add_squared_gaps(columns, x + first * stride + j, height, stride, means + j, squares + j);
  });
}

template <std::size_t kColumns>
void add_centred_sums(Columns<kColumns>, const float* y, const float* x, std::size_t rows, std::size_t stride,
                      const double* means, double* factors, double* products) {
  const ColumnRegisters<kColumns> middle(means);
  ColumnRegisters<kColumns> sums(factors);
  ColumnRegisters<kColumns> both(products);
  for (std::size_t row = 0; row < rows; ++row, x += stride, y += stride) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      const Half factor = load_half(y + c * kHalf);
      sums.lanes[c] += factor;
      both.lanes[c] += factor * (load_half(x + c * kHalf) - middle.lanes[c]);
    }
  }
  sums.put(factors);
  both.put(products);
}
void add_centred_sums(Columns<0>, const float* y, const float* x, std::size_t rows, std::size_t stride,
                      const double* mean, double* factors, double* products) {
  for (std::size_t row = 0; row < rows; ++row, x += stride, y += stride) {
    *factors += static_cast<double>(*y);
    *products += static_cast<double>(*y) * (static_cast<double>(*x) - *mean);
  }
}
void add_centred_sums(const float* y, const float* x, std::size_t rows, std::size_t stride,
                      const double* means, double* factors, double* products, std::size_t n) {
  for_each_column_block(rows, n, [=](auto columns, std::size_t first, std::size_t height, std::size_t j) {
    const std::size_t at = first * stride + j;
    add_centred_sums(columns, y + at, x + at, height, stride, means + j, factors + j, products + j);
  });
}

CentredSum centred_sum(const float* y, const float* x, double mean, std::size_t n) {
  constexpr std::size_t kChains = 2;
  Half factors[kChains] = {};
  Half products[kChains] = {};
  const auto add = [&](std::size_t chain, std::size_t i) {
    const Half factor = load_half(y + i);
    factors[chain] += factor;
    products[chain] += factor * (load_half(x + i) - mean);
  };
  std::size_t i = 0;
  for (; i + kChains * kHalf <= n; i += kChains * kHalf) {
    for (std::size_t c = 0; c < kChains; ++c) add(c, i + c * kHalf);
  }
  for (; i + kHalf <= n; i += kHalf) add(0, i);
  const Half all_factors = factors[0] + factors[1];
  const Half all_products = products[0] + products[1];
  CentredSum sum{};
  for (std::size_t lane = 0; lane < kHalf; ++lane) {
    sum.factors += all_factors[lane];
    sum.products += all_products[lane];
  }
  for (; i < n; ++i) {
    sum.factors += static_cast<double>(y[i]);
    sum.products += static_cast<double>(y[i]) * (static_cast<double>(x[i]) - mean);
  }
  return sum;
}

}  // namespace
}  // namespace weft
