#include "weft/frontends/nn/sequential.h"

#include <fmt/format.h>

#include <functional>

namespace weft::nn {
namespace {

/// Runs `apply`; its errors name the layer.
template <typename F>
auto in_layer(const std::vector<Layer>& layers, std::size_t i, F apply) {
  try {
    return apply(layers[i]);
  } catch (const Error& error) {
    std::string what(layers[i].kind().empty() ? "a function" : layers[i].kind());
    throw Error(
        error.code(),
        fmt::format("layer {} of {} of a Sequential, {}: {}", i + 1, layers.size(), what, error.message()),
        error.trail());
  }
}

void expect_layers(const std::vector<Layer>& layers, Where where) {
  if (!layers.empty()) return;
  throw Error(ErrorCode::invalid_argument, "a Sequential without layers takes no sparse matrix",
              {.where = to_string(where)});
}

}  // namespace

Value Sequential::operator()(const Operand& x) const {
  Value y = x.value();
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    y = in_layer(layers_, i, [&](const Layer& layer) { return layer(Operand(y, x.where())); });
  }
  return y;
}

Value Sequential::operator()(const SparseValue& x, Where where) const {
  expect_layers(layers_, where);
  Value y = in_layer(layers_, 0, [&](const Layer& layer) { return layer(x, where); });
  for (std::size_t i = 1; i < layers_.size(); ++i) {
    y = in_layer(layers_, i, [&](const Layer& layer) { return layer(Operand(y, where)); });
  }
  return y;
}

Trained Sequential::train(const Operand& x) const { return train_from(0, x.value(), x.where()); }

Trained Sequential::train(const SparseValue& x, Where where) const {
  expect_layers(layers_, where);
  const Value first = in_layer(layers_, 0, [&](const Layer& layer) { return layer(x, where); });
  return train_from(1, first, where);
}

Trained Sequential::train_from(std::size_t first, const Value& x, Where where) const {
  Trained all{.y = x};
  for (std::size_t i = first; i < layers_.size(); ++i) {
    Trained one =
        in_layer(layers_, i, [&](const Layer& layer) { return layer.train(Operand(all.y, where)); });
    all.y = one.y;
    all.updates.insert(all.updates.end(), one.updates.begin(), one.updates.end());
  }
  return all;
}

}  // namespace weft::nn
