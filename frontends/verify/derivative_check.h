#pragma once
// An op's gradient rule against central differences of its reference kernel, in f64.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "weft/frontends/verify/specification.h"
#include "weft/graph/value.h"

namespace weft::verify {

/// A function of values of one graph, its inputs.
using GraphFunction = std::function<std::vector<Value>(std::span<const Value>)>;

/// The largest |a - b| / max(1, |a|, |b|) that was seen, and where.
struct Worst {
  double error = 0.0;
  std::string where;
};

/// The bounds that a verified gradient keeps.
inline constexpr double kGradientBound = 1e-6;
inline constexpr double kSecondBound = 1e-5;
inline constexpr double kForwardBound = 1e-10;

/// The gradient of a weighted sum of all floating-point outputs of `function` with respect to every f64
/// input, against central differences. Inputs of other dtypes are held.
Worst gradient_error(const GraphFunction& function, std::span<const Tensor> inputs, SampleSource& source);
/// The same for a weighted sum of all those gradients.
Worst second_gradient_error(const GraphFunction& function, std::span<const Tensor> inputs,
                            SampleSource& source);
/// Forward mode against reverse mode: u (J v) and (u J) v for random u and v.
Worst forward_error(const GraphFunction& function, std::span<const Tensor> inputs, SampleSource& source);

/// The op of a sample as such a function.
GraphFunction function_of(const Op& op);

}  // namespace weft::verify
