#pragma once
// vmap() of an op against the op on one example after the other.

#include <string>
#include <vector>

#include "weft/frontends/verify/specification.h"

namespace weft::verify {

struct BatchFindings {
  bool symbolic = true;               // whether the number of examples may be a symbol
  std::vector<std::string> failures;  // what is wrong, a line each
};

/// Maps the op, and its gradients if it has any, over three examples of all its inputs, and of each input
/// alone. Variations of the sample that the op refuses are no examples.
BatchFindings check_batch(const Sample& sample, bool differentiate);

}  // namespace weft::verify
