#include "weft/runtime/kernels/reduce/norm.h"

#include <cmath>

#include "weft/ops/norm.h"
#include "weft/runtime/kernels/reduce/reduction.h"
#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {
namespace {

/// The squares of f32 numbers have room in f64, those of the largest and of the smallest.
template <typename To>
struct FloatNorm {
  using In = float;
  using State = double;
  using Out = To;
  static constexpr State kNothing = 0.0;
  State reduce(const In* x, std::size_t n) const { return vector_functions().sum_squares(x, n); }
  State join(State a, State b) const { return a + b; }
  void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n) const {
    vector_functions().add_squares(x, rows, stride, s, n);
  }
  Out finish(State s) const { return static_cast<Out>(std::sqrt(s)); }
};

/// Those of f64 numbers have room in long double.
struct WideNorm {
  using In = double;
  using State = long double;
  using Out = double;
  static constexpr State kNothing = 0.0L;
  State reduce(const In* x, std::size_t n) const {
    State sum = kNothing;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<State>(x[i]) * static_cast<State>(x[i]);
    return sum;
  }
  State join(State a, State b) const { return a + b; }
  void reduce_rows(const In* x, std::size_t rows, std::size_t stride, State* s, std::size_t n) const {
    for (std::size_t row = 0; row < rows; ++row, x += stride) {
      for (std::size_t j = 0; j < n; ++j) s[j] += static_cast<State>(x[j]) * static_cast<State>(x[j]);
    }
  }
  Out finish(State s) const { return static_cast<Out>(std::sqrt(s)); }
};

}  // namespace

std::optional<KernelChoice> norm_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Norm>();
  if (op == nullptr) return std::nullopt;
  if (site.inputs[0].dtype == DType::f64) return reduction_choice(site, op->axes, WideNorm{});
  return op->wide ? reduction_choice(site, op->axes, FloatNorm<double>{})
                  : reduction_choice(site, op->axes, FloatNorm<float>{});
}

}  // namespace weft
