#pragma once
// Small random programs, for properties that hold of every program: a pass changes no result, a plan computes
// what the interpreter does.

#include "weft/graph/program.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/random_tensor.h"

namespace weft::testing_support {

struct RandomProgram {
  Program program;
  Feeds feeds;
};

/// `nodes` or a few more nodes over elementwise, matmul, reduce, softmax and layout ops, with shared values,
/// constants, parameters and random numbers among them; one to three roots, everything in `dtype`. Values
/// stay small and finite. Such a program holds what the simplifier looks for: neutral constants, chains of
/// transposes and reshapes, equal nodes.
RandomProgram random_program(TensorSource& source, int nodes, DType dtype = f64);

}  // namespace weft::testing_support
