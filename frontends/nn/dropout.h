#pragma once
// Noise for training, as functions and as layers that do nothing in prediction. All of them keep the mean of
// their input. Plain `dropout` is an op (weft/ops/random.h). Rates must be in [0, 1), or it is an
// Error(invalid_argument).

#include <string_view>

#include "weft/graph/graph.h"

namespace weft::nn {

namespace detail {

/// Throws Error(invalid_argument) unless 0 <= rate < 1.
void expect_dropout_rate(std::string_view layer, double rate, const Where& where);

}  // namespace detail

/// Drops whole channels of x [batch, channels, ...] and scales the others by 1 / (1 - rate) (Tompson et al.,
/// CVPR 2015).
Value spatial_dropout(const Operand& x, double rate);

/// Sets elements to selu's lower limit with probability `rate`, and then scales and shifts all elements, so
/// that a mean of 0 and a variance of 1 are kept (Klambauer et al., NIPS 2017).
Value alpha_dropout(const Operand& x, double rate);

/// x + N(0, deviation^2).
Value gaussian_noise(const Operand& x, double deviation);

/// x times N(1, rate / (1 - rate)), whose variance is that of dropout (Srivastava et al., JMLR 2014).
Value gaussian_dropout(const Operand& x, double rate);

// --- layers: y = x in prediction ---

struct Dropout {
  static constexpr std::string_view kind = "Dropout";
  double rate = 0.5;

  Value operator()(const Operand& x) const { return x.value(); }
  Value train(const Operand& x) const;
};
struct SpatialDropout {
  static constexpr std::string_view kind = "SpatialDropout";
  double rate = 0.5;

  Value operator()(const Operand& x) const { return x.value(); }
  Value train(const Operand& x) const { return spatial_dropout(x, rate); }
};
struct AlphaDropout {
  static constexpr std::string_view kind = "AlphaDropout";
  double rate = 0.5;

  Value operator()(const Operand& x) const { return x.value(); }
  Value train(const Operand& x) const { return alpha_dropout(x, rate); }
};
struct GaussianNoise {
  static constexpr std::string_view kind = "GaussianNoise";
  double deviation = 0.1;

  Value operator()(const Operand& x) const { return x.value(); }
  Value train(const Operand& x) const { return gaussian_noise(x, deviation); }
};
struct GaussianDropout {
  static constexpr std::string_view kind = "GaussianDropout";
  double rate = 0.5;

  Value operator()(const Operand& x) const { return x.value(); }
  Value train(const Operand& x) const { return gaussian_dropout(x, rate); }
};

}  // namespace weft::nn
