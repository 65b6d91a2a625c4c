#pragma once
// Small random programs, for properties that hold of every program: a pass changes no result, a plan computes
// what the interpreter does.

#include <map>
#include <string>

#include "weft/frontends/verify/sample_source.h"
#include "weft/graph/program.h"

namespace weft::verify {

struct RandomProgram {
  Program program;
  std::map<std::string, Tensor, std::less<>> feeds;  // of inputs and parameters, by label
};

/// `nodes` or a few more nodes over elementwise, matmul, gather, reduce, softmax and layout ops, with shared
/// values, constants, parameters and random numbers among them; one to three roots, everything in `dtype`.
/// Values stay small and finite, and rounding changes them little. Such a program holds what the compiler
/// looks for: neutral constants, chains of transposes and reshapes, equal nodes and such as are nearly equal,
/// comparisons that a later op chooses by, rows of a table that go straight into arithmetic.
RandomProgram random_program(SampleSource& source, int nodes, DType dtype = f64);

}  // namespace weft::verify
