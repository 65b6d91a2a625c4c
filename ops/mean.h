#pragma once
// The mean as one op: sum over count would be infinite where the sum does not fit the dtype, though the mean
// does. See mean() in reduce.h.

#include "weft/ops/reduce.h"

namespace weft {

struct Mean {  // sum(x) / n over axes; a NaN of no elements
  static constexpr std::string_view name = "mean";
  Axes axes;
  bool keep_dims = false;
  static constexpr auto attributes = weft::attributes(&Mean::axes, &Mean::keep_dims);
  TensorType infer(const TensorType& x) const { return reduced_type(float_type(x), axes, keep_dims); }
  template <std::floating_point T>
  void forward(View<const T> x, View<T> y) const;
  Value gradient(Value x, Value y, Value dy) const;
  Value simplify(std::span<const Value> inputs) const;
};

template <std::floating_point T>
void Mean::forward(View<const T> x, View<T> y) const {
  using Wider = std::conditional_t<std::is_same_v<T, float>, double, long double>;
  std::vector<Wider> sums(y.data.size(), Wider{0});
  for_each_reduced(x.sizes, axes,
                   [&](std::size_t in, std::size_t out) { sums[out] += static_cast<Wider>(x[in]); });
  const auto count = static_cast<Wider>(sums.empty() ? 0 : x.data.size() / sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) y[i] = static_cast<T>(sums[i] / count);
}

}  // namespace weft
