#pragma once
// The gradients of a model that somebody else made, against differences of what it computes.

#include <map>
#include <span>
#include <string>

#include "weft/graph/program.h"

namespace weft::cli {

struct GradientFinding {
  /// The derivative along one random direction of all floats that go in, inputs and parameters, by gradients
  /// and by central differences of the reference kernels in f64: how far apart they are, beside the root of
  /// the sum of the squares of its terms.
  double error = 0.0;
  std::string why_not;  // it could not be compared; "" if it was
};

/// Of a weighted sum of all floats that a program without symbols returns. `feeds` has its inputs and
/// parameters by their labels.
GradientFinding compare_gradients(const Program& program,
                                  const std::map<std::string, Tensor, std::less<>>& feeds);

}  // namespace weft::cli
