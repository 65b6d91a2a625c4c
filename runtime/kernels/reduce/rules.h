#pragma once
// How numbers are brought together: the rules of reduction.h for sums, means and extremes. Internal to
// runtime/kernels/.

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "weft/graph/dtype.h"
#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {

/// Sums of f32 in f64.
struct FloatSum {
  using In = float;
  using State = double;
  using Out = float;
  static constexpr State kNothing = 0.0;
  State reduce(const In* x, std::size_t n) const { return vector_functions().sum(x, n); }
  State join(State a, State b) const { return a + b; }
  void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n) const {
    vector_functions().add_many_rows(x, rows, stride, nullptr, 0, s, n);
  }
  Out finish(State s) const { return static_cast<Out>(s); }
};

/// Sums of few rows, in f32; see VectorFunctions. For runs that are kept, under one loop that is reduced.
struct FewRowsSum {
  using In = float;
  using State = float;
  using Out = float;
  static constexpr State kNothing = 0.0F;
  State reduce(const In* x, std::size_t n) const { return static_cast<State>(vector_functions().sum(x, n)); }
  State join(State a, State b) const { return a + b; }
  void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n) const {
    vector_functions().add_rows(x, rows, stride, s, n);
  }
  Out finish(State s) const { return s; }
};

/// Sums in f64, or in integers that wrap around.
template <typename T>
struct WideSum {
  using In = T;
  using State = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  using Out = T;
  static constexpr State kNothing{};
  State reduce(const In* x, std::size_t n) const {
    constexpr std::size_t kChains = 8;
    State sums[kChains] = {};
    std::size_t i = 0;
    for (; i + kChains <= n; i += kChains) {
      for (std::size_t c = 0; c < kChains; ++c) sums[c] += static_cast<State>(x[i + c]);
    }
    for (; i < n; ++i) sums[0] += static_cast<State>(x[i]);
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  }
  State join(State a, State b) const { return a + b; }
  void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n) const {
    for (std::size_t row = 0; row < rows; ++row, x += stride) {
      for (std::size_t j = 0; j < n; ++j) s[j] += static_cast<State>(x[j]);
    }
  }
  Out finish(State s) const { return static_cast<Out>(s); }
};

/// Means of f32, by sums in f64.
struct FloatMean : FloatSum {
  double share = 1.0;  // of one element
  Out finish(State s) const { return static_cast<Out>(s * share); }
};

/// Means under one loop, all of whose rows come at once: the states are the means. Sums are made by `Sum` or,
/// where these overflow, in `Wide`.
template <typename Sum, typename Wide>
struct WholeMean {
  using In = typename Sum::In;
  using State = typename Sum::Out;
  using Out = typename Sum::Out;
  static constexpr State kNothing = 0;
  State count = 1;
  State reduce(const In* x, std::size_t n) const {
    const auto mean = static_cast<State>(Sum{}.reduce(x, n)) / count;
    return is_finite(mean) ? mean : wide_mean(x, n, 1);
  }
  State join(State, State b) const { return b; }
  void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n) const {
    Sum{}.reduce_rows(x, rows, stride, s, n);
    if (divide(s, n)) return;
    for (std::size_t j = 0; j < n; ++j) {
      if (!is_finite(s[j])) s[j] = wide_mean(x + j, rows, stride);
    }
  }
  Out finish(State s) const { return s; }

 private:
  static constexpr std::size_t kLanes = 16 / sizeof(State);
  typedef State Lanes __attribute__((vector_size(16)));

  /// Divides sums by the count; whether all results are finite.
  bool divide(State* s, std::size_t n) const {
    auto finite = Lanes{} == Lanes{};
    std::size_t j = 0;
    for (; j + kLanes <= n; j += kLanes) {
      Lanes means;
      std::memcpy(&means, s + j, sizeof(means));
      means /= count;
      finite &= means - means == Lanes{};  // that of infinities and of NaNs is a NaN
      std::memcpy(s + j, &means, sizeof(means));
    }
    bool all = true;
    for (std::size_t lane = 0; lane < kLanes; ++lane) all &= finite[lane] != 0;
    for (; j < n; ++j) {
      s[j] /= count;
      all &= is_finite(s[j]);
    }
    return all;
  }
  static bool is_finite(State mean) { return std::abs(mean) <= std::numeric_limits<State>::max(); }
  State wide_mean(const In* x, std::size_t n, std::size_t stride) const {
    Wide sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<Wide>(x[i * stride]);
    return static_cast<State>(sum / static_cast<Wide>(count));
  }
};

