#pragma once
// Gradients against central differences, in f64 and by the reference interpreter alone: the numbers of a
// gradient that `gradients()` built must be those that moving each input a little shows.

#include <gtest/gtest.h>

#include <functional>
#include <span>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/graph/value.h"

namespace weft::testing_support {

/// A floating-point value built from inputs, which all belong to one graph. A value that is no scalar is
/// reduced to one by a sum with random, fixed weights.
using Function = std::function<Value(std::span<const Value>)>;

/// Success where |a - n| <= tolerance * max(1, |a|, |n|) for the analytic and the numeric derivative with
/// respect to every element of every f64 input. Inputs of other dtypes are held. A failure names the worst
/// element and the seed.
testing::AssertionResult gradients_match(const Function& function, std::span<const Tensor> inputs,
                                         double tolerance = 1e-6);

/// The same for the gradient itself: the second derivatives along random directions against differences of
/// the gradient.
testing::AssertionResult second_gradients_match(const Function& function, std::span<const Tensor> inputs,
                                                double tolerance = 1e-5);

/// Success where forward mode agrees with reverse mode: along random tangents v and for random cotangents u,
/// u (J v) = (u J) v within tolerance * max(1, |both|), in f64.
testing::AssertionResult forward_matches_reverse(const Function& function, std::span<const Tensor> inputs,
                                                 double tolerance = 1e-10);

/// The scalar that the check differentiates: the sum of `value` times random, fixed weights.
Value weighted_sum(const Value& value);

/// The function whose value is a weighted sum of all gradients of `function`.
Function gradient_of(const Function& function);

}  // namespace weft::testing_support
