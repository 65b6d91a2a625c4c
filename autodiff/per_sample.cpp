#include "weft/autodiff/per_sample.h"

namespace weft {

SampleGradients per_sample_gradients_many(const std::function<Value(std::span<const Value>)>& loss,
                                          std::span<const Value> parameters, std::span<const Mapped> inputs,
                                          Unconnected unconnected) {
  const ExampleFunction of_example = [&](std::span<const Value> example) {
    const Value number = loss(example);
    std::vector<Value> all = gradients(Operand(number, inputs[0].where), parameters, unconnected);
    all.insert(all.begin(), number);
    return all;
  };
  std::vector<Value> all = vmap_many(of_example, inputs);
  SampleGradients found{.losses = all[0], .gradients = {}};
  found.gradients.assign(all.begin() + 1, all.end());
  return found;
}

}  // namespace weft
