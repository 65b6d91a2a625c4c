#pragma once
// Mean and deviation in one op, for normalizations, and the sums that their gradients are made of. Numbers
// are added up in f64, those of f64 tensors in long double, so that no square overflows on the way.

#include "weft/ops/reduce.h"

namespace weft {

/// mean(x) and, in f64, sqrt(mean((x - mean)^2)) over axes, which stay with size 1. Of no elements both are
/// 0. dx = dmean / n + ddeviation (x - mean) / (n deviation), where the deviation is 0 without the second
/// term.
struct Moments {
  static constexpr std::string_view name = "moments";
  Axes axes;
  static constexpr auto attributes = weft::attributes(&Moments::axes);
  std::array<TensorType, 2> infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// sum(y) and, in f64, sum(y (x - mean)) over axes, which stay with size 1, as `mean` has them.
struct CentredSums {
  static constexpr std::string_view name = "centred_sums";
  Axes axes;
  static constexpr auto attributes = weft::attributes(&CentredSums::axes);
  std::array<TensorType, 2> infer(const TensorType& y, const TensorType& x, const TensorType& mean) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct MomentsOf {
  Value mean;       // in the dtype of x
  Value deviation;  // f64
};
/// The mean, within one rounding, and the root of the mean square of the distances to it, within 1e-7 of
/// itself where these have their digits, of floats along `axes` (all of them if none is listed).
MomentsOf moments(const Operand& x, const Axes& axes);

// Compiled once, in moments.cpp.
extern template detail::Model detail::model_of(Moments);
extern template detail::Model detail::model_of(CentredSums);

}  // namespace weft
