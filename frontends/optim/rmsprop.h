#pragma once
// RMSProp.

#include <span>
#include <vector>

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct RmspropOptions {
  double alpha = 0.99;
  double epsilon = 1e-8;
  double momentum = 0.0;
  bool centered = false;      // divides by the deviation of the gradient, not by its root mean square
  double weight_decay = 0.0;  // L2
};

/// v <- a v + (1 - a) g^2, d = g / (sqrt(v) + eps), p <- p - lr d (Tieleman and Hinton, Coursera lecture 6.5,
/// 2012); centered: m <- a m + (1 - a) g, and v - m^2 in place of v, or 0 where rounding makes it negative
/// (Graves 2013); with momentum mu: b <- mu b + d, p <- p - lr b. Slots "<p>/rmsprop_v", "<p>/rmsprop_m",
/// "<p>/rmsprop_momentum".
std::vector<Value> rmsprop(std::span<const Value> parameters, std::span<const Value> gradients,
                           const Rate& rate, const RmspropOptions& options = {});

}  // namespace weft::optim
