#pragma once
// The gradients of a loss for each example of a batch, by vmap() of gradients(): what differentially private
// training clips (Abadi et al., CCS 2016), and gradient noise and influence are estimated from. The graph
// does not grow with the number of examples.

#include <span>
#include <vector>

#include "weft/autodiff/gradients.h"
#include "weft/autodiff/vmap.h"

namespace weft {

struct SampleGradients {
  Value losses;                  // [examples]
  std::vector<Value> gradients;  // [examples, parameter's], for each parameter
};

/// The losses of all examples and their gradients with respect to `parameters`. `loss` is given the values of
/// one example, without the axis of the examples, and returns one floating-point number. Throws what
/// gradients() and vmap() throw.
SampleGradients per_sample_gradients_many(const std::function<Value(std::span<const Value>)>& loss,
                                          std::span<const Value> parameters, std::span<const Mapped> inputs,
                                          Unconnected unconnected = Unconnected::error);

/// The same for a function of one, two or three values:
///   per_sample_gradients([&](Value x, Value t) { return square(dot(w, x) - t); }, {w}, xs, ts)
template <typename F>
  requires std::invocable<F, Value>
SampleGradients per_sample_gradients(const F& loss, const std::vector<Value>& parameters, const Mapped& x) {
  return per_sample_gradients_many([&](std::span<const Value> one) { return loss(one[0]); }, parameters,
                                   {&x, 1});
}
template <typename F>
  requires std::invocable<F, Value, Value>
SampleGradients per_sample_gradients(const F& loss, const std::vector<Value>& parameters, const Mapped& x,
                                     const Mapped& y) {
  return per_sample_gradients_many([&](std::span<const Value> one) { return loss(one[0], one[1]); },
                                   parameters, std::array{x, y});
}
template <typename F>
  requires std::invocable<F, Value, Value, Value>
SampleGradients per_sample_gradients(const F& loss, const std::vector<Value>& parameters, const Mapped& x,
                                     const Mapped& y, const Mapped& z) {
  return per_sample_gradients_many([&](std::span<const Value> one) { return loss(one[0], one[1], one[2]); },
                                   parameters, std::array{x, y, z});
}

}  // namespace weft
