#pragma once
// Weights of recurrent layers that were trained elsewhere.

#include <cstdint>

#include "weft/frontends/nn/recurrent.h"
#include "weft/graph/tensor.h"

namespace weft::nn {

/// How others lay out the gates of a layer, and whether their weights are transposed:
///
///           lstm        gru      weights
///   weft    i f g o     r z n    [inputs, gates * units], [units, gates * units]
///   torch   i f g o     r z n    [gates * units, inputs], [gates * units, units]
///   keras   i f g o     z r n    [inputs, gates * units], [units, gates * units]
///   onnx    i o f g     z r n    [gates * units, inputs], [gates * units, units]
enum class GateOrder : std::uint8_t { torch, keras, onnx };

/// The tensors of a layer, in its form or in that of another framework. The biases are [gates * units] and
/// may be empty.
struct RecurrentWeights {
  Tensor weight;
  Tensor recurrent_weight;
  Tensor bias{};
  Tensor recurrent_bias{};
};

/// The weights as a Recurrent has them: gates in its order, not transposed, and, unless the layer has a bias
/// of its own for the state (a gru with `reset_after`), both biases added up. Throws Error(shape_mismatch)
/// for tensors that do not fit each other.
RecurrentWeights weights_from(GateOrder order, const RecurrentWeights& theirs, const Recurrent& layer,
                              Where where = Where::current());

}  // namespace weft::nn
