#include "weft/frontends/nn/containers.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/activation.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/structure.h"

namespace weft::nn {
namespace {

/// The results of layers, and the updates of all of them.
struct Together {
  std::vector<Value> results;
  std::vector<Value> updates;
};

Together train_each(const std::vector<Layer>& layers, const Operand& x) {
  Together all;
  for (const Layer& layer : layers) {
    Trained trained = layer.train(x);
    all.results.push_back(trained.y);
    all.updates.insert(all.updates.end(), trained.updates.begin(), trained.updates.end());
  }
  return all;
}

Value between(const Operand& x, const Value& transformed, const Value& gate) {
  const Value t = sigmoid(gate);
  return t * transformed + (1.0 - t) * x;
}

}  // namespace

Value Concat::operator()(const Operand& x) const {
  std::vector<Value> results;
  for (const Layer& branch : branches_) results.push_back(branch(x));
  return concat(results, axis_, x.where());
}

Trained Concat::train(const Operand& x) const {
  Together all = train_each(branches_, x);
  return {.y = concat(all.results, axis_, x.where()), .updates = std::move(all.updates)};
}

Value Residual::operator()(const Operand& x) const { return x + inner_[0](x); }

Trained Residual::train(const Operand& x) const {
  Trained trained = inner_[0].train(x);
  return {.y = x + trained.y, .updates = std::move(trained.updates)};
}

Value Highway::operator()(const Operand& x) const { return between(x, both_[0](x), both_[1](x)); }

Trained Highway::train(const Operand& x) const {
  Together all = train_each(both_, x);
  return {.y = between(x, all.results[0], all.results[1]), .updates = std::move(all.updates)};
}

Value mixture(const Operand& gates, std::span<const Value> experts) {
  return located("mixture", gates.where(), [&] {
    const Value weights = gates.value("mixture");
    const bool fits = weights.shape().rank() == 2 && !experts.empty() &&
                      weights.shape()[1].is(static_cast<std::int64_t>(experts.size()));
    if (!fits) {
      throw Error(ErrorCode::shape_mismatch, "there must be one gate for each expert",
                  {.expected = fmt::format("[batch, {}], of at least one", experts.size()),
                   .actual = to_string(weights.type())});
    }
    const Scope origin(weights.graph(), "mixture", gates.where());
    const Value all = stack(experts, 1, gates.where());  // [batch, experts, ...]
    std::vector<Dim> dims = weights.shape().dims();
    dims.resize(all.shape().rank(), Dim(1));
    return sum(reshape(weights, Shape(std::move(dims))) * all, {1});
  });
}

}  // namespace weft::nn