/// Means of f64 under several loops, by sums in long double.
struct WideMean {
  using In = double;
  using State = long double;
  using Out = double;
  static constexpr State kNothing = 0.0L;
  State count = 1.0L;
  State reduce(const In* x, std::size_t n) const {
    State sum = kNothing;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<State>(x[i]);
    return sum;
  }
  State join(State a, State b) const { return a + b; }
  void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n) const {
    for (std::size_t row = 0; row < rows; ++row, x += stride) {
      for (std::size_t j = 0; j < n; ++j) s[j] += static_cast<State>(x[j]);
    }
  }
  Out finish(State s) const { return static_cast<Out>(s / count); }
};

/// The largest, or the smallest; a NaN wins over any number.
template <typename T, bool kLargest>
struct Extreme {
  using In = T;
  using State = T;
  using Out = T;
  using Limits = std::numeric_limits<T>;
  static constexpr T kHighest = Limits::has_infinity ? Limits::infinity() : Limits::max();
  static constexpr T kLowest = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  static constexpr State kNothing = kLargest ? kLowest : kHighest;
  State reduce(const In* x, std::size_t n) const {
    constexpr std::size_t kChains = 4;
    State found = kNothing;
    std::size_t i = 0;
    if (n >= kChains * kLanes) {
      Lanes lanes[kChains];
      for (Lanes& chain : lanes) chain = Lanes{} + kNothing;
      for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
        for (std::size_t c = 0; c < kChains; ++c) lanes[c] = better(lanes[c], load(x + i + c * kLanes));
      }
      const Lanes all = better(better(lanes[0], lanes[1]), better(lanes[2], lanes[3]));
      for (std::size_t lane = 0; lane < kLanes; ++lane) found = join(found, all[lane]);
    }
    for (; i < n; ++i) found = join(found, x[i]);
    return found;
  }
  State join(State a, State b) const { return (kLargest ? b > a : b < a) || b != b ? b : a; }
  void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n) const {
    for (std::size_t row = 0; row < rows; ++row, x += stride) {
      std::size_t j = 0;
      for (; j + kLanes <= n; j += kLanes) {
        const Lanes lanes = better(load(s + j), load(x + j));
        std::memcpy(s + j, &lanes, sizeof(lanes));
      }
      for (; j < n; ++j) s[j] = join(s[j], x[j]);
    }
  }
  Out finish(State s) const { return s; }

 private:
  static constexpr std::size_t kLanes = 16 / sizeof(T);
  typedef T Lanes __attribute__((vector_size(16)));
  static Lanes load(const T* x) {
    Lanes lanes;
    std::memcpy(&lanes, x, sizeof(lanes));
    return lanes;
  }
  static Lanes better(Lanes a, Lanes b) {
    if constexpr (kLargest) {
      return ((b > a) | (b != b)) ? b : a;
    } else {
      return ((b < a) | (b != b)) ? b : a;
    }
  }
};
template <typename T>
using Largest = Extreme<T, true>;
template <typename T>
using Smallest = Extreme<T, false>;

/// Products in f64, or in integers that wrap around.
template <typename T>
struct ProductOf {
  using In = T;
  using State = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  using Out = T;
  static constexpr State kNothing{1};
  State reduce(const In* x, std::size_t n) const {
    State product = kNothing;
    for (std::size_t i = 0; i < n; ++i) product *= static_cast<State>(x[i]);
    return product;
  }
  State join(State a, State b) const { return a * b; }
  void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n) const {
    for (std::size_t row = 0; row < rows; ++row, x += stride) {
      for (std::size_t j = 0; j < n; ++j) s[j] *= static_cast<State>(x[j]);
    }
  }
  Out finish(State s) const { return static_cast<Out>(s); }
};

/// Calls `visit(T{})` for the usual dtypes of numbers. The others have no kernel here: each would compile all
/// the rules once more.
template <typename F>
auto visit_numbers(DType dtype, F&& visit) -> decltype(std::optional(visit(float{}))) {
  switch (dtype) {
    case DType::f32:
      return visit(float{});
    case DType::f64:
      return visit(double{});
    case DType::i32:
      return visit(std::int32_t{});
    case DType::i64:
      return visit(std::int64_t{});
    case DType::u8:
      return visit(std::uint8_t{});
    default:
      return std::nullopt;
  }
}

}  // namespace weft
