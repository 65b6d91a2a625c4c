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

/// x where |x| > t, else 0 (PyTorch's Hardshrink).
Value hard_shrink(const Operand& x, double t = 0.5);
/// x - t above t, x + t below -t, else 0 (Donoho 1995; PyTorch's Softshrink).
Value soft_shrink(const Operand& x, double t = 0.5);
/// x - tanh(x).
Value tanh_shrink(const Operand& x);
/// x where x > t, else `otherwise` (PyTorch's Threshold).
Value threshold(const Operand& x, double t, double otherwise = 0.0);
/// max(x, 0) + min(a (e^(x / a) - 1), 0) for a > 0 (Barron 2017).
Value celu(const Operand& x, double a = 1.0);
/// x tanh(ln(1 + e^x)) (Misra, BMVC 2020).
Value mish(const Operand& x);
/// ln sigmoid(x), with no overflow.
Value log_sigmoid(const Operand& x);
/// softmax(-x) along an axis.
Value softmin(const Operand& x, std::int64_t axis = -1);
/// The first half of an axis times the sigmoid of the second (Dauphin, Fan, Auli and Grangier, ICML 2017):
/// the axis is half as long. Error(shape_mismatch) for an odd size.
Value glu(const Operand& x, std::int64_t axis = -1);
/// relu(x) and relu(-x), one after the other along an axis (Shang, Sohn, Almeida and Lee, ICML 2016).
Value crelu(const Operand& x, std::int64_t axis = -1);

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
