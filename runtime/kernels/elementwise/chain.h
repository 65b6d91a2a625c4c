#pragma once
// A chain of elementwise steps that becomes one piece of machine code: the values between its steps stay in
// registers.

#include <cstddef>
#include <vector>

#include "weft/graph/op.h"

namespace weft {

struct ChainOperand {
  DType dtype = DType::f32;
  bool scalar = false;  // one element beside every element of the others; f32 or f64
};

struct ChainStep {
  Op op;
  std::vector<std::size_t> inputs;  // numbers of values
  DType dtype = DType::f32;         // of the result
};

/// Values are numbered: the operands first, then the results of the steps. A step reads only values with
/// smaller numbers. Beside truth values there is only one type of floats.
struct Chain {
  std::vector<ChainOperand> operands;
  std::vector<ChainStep> steps;
  std::vector<std::size_t> results;  // the steps' values that are written to memory

  std::size_t values() const { return operands.size() + steps.size(); }
  DType dtype_of(std::size_t value) const {
    return value < operands.size() ? operands[value].dtype : steps[value - operands.size()].dtype;
  }
};

}  // namespace weft
