#pragma once
// Calls a compiled function for more rows than it should take at once.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "weft/runtime/function.h"
#include "weft/runtime/ranks/communicator.h"

namespace weft {

inline constexpr std::int64_t kPredictionBatch = 256;

/// Calls `function` for `batch` rows of its inputs at a time and joins its outputs, in order. Every input is
/// cut along its first axis, which must be a symbol in the function; scalars go to each call whole. The last
/// batch may be shorter, so the outputs have as many rows as the inputs. For inputs with 0 rows the function
/// is called once, and returns outputs with 0 rows.
///
/// Errors: invalid_argument for a batch below 1 and if no input has rows; shape_mismatch for inputs with
/// different numbers of rows, and for an output that does not have a row for each row of the inputs, such as
/// a mean; what the function throws. They name the line of the call.
std::vector<Tensor> predict(const Function& function, std::span<const Tensor> inputs,
                            std::int64_t batch = kPredictionBatch, const Where& where = Where::current());
std::vector<Tensor> predict(const Function& function, std::initializer_list<Tensor> inputs,
                            std::int64_t batch = kPredictionBatch, const Where& where = Where::current());
/// The same for a function with one input and one output; throws Error(invalid_argument) for any other.
Tensor predict(const Function& function, const Tensor& input, std::int64_t batch = kPredictionBatch,
               const Where& where = Where::current());

namespace ranks {

/// weft::predict where each rank computes its share of the rows, which all ranks get. Every rank is given all
/// rows.
std::vector<Tensor> predict(Communicator* communicator, const Function& function,
                            std::span<const Tensor> inputs, std::int64_t batch = kPredictionBatch,
                            const Where& where = Where::current());
Tensor predict(Communicator* communicator, const Function& function, const Tensor& input,
               std::int64_t batch = kPredictionBatch, const Where& where = Where::current());

}  // namespace ranks
}  // namespace weft
