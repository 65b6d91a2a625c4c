#pragma once
// Small random programs, for properties that hold of every program: a pass changes no result, a plan computes
// what the interpreter does.

#include <map>
#include <string>
#include <vector>

#include "weft/frontends/verify/sample_source.h"
#include "weft/graph/program.h"

namespace weft::verify {

struct ProgramStyle {
  bool special = false;    // -0, infinities, NaNs and denormals among the numbers
  bool updates = false;    // of parameters, as the last roots
  bool long_axes = false;  // sums of 10^5 to 10^6 terms away from zero, and few other nodes
};

struct RandomProgram {
  Program program;
  std::map<std::string, Tensor, std::less<>> feeds;  // of inputs and parameters, by label
  std::size_t outputs = 0;                           // how many roots are outputs; the others are updates
  /// Of every root, by the interpreter in f64, for the first run of a session of seed 1.
  std::vector<Tensor> expected;
};

/// What the first run of a session of seed 1 gives a node without inputs.
Tensor first_feed(const Node& node, const std::map<std::string, Tensor, std::less<>>& feeds);

/// About `nodes` steps, each of one op or a few. Half of them draw an op from builtin_specifications(), so
/// that a new op comes in by itself; the others make what the compiler looks for: products of all ranks with
/// a bias that broadcasts and an activation, products with constants that are mostly zeros and with sparse
/// matrices, neutral constants, views of views, nodes that are nearly equal, comparisons that a later op
/// chooses by, rows of a table. Axes are now and then 1 or 0. One to three outputs. Floats are of `dtype`,
/// other values of all dtypes. Rounding changes the values little: see RandomValues.
RandomProgram random_program(SampleSource& source, int nodes, DType dtype = f64,
                             const ProgramStyle& style = {});

}  // namespace weft::verify
