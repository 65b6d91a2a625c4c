#pragma once
// Activations. The gradients of tanh, relu and sigmoid read the output only, so a fused matmul need not keep
// the activation's input. For that reason the gradients of tanh and sigmoid have an absolute error of up to
// 2e-7 dy: where y rounds to 1 they are 0. Ulps are meant as in elementwise.h.

#include "weft/ops/elementwise.h"

namespace weft {

struct Tanh {  // y = tanh(x), within 3 ulp; dx = dy (1 - y^2)
  static constexpr std::string_view name = "tanh";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::tanh(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Relu {  // y = max(x, 0), dx = dy where y > 0
  static constexpr std::string_view name = "relu";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return u <= T{0} ? T{0} : u; });  // keeps NaNs
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Sigmoid {  // y = 1 / (1 + e^-x), within 4 ulp; dx = dy y (1 - y)
  static constexpr std::string_view name = "sigmoid";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) {
      const T e = std::exp(-std::abs(u));  // the exponent is never positive, so nothing overflows
      return (u < T{0} ? e : T{1}) / (T{1} + e);
    });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct LeakyRelu {  // y = x where x > 0, else alpha x, within 1 ulp (Maas, Hannun, Ng 2013)
  static constexpr std::string_view name = "leaky_relu";
  static constexpr Traits traits{.elementwise = true};
  double alpha = 0.01;
  static constexpr auto attributes = weft::attributes(&LeakyRelu::alpha);
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [a = static_cast<T>(alpha)](T u) { return u > T{0} ? u : a * u; });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Elu {  // y = x where x > 0, else alpha (e^x - 1), within 2 ulp (Clevert, Unterthiner, Hochreiter 2016)
  static constexpr std::string_view name = "elu";
  static constexpr Traits traits{.elementwise = true};
  double alpha = 1.0;
  static constexpr auto attributes = weft::attributes(&Elu::alpha);
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [a = static_cast<T>(alpha)](T u) { return u > T{0} ? u : a * std::expm1(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct Softplus {  // y = ln(1 + e^x), within 3 ulp; dx = dy sigmoid(x)
  static constexpr std::string_view name = "softplus";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return (u <= T{0} ? T{0} : u) + std::log1p(std::exp(-std::abs(u))); });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

Value tanh(const Operand& x);
Value relu(const Operand& x);
Value sigmoid(const Operand& x);
Value leaky_relu(const Operand& x, double alpha = 0.01);
Value elu(const Operand& x, double alpha = 1.0);
Value softplus(const Operand& x);
/// x Phi(x) with the exact normal distribution function (Hendrycks, Gimpel 2016); see gelu.h.
Value gelu(const Operand& x);

// Compiled once, in activation.cpp.
extern template detail::Model detail::model_of(Tanh);
extern template detail::Model detail::model_of(Relu);
extern template detail::Model detail::model_of(Sigmoid);
extern template detail::Model detail::model_of(LeakyRelu);
extern template detail::Model detail::model_of(Elu);
extern template detail::Model detail::model_of(Softplus);

}  // namespace weft
