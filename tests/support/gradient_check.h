#pragma once
// The checks of frontends/verify/derivative_check.h as assertions on functions that a test makes up.

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

/// The function whose value is a weighted sum of all gradients of `function`.
Function gradient_of(const Function& function);

}  // namespace weft::testing_support
