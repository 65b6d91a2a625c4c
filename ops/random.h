#pragma once
// Random numbers as nodes of a graph. They are counter-based: each element is a function of the session's
// seed, the run's number, the op's stream and the element's index, so they depend neither on threads nor on
// order.

#include "weft/graph/graph.h"

namespace weft {

struct RandomKey {  // the session's [seed, number of the run]; the runtime supplies it
  static constexpr std::string_view name = "random_key";
  TensorType infer() const { return {DType::i64, Shape{2}}; }
  void forward(const KernelArgs& args) const;  // throws: a key is read from the session
  static constexpr NoGradient gradient{"it is a source of random numbers"};
};

struct RandomUniform {  // uniform in [0, 1)
  static constexpr std::string_view name = "random_uniform";
  TensorType type;
  std::int64_t stream = 0;
  static constexpr auto attributes = weft::attributes(&RandomUniform::type, &RandomUniform::stream);
  TensorType infer(const TensorType& key) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"its input is a random key"};
};

struct RandomNormal {  // mean 0, variance 1, by Box and Muller's method (1958)
  static constexpr std::string_view name = "random_normal";
  TensorType type;
  std::int64_t stream = 0;
  static constexpr auto attributes = weft::attributes(&RandomNormal::type, &RandomNormal::stream);
  TensorType infer(const TensorType& key) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"its input is a random key"};
};

/// Uniform in [low, high), f32 or f64; rounding may give high itself. Every run draws new numbers.
Value random_uniform(Graph& graph, DType dtype, const Shape& shape, double low = 0.0, double high = 1.0,
                     Where where = Where::current());
/// Normally distributed with the given mean and standard deviation.
Value random_normal(Graph& graph, DType dtype, const Shape& shape, double mean = 0.0, double deviation = 1.0,
                    Where where = Where::current());
/// Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate) (Srivastava et al.
/// 2014, inverted). For training only; rate in [0, 1).
Value dropout(const Operand& x, double rate);

}  // namespace weft
