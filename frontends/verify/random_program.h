#pragma once
// Small random programs, for properties that hold for every program: a pass does not change results, and a
// plan computes the same as the interpreter.

#include <map>
#include <string>
#include <vector>

#include "weft/frontends/verify/sample_source.h"
#include "weft/graph/program.h"

namespace weft::verify {

struct ProgramStyle {
  bool special = false;    // -0, infinities, NaNs and denormals among the numbers
  bool updates = false;    // updates of parameters, as the last roots
  bool long_axes = false;  // sums of 10^5 to 10^6 terms away from zero, and few other nodes
};

struct RandomProgram {
  Program program;
  std::map<std::string, Tensor, std::less<>> feeds;  // of inputs and parameters, by label
  std::size_t outputs = 0;                           // how many roots are outputs; the others are updates
  /// The value of every root, by the interpreter in f64, for the first run of a session with seed 1.
  std::vector<Tensor> expected;
};

/// The value of a node without inputs in the first run of a session with seed 1.
Tensor first_feed(const Node& node, const std::map<std::string, Tensor, std::less<>>& feeds);

/// About `nodes` steps, each of one op or a few. Half of the steps draw an op from builtin_specifications(),
/// which includes new ops by itself; the others build what the compiler looks for: products of all ranks with
/// a bias that broadcasts and an activation, products with constants that are mostly zeros and with sparse
/// matrices, neutral constants, views of views, nodes that are nearly equal, comparisons that a later op
/// chooses by, rows of a table. Some axes are 1 or 0. There are one to three outputs. Floats have `dtype`;
/// other values have all dtypes. Rounding changes the values little: see RandomValues.
RandomProgram random_program(SampleSource& source, int nodes, DType dtype = f64,
                             const ProgramStyle& style = {});

}  // namespace weft::verify
