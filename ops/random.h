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

struct StepKey {  // of a key and the number of a loop's step, i64 []: a key for that step alone
  static constexpr std::string_view name = "step_key";
  static constexpr Traits traits{.can_fail = false};
  TensorType infer(const TensorType& key, const TensorType& step) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"it makes a random key"};
};

struct RandomUniform {  // uniform in [0, 1)
  static constexpr std::string_view name = "random_uniform";
  TensorType type;
  std::int64_t stream = 0;
  static constexpr auto attributes = weft::attributes(&RandomUniform::type, &RandomUniform::stream);
  TensorType infer(const TensorType& key) const;
  void forward(const KernelArgs& args) const;
  /// Draws elements [begin, end) of a result. `key` has the two numbers of a RandomKey.
  void draw(std::span<const std::int64_t> key, std::int64_t begin, std::int64_t end, const Arg& y) const;
  static constexpr NoGradient gradient{"its input is a random key"};
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct RandomNormal {  // mean 0, variance 1, by Box and Muller's method (1958)
  static constexpr std::string_view name = "random_normal";
  TensorType type;
  std::int64_t stream = 0;
  static constexpr auto attributes = weft::attributes(&RandomNormal::type, &RandomNormal::stream);
  TensorType infer(const TensorType& key) const;
  void forward(const KernelArgs& args) const;
  /// Draws elements [begin, end) of a result. `key` has the two numbers of a RandomKey.
  void draw(std::span<const std::int64_t> key, std::int64_t begin, std::int64_t end, const Arg& y) const;
  static constexpr NoGradient gradient{"its input is a random key"};
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct RandomGamma {  // of the key and concentrations a: density x^(a-1) e^-x / Gamma(a)
  static constexpr std::string_view name = "random_gamma";
  std::int64_t stream = 0;
  static constexpr auto attributes = weft::attributes(&RandomGamma::stream);
  TensorType infer(const TensorType& key, const TensorType& concentrations) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"its draws are no smooth function of the concentration"};
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct RandomPoisson {  // of the key and rates: k with probability rate^k e^-rate / k!
  static constexpr std::string_view name = "random_poisson";
  std::int64_t stream = 0;
  static constexpr auto attributes = weft::attributes(&RandomPoisson::stream);
  TensorType infer(const TensorType& key, const TensorType& rates) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient{"it draws whole numbers"};
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// Uniform in [low, high), f32 or f64; rounding may give high itself. Every run draws new numbers.
Value random_uniform(Graph& graph, DType dtype, const Shape& shape, double low = 0.0, double high = 1.0,
                     Where where = Where::current());
/// Normally distributed with the given mean and standard deviation.
Value random_normal(Graph& graph, DType dtype, const Shape& shape, double mean = 0.0, double deviation = 1.0,
                    Where where = Where::current());
/// Normally distributed, but within [low, high], by the inverse of the distribution function: an f64 uniform
/// number for each element. Error(invalid_argument) unless low <= high, and for bounds that leave only what
/// is more than 8 deviations from the mean.
Value random_truncated_normal(Graph& graph, DType dtype, const Shape& shape, double mean, double deviation,
                              double low, double high, Where where = Where::current());
/// Exponentially distributed with mean 1 / rate, by the inverse of the distribution function.
/// Error(invalid_argument) unless the rate is positive.
Value random_exponential(Graph& graph, DType dtype, const Shape& shape, double rate = 1.0,
                         Where where = Where::current());
/// True with the probability p, in the shape of p (f32 or f64); never where it is at most 0 or a NaN, always
/// where it is at least 1.
Value random_bernoulli(const Operand& p);
Value random_bernoulli(Graph& graph, const Shape& shape, double p, Where where = Where::current());
/// A class for each row of logits [..., classes], i64 [...]: class c with the probability softmax(logits)[c],
/// as the first of the largest logits plus Gumbel noise -ln(-ln u) (Gumbel 1954; Maddison, Tarlow and Minka,
/// NIPS 2014). A logit of -infinity rules its class out.
Value random_categorical(const Operand& logits);
/// Gamma distributed with these concentrations a (f32 or f64), in their shape, with mean and variance a, by
/// Marsaglia and Tsang's method (ACM TOMS 2000), which rejects at most 5 in 100 tries; the 64th is taken as
/// it is. Below 1 a draw of a + 1 is multiplied by u^(1/a). NaN for a concentration that is not positive.
Value random_gamma(const Operand& concentrations);
/// The same for one concentration, with mean concentration / rate. Errors: invalid_argument unless both are
/// positive.
Value random_gamma(Graph& graph, DType dtype, const Shape& shape, double concentration, double rate = 1.0,
                   Where where = Where::current());
/// Whole numbers with these means (f32 or f64), in their shape and dtype, by the inverse of the distribution
/// function below 10 and by Hoermann's transformed rejection (PTRS, Insurance: Mathematics and Economics
/// 1993) above, at most 64 tries. NaN for a rate that is negative or not finite.
Value random_poisson(const Operand& rates);
/// The same for one rate. Errors: invalid_argument unless it is finite and not negative.
Value random_poisson(Graph& graph, DType dtype, const Shape& shape, double rate,
                     Where where = Where::current());
/// 0 .. size - 1 in random order, i64 [size]: `take(x, random_permutation(graph, n))` shuffles rows.
Value random_permutation(Graph& graph, const Dim& size, Where where = Where::current());
/// Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate) (Srivastava et al.
/// 2014, inverted). For training only; rate in [0, 1).
Value dropout(const Operand& x, double rate);

// Compiled once, in random.cpp.
extern template detail::Model detail::model_of(RandomKey);
extern template detail::Model detail::model_of(StepKey);
extern template detail::Model detail::model_of(RandomUniform);
extern template detail::Model detail::model_of(RandomNormal);
extern template detail::Model detail::model_of(RandomGamma);
extern template detail::Model detail::model_of(RandomPoisson);

}  // namespace weft
