#pragma once
// Layers whose weight is normalized before it is used: any layer with a member `weight`, such as Dense and
// the convolutions.

#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "weft/frontends/nn/conv.h"
#include "weft/frontends/nn/dense.h"
#include "weft/frontends/nn/layer.h"
#include "weft/graph/graph.h"
#include "weft/ops/control.h"

namespace weft::nn {

template <typename L>
concept HasWeight = requires(const L& layer) {
  { layer.weight } -> std::convertible_to<Value>;
  { layer.parameters() } -> std::ranges::range;
};

/// The axis of a weight that has an element for each unit or filter: 1 of Dense [inputs, units] and of
/// transposed convolutions [channels, filters, ...], otherwise 0.
template <typename L>
inline constexpr std::int64_t kUnitAxis = std::same_as<L, Dense> ? 1 : 0;
template <std::size_t Axes>
inline constexpr std::int64_t kUnitAxis<ConvTransposeLayer<Axes>> = 1;

struct SpectralNormOptions {
  std::int64_t iterations = 1;         // of the power method in each training step
  double epsilon = 1e-12;              // the smallest norm that is divided by
  std::optional<std::int64_t> axis{};  // of the units, or that of kUnitAxis
};

namespace detail {

/// A weight divided by an estimate of its largest singular value, and the next left vector of the estimate.
struct SpectralWeight {
  Value weight;
  Value u;
};
/// After `iterations` steps of the power method from `u`.
SpectralWeight spectral_weight(const Value& weight, const Value& u, std::int64_t axis,
                               std::int64_t iterations, double epsilon);
/// The state "<layer>/spectral_u".
Value spectral_state(const Value& weight, std::int64_t axis, const SpectralNormOptions& options,
                     const Where& where);

/// g v / |v| for the vector v of each unit.
Value normalized_weight(const Value& weight, const Value& gain, std::int64_t axis);
/// The parameter "<layer>/gain", which starts as the norms.
Value gain_parameter(const Value& weight, std::int64_t axis, const Where& where);

/// A layer with another weight.
template <HasWeight L>
L with_weight(L layer, const Value& weight) {
  layer.weight = weight;
  return layer;
}

}  // namespace detail

/// The layer with W / sigma for W, where sigma is the largest singular value of W as a matrix [units,
/// others], so that it stretches no vector (Miyato et al., ICLR 2018). sigma = u^T W v is estimated by the
/// power method, whose vector u is state: each training step takes v = W^T u / |W^T u| and u = W v / |W v|;
/// prediction leaves u as it is. u and v count as constants in the gradient.
template <HasWeight L>
struct SpectralNorm {
  static constexpr std::string_view kind = "SpectralNorm";
  L layer;
  Value u;  // [units], starts near the first left singular vector; no optimizer moves it
  SpectralNormOptions options;

  Trained train(const Operand& x) const {
    const auto now = detail::spectral_weight(layer.weight, u, axis(), options.iterations, options.epsilon);
    Trained trained = nn::train(detail::with_weight(layer, now.weight), x);
    trained.updates.push_back(assign(Operand(u, x.where()), Operand(now.u, x.where())));
    return trained;
  }
  Value operator()(const Operand& x) const {
    const auto now = detail::spectral_weight(layer.weight, u, axis(), 0, options.epsilon);
    return detail::with_weight(layer, now.weight)(x);
  }
  std::vector<Value> parameters() const { return nn::parameters(layer); }
  std::vector<Value> buffers() const {
    std::vector<Value> all;
    if constexpr (detail::HasBuffers<L>) all = nn::buffers(layer);
    all.push_back(u);
    return all;
  }

 private:
  std::int64_t axis() const { return options.axis.value_or(kUnitAxis<L>); }
};

/// Its state is "<layer>/spectral_u". Errors: invalid_argument for a weight that is no parameter, less than
/// one iteration, or an axis that the weight does not have.
template <HasWeight L>
SpectralNorm<L> spectral_norm(L layer, const SpectralNormOptions& options = {},
                              Where where = Where::current()) {
  const Value u = detail::spectral_state(layer.weight, options.axis.value_or(kUnitAxis<L>), options, where);
  return {std::move(layer), u, options};
}

/// The layer with g v / |v| for its weight, where v is the layer's own weight and the norm is that of the
/// vector of each unit: its length and its direction learn apart (Salimans and Kingma, NeurIPS 2016).
template <HasWeight L>
struct WeightNorm {
  static constexpr std::string_view kind = "WeightNorm";
  L layer;
  Value gain;  // [units], starts as |v|, so that the layer starts as it would without
  std::int64_t axis = kUnitAxis<L>;

  Value operator()(const Operand& x) const { return normalized()(x); }
  Trained train(const Operand& x) const { return nn::train(normalized(), x); }
  std::vector<Value> parameters() const {
    std::vector<Value> all = nn::parameters(layer);
    all.push_back(gain);
    return all;
  }

 private:
  L normalized() const {
    return detail::with_weight(layer, detail::normalized_weight(layer.weight, gain, axis));
  }
};

/// Its parameters are those of the layer and "<layer>/gain". Errors: invalid_argument for a weight that is no
/// parameter, or an axis that it does not have.
template <HasWeight L>
WeightNorm<L> weight_norm(L layer, std::optional<std::int64_t> axis = {}, Where where = Where::current()) {
  const std::int64_t along = axis.value_or(kUnitAxis<L>);
  const Value gain = detail::gain_parameter(layer.weight, along, where);
  return {std::move(layer), gain, along};
}

}  // namespace weft::nn
