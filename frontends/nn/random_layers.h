#pragma once
// Layers that draw numbers in training and are plain functions in prediction.

#include "weft/frontends/nn/weight_norms.h"

namespace weft::nn {

/// x where x > 0, else a x: in training a is drawn from U[lower, upper] for each element, in prediction it is
/// their mean (Xu et al., "Empirical evaluation of rectified activations", 2015; PyTorch's RReLU).
struct RandomRelu {
  static constexpr std::string_view kind = "RandomRelu";
  double lower = 1.0 / 8.0;
  double upper = 1.0 / 3.0;

  Value operator()(const Operand& x) const;
  /// Error(invalid_argument) unless lower <= upper.
  Value train(const Operand& x) const;
};

/// In training the layer's result is left out for whole samples with probability `rate`, and else divided by
/// 1 - rate: for branches that are added to what goes past them, as in Residual{StochasticDepth{...}} (Huang
/// et al., ECCV 2016).
class StochasticDepth {
 public:
  static constexpr std::string_view kind = "StochasticDepth";

  StochasticDepth(Layer layer, double rate) : inner_{std::move(layer)}, rate_(rate) {}

  Value operator()(const Operand& x) const { return inner_[0](x); }
  /// Error(invalid_argument) unless the rate is in [0, 1), and shape_mismatch for a scalar.
  Trained train(const Operand& x) const;
  const std::vector<Layer>& layers() const noexcept { return inner_; }
  std::vector<Value> parameters() const { return nn::parameters(inner_); }
  std::vector<Value> buffers() const { return nn::buffers(inner_); }

 private:
  std::vector<Layer> inner_;  // one
  double rate_;
};

namespace detail {

/// The weight with each element 0 with probability `rate`, the others divided by 1 - rate.
Value dropped_weight(const Value& weight, double rate, const Where& where);

}  // namespace detail

/// A layer whose weight loses elements at random in each training step (Wan et al., ICML 2013), the same ones
/// for all samples of a batch: DropConnect{dense(graph, "hidden", 784, 100), 0.5}.
template <HasWeight L>
struct DropConnect {
  static constexpr std::string_view kind = "DropConnect";
  L layer;
  double rate = 0.5;

  Value operator()(const Operand& x) const { return layer(x); }
  Trained train(const Operand& x) const {
    return nn::train(detail::with_weight(layer, detail::dropped_weight(layer.weight, rate, x.where())), x);
  }
  std::vector<Value> parameters() const { return nn::parameters(layer); }
};
template <HasWeight L>
DropConnect(L, double) -> DropConnect<L>;

}  // namespace weft::nn
