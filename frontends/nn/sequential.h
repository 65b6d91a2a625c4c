#pragma once
// Layers one after the other.

#include <initializer_list>
#include <string_view>
#include <vector>

#include "weft/frontends/nn/layer.h"

namespace weft::nn {

/// y = layer_n(... layer_1(x)). Layers and functions of one Value mix: {dense(graph, "hidden", 100), relu,
/// Dropout{0.5}, dense(graph, "logits", 10)}. A Sequential is a layer and may be nested. An error of a layer
/// names the layer. Without layers it returns x.
class Sequential {
 public:
  static constexpr std::string_view kind = "Sequential";

  Sequential() = default;
  Sequential(std::initializer_list<Layer> layers) : layers_(layers) {}
  explicit Sequential(std::vector<Layer> layers) : layers_(std::move(layers)) {}
  void add(Layer layer) { layers_.push_back(std::move(layer)); }

  /// Applies all layers as in prediction: without dropout, and with running values in batch norm.
  Value operator()(const Operand& x) const;
  /// For a first layer that takes a sparse matrix.
  Value operator()(const SparseValue& x, Where where = Where::current()) const;
  /// Applies all layers as in training, and returns the updates of all of them, too.
  Trained train(const Operand& x) const;
  Trained train(const SparseValue& x, Where where = Where::current()) const;

  const std::vector<Layer>& layers() const noexcept { return layers_; }
  std::vector<Value> parameters() const { return nn::parameters(layers_); }
  std::vector<Value> buffers() const { return nn::buffers(layers_); }

 private:
  Trained train_from(std::size_t first, const Value& x, Where where) const;

  std::vector<Layer> layers_;
};

}  // namespace weft::nn
