#pragma once
// Euclidean norms and what is made of them. Squares are summed in a wider type, so that neither the largest
// nor the smallest numbers overflow or vanish.

#include "weft/ops/reduce.h"

namespace weft {

/// y = sqrt(sum(x^2)) over axes, in the dtype of x or, if `wide`, in f64, where the norm of f32 numbers is
/// always finite. dx = dy x / y, and 0 where y is 0.
struct Norm {
  static constexpr std::string_view name = "norm";
  Axes axes;
  bool keep_dims = false;
  bool wide = false;
  static constexpr auto attributes = weft::attributes(&Norm::axes, &Norm::keep_dims, &Norm::wide);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// The square root of the sum of the squares, floating point, within 1 ulp; its gradient at 0 is 0. Axes are
/// as in reduce.h. A norm beyond the largest number of the dtype is infinite, and its
/// gradient 0; that of wide_norm is right.
Value norm(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
/// The same in f64: finite for any finite f32 numbers.
Value wide_norm(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

/// mean((x - mean(x))^2), where the sum is divided by n - correction (NumPy's ddof); a correction of 1 gives
/// the unbiased estimate. It is infinite where one of the squares is. Accuracy in f32: within 40 * 2^-24 of
/// itself, and 2 m^2 for a rounding m of the mean, 2^-24 |mean|.
Value variance(const Operand& x, const Axes& axes = {}, bool keep_dims = false, double correction = 0.0);
/// The square root of the variance; it does not overflow where the squares would, and its gradient at 0 is 0.
Value standard_deviation(const Operand& x, const Axes& axes = {}, bool keep_dims = false,
                         double correction = 0.0);

/// x * scale for a scale in f64 that is not negative and broadcasts. The scale may be too small or too large
/// for the dtype of x if the product is not: x is multiplied twice by the scale's root. A scale of 1 keeps
/// the bits of x.
Value scale_widely(const Operand& x, const Value& scale);

// Compiled once, in norm.cpp.
extern template detail::Model detail::model_of(Norm);

}  // namespace weft
