#pragma once
// Layers that put others side by side. Each passes training and buffers on (layer.h).

#include <span>
#include <vector>

#include "weft/frontends/nn/layer.h"

namespace weft::nn {

/// All layers applied to the same x, their results side by side along an axis: an inception module, Torch's
/// Concat and DepthConcat. Error(invalid_argument) where there are none.
class Concat {
 public:
  static constexpr std::string_view kind = "Concat";

  Concat(std::initializer_list<Layer> branches, std::int64_t axis = -1) : branches_(branches), axis_(axis) {}
  explicit Concat(std::vector<Layer> branches, std::int64_t axis = -1)
      : branches_(std::move(branches)), axis_(axis) {}

  Value operator()(const Operand& x) const;
  Trained train(const Operand& x) const;
  const std::vector<Layer>& layers() const noexcept { return branches_; }
  std::vector<Value> parameters() const { return nn::parameters(branches_); }
  std::vector<Value> buffers() const { return nn::buffers(branches_); }

 private:
  std::vector<Layer> branches_;
  std::int64_t axis_ = -1;
};

/// x + layer(x), which must have x's type (He, Zhang, Ren and Sun, CVPR 2016).
class Residual {
 public:
  static constexpr std::string_view kind = "Residual";

  explicit Residual(Layer layer) : inner_{std::move(layer)} {}

  Value operator()(const Operand& x) const;
  Trained train(const Operand& x) const;
  const std::vector<Layer>& layers() const noexcept { return inner_; }
  std::vector<Value> parameters() const { return nn::parameters(inner_); }
  std::vector<Value> buffers() const { return nn::buffers(inner_); }

 private:
  std::vector<Layer> inner_;  // one
};

/// t transform(x) + (1 - t) x with t = sigmoid(gate(x)), of two layers that keep the shape of x (Srivastava,
/// Greff and Schmidhuber, "Highway networks", 2015, who start the gate's bias below 0).
class Highway {
 public:
  static constexpr std::string_view kind = "Highway";

  Highway(Layer transform, Layer gate) : both_{std::move(transform), std::move(gate)} {}

  Value operator()(const Operand& x) const;
  Trained train(const Operand& x) const;
  const std::vector<Layer>& layers() const noexcept { return both_; }
  std::vector<Value> parameters() const { return nn::parameters(both_); }
  std::vector<Value> buffers() const { return nn::buffers(both_); }

 private:
  std::vector<Layer> both_;
};

/// The sum of what experts say, [batch, ...] each, weighted by gates [batch, experts] (Jacobs et al. 1991;
/// Torch's MixtureTable). Errors: shape_mismatch, dtype_mismatch.
Value mixture(const Operand& gates, std::span<const Value> experts);

}  // namespace weft::nn
