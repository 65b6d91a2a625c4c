#pragma once
// One table of examples for all built-in ops: functions to differentiate of f64 inputs (and
// of integers that they are held at), and inputs that keep away from kinks and poles. The gradient checks,
// the checks of the kernels and the completeness test all walk over it, so a new op needs one entry here to
// get them all.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/tests/support/gradient_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::testing_support {

struct OpCase {
  std::string_view op;  // the name of the built-in op that the function contains
  std::string name;     // what is special about this case, in CamelCase
  Function function;
  std::function<std::vector<Tensor>(TensorSource&)> inputs;
};

/// All cases, grouped by op.
const std::vector<OpCase>& op_cases();

/// The built-in ops that have no gradient, on purpose.
const std::vector<std::string_view>& ops_without_gradient();

/// A name for a parameterized test: "pow_Broadcast".
std::string case_name(const OpCase& op_case);

}  // namespace weft::testing_support
