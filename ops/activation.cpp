#include "weft/ops/activation.h"

#include "weft/ops/compare.h"

namespace weft {

Value Tanh::gradient(Value, Value y, Value dy) const { return dy * (1.0 - square(y)); }
Value Relu::gradient(Value, Value y, Value dy) const { return where(greater(y, 0.0), dy, 0.0); }
Value Sigmoid::gradient(Value, Value y, Value dy) const { return dy * (y * (1.0 - y)); }

// With alpha >= 0 the signs of x and y agree, and a gradient that reads y does not keep x alive.
Value LeakyRelu::gradient(Value x, Value y, Value dy) const {
  return where(greater(alpha >= 0.0 ? y : x, 0.0), dy, dy * alpha);
}
// alpha e^x and not y + alpha, which would lose all digits far below 0.
Value Elu::gradient(Value x, Value, Value dy) const {
  return where(greater(x, 0.0), dy, dy * (exp(x) * alpha));
}
Value Softplus::gradient(Value x, Value, Value dy) const { return dy * sigmoid(x); }

Value tanh(const Operand& x) { return apply(Tanh{}, x); }
Value relu(const Operand& x) { return apply(Relu{}, x); }
Value sigmoid(const Operand& x) { return apply(Sigmoid{}, x); }
Value leaky_relu(const Operand& x, double alpha) { return apply(LeakyRelu{alpha}, x); }
Value elu(const Operand& x, double alpha) { return apply(Elu{alpha}, x); }
Value softplus(const Operand& x) { return apply(Softplus{}, x); }

template detail::Model detail::model_of(Tanh);
template detail::Model detail::model_of(Relu);
template detail::Model detail::model_of(Sigmoid);
template detail::Model detail::model_of(LeakyRelu);
template detail::Model detail::model_of(Elu);
template detail::Model detail::model_of(Softplus);

}  // namespace weft
