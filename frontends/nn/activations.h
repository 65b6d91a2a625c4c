#pragma once
// Elementwise activations of one floating-point value, made of the ops in ops/, and the table of those that
// can be chosen by name.

#include <span>
#include <string_view>

#include "weft/graph/graph.h"

namespace weft::nn {

/// min(max(x, 0), 6) (Krizhevsky 2010).
Value relu6(const Operand& x);
/// x where x > 0, else alpha x, with an alpha to train, which broadcasts: a scalar, or [channels] for
/// x [..., channels] (He, Zhang, Ren and Sun, ICCV 2015).
Value prelu(const Operand& x, const Value& alpha);
/// l x where x > 0, else l a (e^x - 1), with l = 1.0507... and a = 1.6732... that keep mean 0 and variance 1
/// (Klambauer et al., NIPS 2017).
Value selu(const Operand& x);
/// min(max(x / 6 + 1/2, 0), 1), as in PyTorch.
Value hard_sigmoid(const Operand& x);
/// min(max(x, -1), 1).
Value hard_tanh(const Operand& x);
/// x / (1 + |x|) (Bergstra et al. 2009).
Value softsign(const Operand& x);
/// x sigmoid(beta x) (Ramachandran, Zoph and Le 2017); SiLU for beta = 1.
Value swish(const Operand& x, double beta = 1.0);
/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which is near gelu() (Hendrycks and Gimpel 2016).
Value gelu_tanh(const Operand& x);

inline constexpr double kSeluScale = 1.0507009873554804934193349852946;
inline constexpr double kSeluAlpha = 1.6732632423543772848170429916717;

/// An activation without parameters, for hidden layers.
struct NamedActivation {
  std::string_view name;  // "relu"
  std::string_view help;
  Value (*apply)(const Operand& x);
};
std::span<const NamedActivation> named_activations();
/// Throws Error(invalid_argument), which lists the names.
const NamedActivation& activation_named(std::string_view name);

}  // namespace weft::nn
