#pragma once
// Muon: steps of matrices whose singular values are all about 1.

#include "weft/frontends/optim/rate.h"

namespace weft::optim {

struct MuonOptions {
  double momentum = 0.95;
  bool nesterov = true;
  std::int64_t iterations = 5;  // of Newton and Schulz
  double weight_decay = 0.0;    // beside the step
  double epsilon = 1e-7;        // added to the norm that a step is divided by before them
};

/// m <- mu m + g, d = g + mu m or m, p <- p - lr sqrt(max(1, units / inputs)) orthogonal(d) - lr decay p,
/// where orthogonal(d) is near U V^T of d = U S V^T: X <- a X + (b A + c A^2) X for A = X X^T, from X = d /
/// |d| (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024, with its a, b and c,
/// which bring singular values to [0.7, 1.2]). A parameter with two axes is [inputs, units], as of nn::dense;
/// one with more is [units, all others], as of convolutions. For matrices of hidden layers; give biases,
/// embeddings and last layers to adamw. Slot "<p>/muon_m". Errors: shape_mismatch for a parameter with fewer
/// than two axes; invalid_argument for less than one iteration.
std::vector<Value> muon(std::span<const Value> parameters, std::span<const Value> gradients, const Rate& rate,
                        const MuonOptions& options = {});

/// The same orthogonal(d) of matrices [..., m, n], for methods of one's own.
Value newton_schulz(const Operand& d, std::int64_t iterations = 5, double epsilon = 1e-7);

}  // namespace weft::optim
