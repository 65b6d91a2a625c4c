#pragma once
// A compiled function over more rows than it should see at once.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "weft/runtime/function.h"

namespace weft {

inline constexpr std::int64_t kPredictionBatch = 256;

/// Calls `function` on `batch` rows of its inputs at a time and joins the outputs: all of them, in order.
/// Every input is cut along its first axis, whose symbol the function must leave open; scalars go to each
/// call whole. The last batch is as short as it must be, so the outputs have as many rows as the inputs; for
/// inputs without rows the function is called once, and gives outputs without rows.
///
/// Errors: invalid_argument for a batch below 1 and for no input with rows; shape_mismatch for inputs that
/// differ in rows, and for an output that does not have a row for each row of the inputs, as a mean has not;
/// what the function throws.
std::vector<Tensor> predict(const Function& function, std::span<const Tensor> inputs,
                            std::int64_t batch = kPredictionBatch);
std::vector<Tensor> predict(const Function& function, std::initializer_list<Tensor> inputs,
                            std::int64_t batch = kPredictionBatch);
/// Of a function with one input and one output, else Error(invalid_argument).
Tensor predict(const Function& function, const Tensor& input, std::int64_t batch = kPredictionBatch);

}  // namespace weft
